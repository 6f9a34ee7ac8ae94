//! Whatever the delivery does, the ledger is the bucket.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use spillway_contracts::ledger::HistoryRecord;
use spillway_contracts::{ObjectName, Sequencer};
use spillway_ledger::fold::{TRANSACTION_ACTIONS, in_order};
use spillway_ledger::{EventKind, ObjectEvent, Row, Snapshot, fold};

/// Names that have gone wrong elsewhere, and some that are alike.
const NAMES: [&str; 8] =
    ["a", "a/b", "a b+c", "💧/ü", "__STATE__", r"\__STATE__", "__RUN__", "0000000000000000000000000000"];

const CREATIONS: [&str; 4] = ["Put", "Post", "Copy", "CompleteMultipartUpload"];
const DELETIONS: [&str; 3] =
    ["ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated", "LifecycleExpiration:Delete"];

/// What happens to one object in the bucket: it is written with a size, or deleted.
#[derive(Clone, Debug)]
struct Change {
    name: Index,
    size: Option<u64>,
    variant: usize,
}

fn change() -> impl Strategy<Value = Change> {
    let size =
        prop_oneof![Just(0), 1..100_u64, Just(50_000_000_000_000), 9_007_199_254_740_993..9_007_199_254_741_000_u64];
    (any::<Index>(), proptest::option::weighted(0.7, size), 0..12_usize).prop_map(|(name, size, variant)| Change {
        name,
        size,
        variant,
    })
}

/// The events of the changes, in the order in which S3 saw them. The sequencers of one object grow, with zeros in front as
/// S3's have them; the times of different objects need not agree with that.
fn events(changes: &[Change]) -> Vec<ObjectEvent> {
    let event = |(position, change): (usize, &Change)| {
        let digits = format!("{}{:X}", "0".repeat(change.variant % 3), position + 1);
        let skew = SignedDuration::from_millis((change.variant as i64 - 6) * 300);
        ObjectEvent {
            bucket_name: "b".into(),
            object_name: ObjectName::new(*change.name.get(&NAMES)).unwrap(),
            kind: match change.size {
                Some(size) => EventKind::Created { size, etag: Some(digits.clone()) },
                None => EventKind::Deleted,
            },
            event_type: match change.size {
                Some(_) => format!("ObjectCreated:{}", CREATIONS[change.variant % 4]),
                None => DELETIONS[change.variant % 3].into(),
            },
            sequencer: Sequencer::new(digits).unwrap(),
            version_id: None,
            event_time: Timestamp::from_second(1_790_000_000 + position as i64).unwrap() + skew,
        }
    };
    changes.iter().enumerate().map(event).collect()
}

/// The sizes of the objects that are in the bucket after the changes.
fn bucket(changes: &[Change]) -> BTreeMap<ObjectName, u64> {
    let mut bucket = BTreeMap::new();
    for change in changes {
        let name = ObjectName::new(*change.name.get(&NAMES)).unwrap();
        match change.size {
            Some(size) => bucket.insert(name, size),
            None => bucket.remove(&name),
        };
    }
    bucket
}

/// A delivery of events: at least once, in any order, in batches of any length.
fn delivery(events: Vec<ObjectEvent>, duplicates: &[Index], order: &[u32], cuts: &[usize]) -> Vec<Vec<ObjectEvent>> {
    let repeated: Vec<ObjectEvent> = if events.is_empty() {
        Vec::new()
    } else {
        duplicates.iter().map(|index| index.get(&events).clone()).collect()
    };
    let mut delivered: Vec<ObjectEvent> = events.into_iter().chain(repeated).collect();
    let mut keys = order.iter().cycle();
    delivered.sort_by_cached_key(|_| keys.next().copied());
    let mut batches = Vec::new();
    let mut cuts = cuts.iter().cycle();
    while !delivered.is_empty() {
        let length = (*cuts.next().unwrap()).min(delivered.len());
        batches.push(delivered.drain(..length).collect());
    }
    batches
}

/// Applies the batches one after the other.
fn apply(batches: Vec<Vec<ObjectEvent>>) -> (Snapshot, Vec<HistoryRecord>) {
    let mut snapshot = Snapshot::default();
    let mut history = Vec::new();
    for batch in batches {
        let mut events: VecDeque<ObjectEvent> = in_order(batch);
        while !events.is_empty() {
            let Some(commit) = fold(&snapshot, &mut events, Timestamp::UNIX_EPOCH).commit else {
                assert!(events.is_empty(), "events that fit in no transaction");
                break;
            };
            assert!(1 + commit.rows.len() + commit.history.len() <= TRANSACTION_ACTIONS);
            history.extend(commit.history.clone());
            snapshot = snapshot.after(commit);
        }
    }
    (snapshot, history)
}

/// What the ledger says of each object: its size, or `None` for a tombstone, and how far its events are known.
fn objects(snapshot: &Snapshot) -> BTreeMap<ObjectName, (Option<u64>, String)> {
    let object = |(name, row): (&ObjectName, &Row)| {
        let size = matches!(row, Row::Live(_)).then(|| row.size());
        (name.clone(), (size, row.sequencer().to_string()))
    };
    snapshot.rows.iter().map(object).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_delivery_leaves_the_ledger_of_in_order_delivery_once(
        changes in vec(change(), 0..120),
        duplicates in vec(any::<Index>(), 0..60),
        order in vec(any::<u32>(), 1..180),
        cuts in vec(1..130_usize, 1..8),
    ) {
        let bucket = bucket(&changes);
        let once = apply(vec![events(&changes)]).0;
        let (ledger, history) = apply(delivery(events(&changes), &duplicates, &order, &cuts));

        prop_assert_eq!(objects(&ledger), objects(&once));
        let live = objects(&ledger).into_iter().filter_map(|(name, (size, _))| Some((name, size?)));
        prop_assert_eq!(live.collect::<BTreeMap<_, _>>(), bucket.clone());
        prop_assert_eq!(ledger.total_size(), bucket.values().sum::<u64>());
        prop_assert_eq!(ledger.state.as_ref().map_or(0, |state| state.object_count), bucket.len() as u64);

        let mut total = 0_i64;
        for record in &history {
            total += record.size_delta;
            prop_assert_eq!(record.total_size as i64, total);
        }
        prop_assert!(history.is_sorted_by(|a, b| a.event_key < b.event_key));
        prop_assert_eq!(ledger.state.as_ref().map_or(0, |state| state.version), history.len() as u64);
    }

    #[test]
    fn in_order_delivery_records_every_event(changes in vec(change(), 0..120)) {
        let batches = events(&changes).into_iter().map(|event| vec![event]).collect();
        prop_assert_eq!(apply(batches).1.len(), changes.len());
    }
}
