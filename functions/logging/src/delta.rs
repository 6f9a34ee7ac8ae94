//! What an event changes the total by, as far as the ledger can tell.

use std::cmp::Ordering;

use spillway_ledger::{EventKind, ObjectEvent, Row};

/// The change in bytes; `None` if it can't be known.
///
/// Tracking and logging share nothing but the event, so the object's row may be from before the event, from the event
/// itself, or from a later one, in which case what was before is gone.
pub fn size_delta(event: &ObjectEvent, row: Option<&Row>) -> Option<i64> {
    let previous = match row {
        Some(row) => match row.sequencer().cmp(&event.sequencer) {
            Ordering::Less => Some(row),
            Ordering::Equal => return Some(row.size_delta()),
            Ordering::Greater => return None,
        },
        None => None,
    };
    match (&event.kind, previous) {
        (EventKind::Created { size, .. }, row) => {
            i64::try_from(*size).ok()?.checked_sub_unsigned(row.map_or(0, Row::size))
        }
        (EventKind::Deleted, Some(Row::Live(row))) => 0_i64.checked_sub_unsigned(row.size),
        // The object's creation hasn't been tracked yet.
        (EventKind::Deleted, Some(Row::Tombstone(_)) | None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_contracts::ledger::{ObjectRow, Tombstone};
    use spillway_contracts::{ObjectName, Sequencer};

    fn sequencer(digits: &str) -> Sequencer {
        Sequencer::new(digits).unwrap()
    }

    fn live(digits: &str, size: u64, size_delta: i64) -> Option<Row> {
        let (object_name, bucket_name) = ("a".into(), "b".into());
        let (sequencer, updated_at) = (sequencer(digits), jiff::Timestamp::UNIX_EPOCH);
        Some(Row::Live(ObjectRow { object_name, bucket_name, size, etag: None, size_delta, sequencer, updated_at }))
    }

    fn deleted(digits: &str, size_delta: i64) -> Option<Row> {
        let (object_name, bucket_name, last_size) = ("a".into(), "b".into(), None);
        let (sequencer, updated_at, expires_at) = (sequencer(digits), jiff::Timestamp::UNIX_EPOCH, 0);
        Some(Row::Tombstone(Tombstone {
            object_name,
            bucket_name,
            last_size,
            size_delta,
            sequencer,
            updated_at,
            expires_at,
        }))
    }

    #[track_caller]
    fn check(kind: EventKind, row: Option<Row>, expect: Option<i64>) {
        let event = ObjectEvent {
            bucket_name: "b".into(),
            object_name: ObjectName::new("a").unwrap(),
            kind,
            event_type: String::new(),
            sequencer: sequencer("05"),
            event_time: jiff::Timestamp::UNIX_EPOCH,
        };
        assert_eq!(size_delta(&event, row.as_ref()), expect);
    }

    #[test]
    fn a_deletions_size_is_found_before_and_after_it_was_tracked() {
        check(EventKind::Deleted, live("04", 18, 18), Some(-18));
        check(EventKind::Deleted, deleted("05", -18), Some(-18));
    }

    #[test]
    fn a_creation_counts_against_the_size_before_it() {
        let created = EventKind::Created { size: 28, etag: None };
        check(created.clone(), None, Some(28));
        check(created.clone(), live("04", 18, 18), Some(10));
        check(created.clone(), live("05", 28, 10), Some(10));
        check(created, deleted("04", -18), Some(28));
    }

    #[test]
    fn what_cannot_be_known_is_none() {
        check(EventKind::Deleted, None, None);
        check(EventKind::Deleted, deleted("04", -18), None);
        check(EventKind::Deleted, live("06", 28, 28), None);
        check(EventKind::Created { size: 28, etag: None }, deleted("06", -28), None);
    }
}
