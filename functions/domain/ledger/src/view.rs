//! The ledger as it was after one of its records, pieced together from reads of which none is a snapshot.
//!
//! An index lags behind the table by seconds, and goes on changing while it is read. The history does not lag: read
//! consistently after a state, it has every record up to that state's. It is read from several partitions, so that of what
//! is committed meanwhile it may have one record without the one before it; up to the first that is missing, it is whole. So
//! what the history says of the last minute stands in for what the index says of the same objects, and what was committed
//! while the index was read is caught up with afterwards: nothing has to be read again, and no commit has to be waited out.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::{HistoryRecord, StateRow};
use spillway_contracts::partition::record_number;

use crate::choice::Candidate;
use crate::fold::key_time;

/// By how much an index may lag behind the table. Usually it is well below a second.
const INDEX_LAG: SignedDuration = SignedDuration::from_secs(60);

/// By how much a record's key may be older than its commit: a transaction that is tried again, a clock that is slow.
const COMMIT_LAG: SignedDuration = SignedDuration::from_secs(30);

/// The ledger after one of its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    total_size: u64,
    version: u64,
    event_key: String,
    /// What the objects were that the index may be wrong about: `None` once they were gone.
    changed: BTreeMap<ObjectName, Option<Candidate>>,
}

/// Records up to the state's are missing from those that were read, because a transaction becomes visible record by record.
/// Read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("records of the history are missing")]
pub struct GapError;

impl View {
    /// The view at `state`, which was read consistently at `now`, and the key after which the history is to be read for
    /// [`recent`](Self::recent).
    pub fn at(state: &StateRow, now: Timestamp) -> (Self, String) {
        let view = Self {
            total_size: state.total_size,
            version: state.version,
            event_key: state.last_event_key.clone(),
            changed: BTreeMap::new(),
        };
        // The clocks of the tracker and of the reader may differ.
        (view, key_time(now.min(state.updated_at) - INDEX_LAG - COMMIT_LAG))
    }

    /// Takes in all records after `low`, oldest first: what the index may not know yet. `previous` is
    /// the key of the record before them.
    pub fn recent(&mut self, previous: Option<&str>, records: &[HistoryRecord]) -> Result<(), GapError> {
        let follows = records.first().is_some_and(|first| number(&first.event_key) == previous.map_or(0, number) + 1);
        if !follows {
            return Err(GapError);
        }
        self.take_in(records, self.version)
    }

    /// Takes in all records after [`event_key`](Self::event_key), oldest first: what was committed
    /// since. `state` is as it was before they were read.
    pub fn catch_up(&mut self, state: &StateRow, records: &[HistoryRecord]) -> Result<(), GapError> {
        self.take_in(records, state.version)
    }

    /// Takes in records that reach the state with this version.
    fn take_in(&mut self, records: &[HistoryRecord], version: u64) -> Result<(), GapError> {
        let number = |record: &HistoryRecord| number(&record.event_key);
        let is_whole = records.is_sorted_by(|a, b| number(a) + 1 == number(b));
        let joins = records.first().is_none_or(|first| number(first) <= self.version + 1);
        let reaches = records.last().map_or(self.version, number) >= version;
        if !is_whole || !joins || !reaches {
            return Err(GapError);
        }
        for record in records {
            self.changed.insert(record.object_name.clone(), candidate(record));
            if number(record) > self.version {
                self.version = number(record);
                self.total_size = record.total_size;
                self.event_key.clone_from(&record.event_key);
            }
        }
        Ok(())
    }

    /// Whether nothing was committed since that `state` knows of.
    pub fn reaches(&self, state: &StateRow) -> bool {
        self.version >= state.version
    }

    /// The bucket's total, in bytes.
    pub fn total_size(&self) -> u64 {
        self.total_size
    }

    /// The key of the newest record that the view knows.
    pub fn event_key(&self) -> &str {
        &self.event_key
    }

    /// What a recent record says of an object: `Some(None)` if it was gone then, `None` if no recent record is about it.
    pub fn recently(&self, name: &ObjectName) -> Option<Option<&Candidate>> {
        self.changed.get(name).map(Option::as_ref)
    }

    /// The objects of the view, given what was read of the index so far. Of those that come after all of that, only the recent
    /// ones are among them. Empty ones are left out: deleting them frees nothing.
    pub fn objects(&self, indexed: &[Candidate]) -> Vec<Candidate> {
        let mut objects = BTreeMap::new();
        for candidate in indexed.iter().filter(|candidate| !self.changed.contains_key(&candidate.object_name)) {
            objects.insert(&candidate.object_name, candidate);
        }
        let recent = self.changed.values().flatten().filter(|candidate| candidate.size > 0);
        objects.into_values().chain(recent).cloned().collect()
    }

    /// Whether these, and others of so many bytes, are all objects there are.
    pub fn adds_up(&self, objects: &[Candidate], others: u128) -> bool {
        let bytes: u128 = objects.iter().map(|candidate| u128::from(candidate.size)).sum();
        bytes + others == u128::from(self.total_size)
    }
}

fn candidate(record: &HistoryRecord) -> Option<Candidate> {
    let (object_name, sequencer) = (record.object_name.clone(), record.sequencer.clone());
    let last_modified = Some(record.event_time);
    record.size.map(|size| Candidate { object_name, size, etag: record.etag.clone(), sequencer, last_modified })
}

