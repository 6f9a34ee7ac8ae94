//! What an event changed the total by, as far as the ledger can tell.

use spillway_ledger::{EventKind, ObjectEvent, Row};

/// The change in bytes; `None` if it can't be known.
///
/// Tracking and logging share nothing but the event. Only the row that tracking made of this very event says what was
/// there before it. An older row may be followed by an event that is still on its way, and a newer one has replaced what
/// it followed: what they suggest would be a guess. So would be 0 for a deletion that was tracked before the object's
/// creation.
pub fn size_delta(event: &ObjectEvent, row: Option<&Row>) -> Option<i64> {
    // An audit's repair leaves the sequencer as it is.
    let row = row.filter(|row| *row.sequencer() == event.sequencer && row.as_of().is_none())?;
    match (row, &event.kind) {
        // An expiry carries the sequencer of the creation: of the two, the row tells the one that came last.
        (Row::Live(_), EventKind::Deleted) | (Row::Tombstone(_), EventKind::Created { .. }) => None,
        (Row::Live(_), EventKind::Created { .. }) => Some(row.size_delta()),
        (Row::Tombstone(tombstone), EventKind::Deleted) => {
            let deleted = 0_i64.checked_sub_unsigned(tombstone.last_size?);
            deleted.filter(|delta| *delta == tombstone.size_delta)
        }
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
        Some(Row::Live(ObjectRow {
            object_name,
            bucket_name,
            size,
            etag: None,
            size_delta,
            sequencer,
            version_id: None,
            as_of: None,
            last_modified_ms: None,
            updated_at,
        }))
    }

    fn deleted(digits: &str, last_size: Option<u64>, size_delta: i64) -> Option<Row> {
        let (object_name, bucket_name) = ("a".into(), "b".into());
        let (sequencer, updated_at, expires_at) = (sequencer(digits), jiff::Timestamp::UNIX_EPOCH, 0);
        Some(Row::Tombstone(Tombstone {
            object_name,
            bucket_name,
            last_size,
            size_delta,
            sequencer,
            version_id: None,
            as_of: None,
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
            version_id: None,
            event_time: jiff::Timestamp::UNIX_EPOCH,
        };
        assert_eq!(size_delta(&event, row.as_ref()), expect);
    }

    #[test]
    fn a_change_is_known_once_it_was_tracked() {
        check(EventKind::Deleted, deleted("05", Some(18), -18), Some(-18));
        check(EventKind::Created { size: 28, etag: None }, live("05", 28, 10), Some(10));
    }

    #[test]
    fn what_cannot_be_known_is_none() {
        for kind in [EventKind::Deleted, EventKind::Created { size: 28, etag: None }] {
            let older = [live("04", 18, 18), deleted("04", Some(18), -18)];
            let newer = [live("06", 28, 28), deleted("06", Some(28), -28)];
            for row in older.into_iter().chain(newer).chain([None]) {
                check(kind.clone(), row, None);
            }
        }
        // Tracking has recorded the creation and not the expiry, or the other way round.
        check(EventKind::Deleted, live("05", 18, 18), None);
        check(EventKind::Created { size: 18, etag: None }, deleted("05", Some(18), -18), None);
        check(EventKind::Deleted, deleted("05", None, 0), None);
        check(EventKind::Deleted, deleted("05", Some(18), 0), None);
        // An audit has put the row right since.
        let mut row = live("05", 28, 10);
        if let Some(Row::Live(row)) = &mut row {
            row.as_of = Some(jiff::Timestamp::UNIX_EPOCH);
        }
        check(EventKind::Created { size: 18, etag: None }, row, None);
    }
}
