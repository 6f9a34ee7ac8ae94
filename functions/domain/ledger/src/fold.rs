//! What a batch of events does to the rows that it touches.

mod fate;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use spillway_contracts::ledger::{HistoryRecord, ObjectRow, StateKey, StateRow, Tombstone, row_key};
use spillway_contracts::{ObjectName, Sequencer};

use self::fate::{Fate, fate};
use crate::event::{EventKind, ObjectEvent};

/// A tombstone outlives every copy of an older event: SQS keeps a message for 14 days at most. What somebody has kept for
/// longer, and sends again, may be about an object whose tombstone is gone.
pub const TOMBSTONE_LIFE: SignedDuration = SignedDuration::from_hours(15 * 24);

/// DynamoDB takes this many actions in one transaction.
pub const TRANSACTION_ACTIONS: usize = 100;

/// The part of the ledger that a batch touches, as it was read or as the last commit left it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// `__STATE__`; `None` before the first event.
    pub state: Option<StateRow>,
    /// The rows of the batch's objects. An object that isn't here has no row.
    pub rows: BTreeMap<ObjectName, Row>,
}

/// An object's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// The object is in the bucket.
    Live(ObjectRow),
    /// The object was deleted.
    Tombstone(Tombstone),
}

/// What one transaction writes, on the condition that nothing of it has changed since it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The new `__STATE__`.
    pub state: StateRow,
    /// The `version` that `__STATE__` must still have; `None` if the row must not exist.
    pub expected_version: Option<u64>,
    /// The new rows.
    pub rows: Vec<RowChange>,
    /// The new history records, in order.
    pub history: Vec<HistoryRecord>,
}

/// What comes of some of a batch's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// What to write for them; `None` if they change nothing.
    pub commit: Option<Commit>,
    /// Creations of objects without a row, older than any tombstone. Nobody knows any more whether such an object was
    /// deleted since, so it is not counted.
    pub too_old: Vec<ObjectEvent>,
    /// Whether the snapshot can't be one of a single moment: a row counts for more than the total. Then there is no commit;
    /// read it again.
    pub is_torn: bool,
}

/// A row to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// The object.
    pub object_name: ObjectName,
    /// The row that must still be there, by its sequencer and its size; `None` if there must be no row.
    pub expected: Option<Row>,
    /// The new row.
    pub row: Row,
}

impl Row {
    /// The sequencer of the row's newest event.
    pub fn sequencer(&self) -> &Sequencer {
        match self {
            Self::Live(row) => &row.sequencer,
            Self::Tombstone(row) => &row.sequencer,
        }
    }

    /// What the row's newest event changed the total by, in bytes.
    pub fn size_delta(&self) -> i64 {
        match self {
            Self::Live(row) => row.size_delta,
            Self::Tombstone(row) => row.size_delta,
        }
    }

    /// What the object adds to the total, in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Live(row) => row.size,
            Self::Tombstone(_) => 0,
        }
    }

    /// What the row is as of, if an audit wrote it.
    pub fn as_of(&self) -> Option<Timestamp> {
        match self {
            Self::Live(row) => row.as_of,
            Self::Tombstone(row) => row.as_of,
        }
    }

    /// When it was written.
    pub fn updated_at(&self) -> Timestamp {
        match self {
            Self::Live(row) => row.updated_at,
            Self::Tombstone(row) => row.updated_at,
        }
    }

    /// Whether the object is in the bucket and the row doesn't say when it was written.
    pub fn is_undated(&self) -> bool {
        matches!(self, Self::Live(row) if row.last_modified_ms.is_none())
    }

    /// Whether the object is in the bucket.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// The object's ETag, if it is in the bucket and S3 said one.
    pub fn etag(&self) -> Option<&str> {
        match self {
            Self::Live(row) => row.etag.as_deref(),
            Self::Tombstone(_) => None,
        }
    }
}

impl Snapshot {
    /// The bucket's total, in bytes.
    pub fn total_size(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.total_size)
    }

    /// The snapshot as it is once `commit` is through.
    pub fn after(mut self, commit: Commit) -> Self {
        self.state = Some(commit.state);
        self.rows.extend(commit.rows.into_iter().map(|change| (change.object_name, change.row)));
        self
    }
}

