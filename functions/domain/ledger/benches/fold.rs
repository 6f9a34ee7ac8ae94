//! How long the ledger takes to think about a batch: to put it in order, and to fold it.

#![allow(clippy::unwrap_used, reason = "a benchmark that can't build its input should stop there")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use spillway_contracts::{ObjectName, Sequencer};
use spillway_ledger::fold::in_order;
use spillway_ledger::{EventKind, ObjectEvent, Snapshot, fold};

/// What one invocation of the tracker gets at most.
const BATCH: u64 = 48;

/// Creations, spread evenly over this many objects.
fn events(objects: u64) -> Vec<ObjectEvent> {
    let event = |number| ObjectEvent {
        bucket_name: "spillway-testbucket-7cef375a146c2".into(),
        object_name: ObjectName::new(format!("logs/{}.txt", number % objects)).unwrap(),
        kind: EventKind::Created { size: number, etag: Some("da0d0127ebf92fccd0d3a386e868c214".into()) },
        event_type: "ObjectCreated:Put".into(),
        sequencer: Sequencer::new(format!("006A1F0C3E{number:08X}")).unwrap(),
        version_id: None,
        event_time: Timestamp::from_second(1_790_000_000 + number as i64).unwrap(),
    };
    (0..BATCH).map(event).collect()
}

/// Folds the batch as often as it takes transactions.
fn fold_all(events: Vec<ObjectEvent>, now: Timestamp) -> Snapshot {
    let (mut snapshot, mut events) = (Snapshot::default(), in_order(events));
    while let Some(commit) = fold(&snapshot, &mut events, now).commit {
        snapshot = snapshot.after(commit);
    }
    snapshot
}

fn folds(criterion: &mut Criterion) {
    let now = Timestamp::from_second(1_790_001_000).unwrap();
    let mut group = criterion.benchmark_group("fold");
    group.throughput(Throughput::Elements(BATCH));
    for objects in [1, 8, BATCH] {
        let events = events(objects);
        group.bench_function(format!("{BATCH} events of {objects} objects"), |bencher| {
            bencher.iter_batched(|| events.clone(), |events| fold_all(black_box(events), now), BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, folds);
criterion_main!(benches);