/// A record's number. One without a number is the first, and a gap follows it.
fn number(event_key: &str) -> u64 {
    record_number(event_key).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use spillway_contracts::Sequencer;

    use super::*;
    use crate::fold::{event_key, in_order};
    use crate::{EventKind, ObjectEvent, Snapshot, fold};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    /// The history of these changes, each recorded a second after the one before, and the ledger's state after each.
    fn history(changes: &[(&str, Option<u64>)]) -> (Vec<HistoryRecord>, Vec<StateRow>) {
        let mut snapshot = Snapshot::default();
        let (mut records, mut states) = (Vec::new(), Vec::new());
        for (second, &(name, size)) in (1..).zip(changes) {
            let event = ObjectEvent {
                bucket_name: "b".into(),
                object_name: ObjectName::new(name).unwrap(),
                kind: size.map_or(EventKind::Deleted, |size| EventKind::Created { size, etag: None }),
                event_type: "ObjectCreated:Put".into(),
                sequencer: Sequencer::new(format!("{second:X}")).unwrap(),
                version_id: None,
                event_time: at(second),
            };
            let mut events: VecDeque<_> = in_order(vec![event]);
            let commit = fold(&snapshot, &mut events, at(second)).commit.unwrap();
            records.extend(commit.history.clone());
            snapshot = snapshot.after(commit);
            states.extend(snapshot.state.clone());
        }
        (records, states)
    }

    fn sizes(objects: &[Candidate]) -> Vec<(String, u64)> {
        objects.iter().map(|candidate| (candidate.object_name.to_string(), candidate.size)).collect()
    }

    #[test]
    fn what_the_history_says_of_the_last_minute_stands_in_for_the_index() {
        let (records, states) =
            history(&[("a", Some(18)), ("b", Some(28)), ("c", Some(5)), ("b", None), ("a", Some(7))]);
        let (mut view, _) = View::at(&states[4], at(5));
        view.recent(None, &records).unwrap();
        // The index still has `b`, and the old size of `a`, and it lacks `c`.
        let stale = [("b", 28), ("a", 18)].map(|(name, size)| Candidate {
            object_name: ObjectName::new(name).unwrap(),
            size,
            etag: None,
            sequencer: Sequencer::new("1").unwrap(),
            last_modified: None,
        });
        let objects = view.objects(&stale);
        assert_eq!(sizes(&objects), [("a".to_owned(), 7), ("c".to_owned(), 5)]);
        assert!(view.adds_up(&objects, 0) && view.total_size() == 12);
    }

    #[test]
    fn what_is_committed_in_the_meantime_is_caught_up_with() {
        let (records, states) = history(&[("a", Some(18)), ("b", Some(28)), ("a", None)]);
        let (mut view, _) = View::at(&states[0], at(1));
        view.recent(None, &records[..1]).unwrap();
        assert_eq!((view.total_size(), view.event_key()), (18, event_key(at(1), 1).as_str()));
        assert!(view.reaches(&states[0]) && !view.reaches(&states[1]));
        view.catch_up(&states[1], &records[1..]).unwrap();
        assert_eq!((view.total_size(), view.event_key()), (28, event_key(at(3), 3).as_str()));
        assert_eq!(sizes(&view.objects(&[])), [("b".to_owned(), 28)]);
        assert_eq!(view.recently(&ObjectName::new("a").unwrap()), Some(None));
    }

    #[test]
    fn a_record_that_is_not_visible_yet_is_a_gap() {
        let (records, states) = history(&[("a", Some(1)), ("b", Some(2)), ("c", Some(4)), ("d", Some(8))]);
        let gap = |state: usize, seen: &[usize]| {
            let (mut view, _) = View::at(&states[state], at(4));
            view.recent(None, &seen.iter().map(|&index| records[index].clone()).collect::<Vec<_>>())
        };
        assert_eq!(gap(1, &[0, 1]), Ok(()));
        assert_eq!(gap(1, &[0, 1, 2, 3]), Ok(()));
        assert_eq!(gap(1, &[0]), Err(GapError), "the state's own record");
        assert_eq!(gap(1, &[]), Err(GapError), "the state's own record");
        assert_eq!(gap(1, &[0, 2]), Err(GapError), "one between two");
        assert_eq!(gap(1, &[1]), Err(GapError), "the first one");
        let (mut view, _) = View::at(&states[1], at(4));
        assert_eq!(view.recent(Some(&records[0].event_key), &records[1..2]), Ok(()));
        assert_eq!(view.catch_up(&states[1], &records[3..]), Err(GapError), "the next one");
        assert_eq!(view.catch_up(&states[3], &records[2..3]), Err(GapError), "the newest one");
        assert_eq!(view.catch_up(&states[3], &[]), Err(GapError), "all of them");
        assert_eq!(view.catch_up(&states[3], &records[2..]), Ok(()));
    }

    #[test]
    fn of_an_old_state_no_record_is_recent() {
        let (_, states) = history(&[("a", Some(1))]);
        let (mut view, low) = View::at(&states[0], at(100));
        // What is recent begins well before the state, however long ago that was: the state's record is always there.
        assert!(low < states[0].last_event_key);
        assert_eq!(view.recent(None, &[]), Err(GapError));
    }
}