/// Takes as many of `events` as fit into one transaction off the front, and says what to write for them.
///
/// An event that isn't newer than its object's row was applied before, or came too late to matter: it is taken and
/// leaves no trace. If that is true of all of them there is no commit, and `events` is empty. Sort the events with
/// [`in_order`] first.
pub fn fold(snapshot: &Snapshot, events: &mut VecDeque<ObjectEvent>, now: Timestamp) -> Folded {
    let mut folding = Folding::new(snapshot, now);
    while let Some(event) = events.front() {
        if !folding.fits(event) {
            break;
        }
        if !folding.apply(event) {
            return Folded { is_torn: true, ..Folded::default() };
        }
        events.pop_front();
    }
    folding.finish()
}

/// Sorts a batch by the time that S3 gives, so that the history of one batch reads as it happened. Events of one
/// object are in the order of their sequencers, which alone decides; an expiry has that of the creation, and follows it.
pub fn in_order(mut events: Vec<ObjectEvent>) -> VecDeque<ObjectEvent> {
    let place = |event: &ObjectEvent| (event.object_name.clone(), event.sequencer.clone(), event.is_expiry());
    events.sort_by_cached_key(place);
    let mut timed: Vec<(Timestamp, ObjectEvent)> = Vec::with_capacity(events.len());
    for event in events {
        // None comes before an earlier one of its object, whatever their times say.
        let earlier = timed.last().filter(|(_, earlier)| earlier.object_name == event.object_name);
        let at = earlier.map_or(event.event_time, |(at, _)| event.event_time.max(*at));
        timed.push((at, event));
    }
    timed.sort_by_key(|(at, _)| *at);
    timed.into_iter().map(|(_, event)| event).collect()
}

struct Folding<'a> {
    before: &'a Snapshot,
    after: Snapshot,
    touched: BTreeSet<ObjectName>,
    history: Vec<HistoryRecord>,
    too_old: Vec<ObjectEvent>,
    now: Timestamp,
}

impl<'a> Folding<'a> {
    fn new(before: &'a Snapshot, now: Timestamp) -> Self {
        Self { before, after: before.clone(), touched: BTreeSet::new(), history: Vec::new(), too_old: Vec::new(), now }
    }

    /// Whether the event's history record and perhaps its object's row still fit beside `__STATE__`.
    fn fits(&self, event: &ObjectEvent) -> bool {
        let row = usize::from(!self.touched.contains(&event.object_name));
        1 + self.touched.len() + self.history.len() + row < TRANSACTION_ACTIONS
    }

    /// Whether the event can be applied, or need not be: the total can't become less than nothing.
    fn apply(&mut self, event: &ObjectEvent) -> bool {
        let previous = self.after.rows.get(&event.object_name);
        match fate(event, previous, self.now) {
            Fate::Applies => {}
            Fate::Known => return true,
            Fate::TooOld => {
                self.too_old.push(event.clone());
                return true;
            }
        }
        let was_live = previous.is_some_and(Row::is_live);
        let previous_size = previous.map_or(0, Row::size);
        let row = self.row(event, previous, previous_size);
        let size_delta = row.size_delta();
        let Some(state) = self.state(size_delta, row.is_live(), was_live) else { return false };
        self.history.push(HistoryRecord {
            bucket_name: event.bucket_name.clone(),
            event_key: state.last_event_key.clone(),
            object_name: event.object_name.clone(),
            event_type: event.event_type.clone(),
            size_delta,
            total_size: state.total_size,
            size: row.is_live().then(|| row.size()),
            etag: row.etag().map(str::to_owned),
            sequencer: event.sequencer.clone(),
            event_time: event.event_time,
            committed_at: state.updated_at,
        });
        self.after.state = Some(state);
        self.after.rows.insert(event.object_name.clone(), row);
        self.touched.insert(event.object_name.clone());
        true
    }

    fn row(&self, event: &ObjectEvent, previous: Option<&Row>, previous_size: u64) -> Row {
        let (object_name, bucket_name) = (row_key(&event.object_name), event.bucket_name.clone());
        let (sequencer, version_id, updated_at) = (event.sequencer.clone(), event.version_id.clone(), self.now);
        let as_of = event.is_repair().then_some(event.event_time);
        match &event.kind {
            EventKind::Created { size, etag } => {
                let (size, etag, size_delta) = (*size, etag.clone(), signed(*size) - signed(previous_size));
                Row::Live(ObjectRow {
                    object_name,
                    bucket_name,
                    size,
                    etag,
                    size_delta,
                    sequencer,
                    version_id,
                    as_of,
                    last_modified_ms: Some(event.event_time.as_millisecond()),
                    updated_at,
                })
            }
            EventKind::Deleted => Row::Tombstone(Tombstone {
                object_name,
                bucket_name,
                last_size: match previous {
                    Some(Row::Live(row)) => Some(row.size),
                    Some(Row::Tombstone(row)) => row.last_size,
                    None => None,
                },
                size_delta: -signed(previous_size),
                sequencer: match (previous, &version_id) {
                    // Only a version is gone: what came after its creation may be there.
                    (Some(row), Some(_)) => row.sequencer().clone(),
                    (None, Some(_)) => Sequencer::default(),
                    // Everything is, also what may have come after the creation of a version that was gone before.
                    (Some(Row::Tombstone(row)), None) => sequencer.max(row.sequencer.clone()),
                    (_, None) => sequencer,
                },
                version_id,
                as_of,
                updated_at,
                expires_at: (self.now + TOMBSTONE_LIFE).as_second(),
            }),
        }
    }

    fn state(&self, size_delta: i64, is_live: bool, was_live: bool) -> Option<StateRow> {
        let before = self.after.state.as_ref();
        let version = before.map_or(0, |state| state.version) + 1;
        // Clocks of two trackers differ; keys must not go back.
        let at = before.map_or(self.now, |state| state.updated_at.max(self.now));
        let total = before.map_or(0, |state| state.total_size);
        let count = before.map_or(0, |state| state.object_count);
        Some(StateRow {
            object_name: StateKey::State,
            total_size: total.checked_add_signed(size_delta)?,
            object_count: (count + u64::from(is_live)).checked_sub(u64::from(was_live))?,
            version,
            last_event_key: event_key(at, version),
            is_dated: before.is_none_or(|state| state.is_dated),
            updated_at: at,
        })
    }

    fn finish(mut self) -> Folded {
        let too_old = std::mem::take(&mut self.too_old);
        Folded { commit: self.commit(), too_old, is_torn: false }
    }

    fn commit(self) -> Option<Commit> {
        let state = self.after.state.clone().filter(|_| !self.history.is_empty())?;
        let rows = self.touched.into_iter().filter_map(|object_name| {
            let expected = self.before.rows.get(&object_name).cloned();
            let row = self.after.rows.get(&object_name)?.clone();
            Some(RowChange { object_name, expected, row })
        });
        Some(Commit {
            state,
            expected_version: self.before.state.as_ref().map(|state| state.version),
            rows: rows.collect(),
            history: self.history,
        })
    }
}

/// S3's largest object has 50 TB; a bucket's total stays far below the 9.2 EB that fit.
fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or_else(|_| panic!("a size of {size} bytes is beyond S3"))
}

/// The key of the history record with this number: sorts by time and number, both of which only grow.
pub fn event_key(committed_at: Timestamp, version: u64) -> String {
    format!("{}#{version:020}", key_time(committed_at))
}

/// A moment as history keys begin with it: RFC 3339, UTC, always with milliseconds, so that texts sort as times.
pub fn key_time(at: Timestamp) -> String {
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ObjectName {
        ObjectName::new(name).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn event(object: &str, sequencer: &str, size: Option<u64>) -> ObjectEvent {
        let (kind, event_type) = match size {
            Some(size) => (EventKind::Created { size, etag: None }, "ObjectCreated:Put"),
            None => (EventKind::Deleted, "ObjectRemoved:Delete"),
        };
        ObjectEvent {
            bucket_name: "b".into(),
            object_name: name(object),
            kind,
            event_type: event_type.into(),
            sequencer: Sequencer::new(sequencer).unwrap(),
            version_id: None,
            event_time: at(i64::from_str_radix(sequencer, 16).unwrap()),
        }
    }

    /// Folds the batches one after the other; gives the totals in the history, and what is left.
    fn run(batches: &[&[&ObjectEvent]]) -> (Vec<(i64, u64)>, Snapshot) {
        let mut snapshot = Snapshot::default();
        let mut history = Vec::new();
        for batch in batches {
            let mut events = in_order(batch.iter().map(|&event| event.clone()).collect());
            while !events.is_empty() {
                if let Some(commit) = fold(&snapshot, &mut events, at(100)).commit {
                    assert!(1 + commit.rows.len() + commit.history.len() <= TRANSACTION_ACTIONS);
                    history.extend(commit.history.iter().map(|record| (record.size_delta, record.total_size)));
                    snapshot = snapshot.after(commit);
                }
            }
        }
        (history, snapshot)
    }

    #[track_caller]
    fn check(batches: &[&[&ObjectEvent]], expect: &[(i64, u64)]) {
        assert_eq!(run(batches).0, expect);
    }

    #[test]
    fn a_creation_adds_what_it_has_over_the_previous_size() {
        check(&[&[&event("a", "01", Some(18)), &event("b", "02", Some(28))]], &[(18, 18), (28, 46)]);
        check(&[&[&event("a", "01", Some(18))], &[&event("a", "02", Some(4))]], &[(18, 18), (-14, 4)]);
    }

    #[test]
    fn a_deletion_takes_off_the_previous_size() {
        check(&[&[&event("a", "01", Some(18))], &[&event("a", "02", None)]], &[(18, 18), (-18, 0)]);
        check(&[&[&event("a", "02", None)]], &[(0, 0)]);
    }

    #[test]
    fn a_second_delivery_is_a_no_op() {
        let (a, b) = (event("a", "01", Some(18)), event("a", "02", None));
        check(&[&[&a, &a], &[&a]], &[(18, 18)]);
        check(&[&[&a, &b], &[&b, &a]], &[(18, 18), (-18, 0)]);
    }

    #[test]
    fn a_late_creation_does_not_bring_an_object_back() {
        let (_, left) = run(&[&[&event("a", "02", None)], &[&event("a", "01", Some(18))]]);
        assert_eq!(left.total_size(), 0);
        let Some(Row::Tombstone(tombstone)) = left.rows.get(&name("a")) else { panic!("{left:?}") };
        assert_eq!((tombstone.last_size, tombstone.expires_at), (None, at(100).as_second() + 15 * 86_400));
    }

    /// An expiry carries the sequencer of the creation.
    #[test]
    fn an_object_that_expires_is_gone_whatever_order_its_events_come_in() {
        let created = event("a", "01", Some(18));
        let mut expired = event("a", "01", None);
        expired.event_type = "LifecycleExpiration:Delete".into();
        check(&[&[&created], &[&expired], &[&expired]], &[(18, 18), (-18, 0)]);
        check(&[&[&expired, &created]], &[(18, 18), (-18, 0)]);
        check(&[&[&expired], &[&created]], &[(0, 0)]);
        let overwritten = event("a", "02", Some(5));
        check(&[&[&created, &overwritten], &[&expired]], &[(18, 18), (-13, 5)]);
    }

    /// A snapshot is read row by row: `__STATE__` may be older than a row that was read after it.
    #[test]
    fn a_row_that_counts_for_more_than_the_total_is_not_of_the_same_moment() {
        let (_, mut snapshot) = run(&[&[&event("a", "01", Some(18))]]);
        snapshot.state = None;
        let torn = fold(&snapshot, &mut VecDeque::from([event("a", "02", None)]), Timestamp::UNIX_EPOCH);
        assert_eq!(torn, Folded { is_torn: true, ..Folded::default() });
    }

    /// A creation that was kept for longer than tombstones live, and is sent again, is no object any more, as far as anybody
    /// can tell.
    #[test]
    fn a_creation_that_is_older_than_tombstones_live_is_refused_unless_its_object_has_a_row_that_can_tell() {
        let old = event("a", "01", Some(18));
        let late = old.event_time + TOMBSTONE_LIFE;
        let fold_at = |snapshot: &Snapshot, now| fold(snapshot, &mut VecDeque::from([old.clone()]), now);
        assert_eq!(fold_at(&Snapshot::default(), late).too_old, std::slice::from_ref(&old));
        assert_eq!(fold_at(&Snapshot::default(), late).commit, None);
        assert!(fold_at(&Snapshot::default(), late - SignedDuration::from_millis(1)).commit.is_some());
        let (_, known) = run(&[&[&event("a", "02", Some(5))]]);
        assert_eq!(fold_at(&known, late), Folded::default());
        // A live row of before it is from when the deletion had not come. A tombstone may have come later than one that has
        // expired, of a deletion after the creation.
        let (_, before) = run(&[&[&event("a", "00", Some(5))]]);
        assert!(fold_at(&before, late).commit.is_some());
        for earlier in [event("a", "00", None), version("03", "v1", None)] {
            let (_, deleted) = run(&[&[&earlier]]);
            assert_eq!(fold_at(&deleted, late).too_old, std::slice::from_ref(&old));
            assert!(fold_at(&deleted, late - SignedDuration::from_millis(1)).commit.is_some());
        }
    }

    /// `size` is that of the version written; without one the version is deleted for good.
    fn version(sequencer: &str, version_id: &str, size: Option<u64>) -> ObjectEvent {
        ObjectEvent { version_id: Some(version_id.into()), ..event("a", sequencer, size) }
    }

    #[test]
    fn the_deletion_of_another_version_than_the_current_one_changes_nothing() {
        let (first, second) = (version("01", "v1", Some(18)), version("02", "v2", Some(28)));
        check(&[&[&first, &second], &[&version("03", "v1", None)]], &[(18, 18), (10, 28)]);
        check(&[&[&first, &second], &[&version("03", "v2", None)]], &[(18, 18), (10, 28), (-28, 0)]);
        // The deletion of the old version comes before the creation of the new one.
        check(&[&[&first], &[&version("03", "v1", None)], &[&second]], &[(18, 18), (-18, 0), (28, 28)]);
        check(&[&[&version("03", "v1", None)], &[&second], &[&first]], &[(0, 0), (28, 28)]);
        // A copy of an older creation, which may be deleted by now, brings nothing back.
        let late = version("00", "v0", Some(5));
        check(&[&[&first], &[&version("03", "v1", None)], &[&late]], &[(18, 18), (-18, 0)]);
        // The deletion of the only version comes before its creation.
        check(&[&[&version("03", "v1", None)], &[&first]], &[(0, 0)]);
        // A delete marker hides everything before it.
        check(&[&[&version("03", "v1", None)], &[&event("a", "02", None)], &[&first]], &[(0, 0), (0, 0)]);
    }

    /// What was deleted and restored, or overwritten, is kept for days. It may expire with any sequencer.
    #[test]
    fn the_expiry_of_a_version_that_is_kept_changes_nothing() {
        let first = version("01", "v1", Some(18));
        let (hidden, restored) = (event("a", "02", None), version("03", "v2", Some(18)));
        for sequencer in ["01", "03", "04"] {
            let mut expired = version(sequencer, "v1", None);
            expired.event_type = "LifecycleExpiration:Delete".into();
            let expect = [(18, 18), (-18, 0), (18, 18)];
            check(&[&[&first], &[&hidden], &[&restored], &[&expired]], &expect);
            check(&[&[&first], &[&hidden], &[&expired], &[&restored]], &expect);
        }
    }

    /// S3 calls `null` what was written before the bucket had versions.
    #[test]
    fn the_end_of_the_version_without_a_name_is_told_from_that_of_others() {
        let (unnamed, named) = (event("a", "01", Some(18)), version("02", "v2", Some(28)));
        check(&[&[&unnamed], &[&version("03", "null", None)]], &[(18, 18), (-18, 0)]);
        check(&[&[&unnamed], &[&version("03", "v1", None)]], &[(18, 18)]);
        check(&[&[&unnamed, &named], &[&version("03", "null", None)]], &[(18, 18), (10, 28)]);
        check(&[&[&version("03", "null", None)], &[&unnamed]], &[(0, 0)]);
    }

    #[test]
    fn within_a_batch_the_sequencer_orders_an_objects_events_even_against_their_times() {
        let mut early = event("a", "09", Some(5));
        early.event_time = at(0);
        check(&[&[&event("a", "08", Some(18)), &early]], &[(18, 18), (-13, 5)]);
    }

    #[test]
    fn a_batch_of_48_objects_is_one_commit_and_of_60_two() {
        for (count, commits) in [(48, 1), (60, 2)] {
            let mut events: VecDeque<_> = (0..count).map(|i| event(&format!("o{i}"), "01", Some(1))).collect();
            let mut snapshot = Snapshot::default();
            let mut seen = 0;
            while let Some(commit) = fold(&snapshot, &mut events, at(0)).commit {
                assert_eq!(commit.expected_version, snapshot.state.as_ref().map(|state| state.version));
                snapshot = snapshot.after(commit);
                seen += 1;
            }
            assert_eq!((seen, snapshot.total_size()), (commits, count));
        }
    }

    #[test]
    fn keys_of_the_history_grow_even_if_the_clock_goes_back() {
        let mut snapshot = Snapshot::default();
        let mut keys = Vec::new();
        for (clock, sequencer) in [(50, "01"), (40, "02"), (60, "03")] {
            let mut events = VecDeque::from([event("a", sequencer, Some(1))]);
            let commit = fold(&snapshot, &mut events, at(clock)).commit.unwrap();
            keys.extend(commit.history.iter().map(|record| record.event_key.clone()));
            snapshot = snapshot.after(commit);
        }
        assert_eq!(keys, [event_key(at(50), 1), event_key(at(50), 2), event_key(at(60), 3)]);
        assert!(keys.is_sorted());
    }

    #[test]
    fn totals_beyond_2_to_the_53_are_exact() {
        let large = 50 * 1000_u64.pow(4) + 1;
        let events: Vec<_> = (0..200).map(|i| event(&format!("o{i}"), "01", Some(large))).collect();
        assert_eq!(run(&[&events.iter().collect::<Vec<_>>()]).1.total_size(), 200 * large);
    }
}
