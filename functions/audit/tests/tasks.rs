//! The tasks of an audit against a ledger, a bucket and a queue in memory.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use audit::{Looker, Queue, objects, rows};
use jiff::Timestamp;
use serde_json::json;
use spillway_contracts::audit::{Audit, AuditRowsRequest, Found, RowsProgress, Tally};
use spillway_contracts::{ObjectName, Sequencer};
use spillway_fake_aws::{FakeDynamoDb, FakeS3, ages, cloudwatch_client, http_client};
use spillway_ledger::{EventKind, ObjectEvent};
use spillway_ledger_store::apply;

/// For how long an event may be under way, in seconds.
const GRACE: u64 = 900;

thread_local! {
    /// The time of the test on this thread, in seconds.
    static CLOCK: Cell<i64> = const { Cell::new(1_790_000_000) };
}

fn now() -> Timestamp {
    Timestamp::from_second(CLOCK.get()).unwrap()
}

fn pass(seconds: u64) {
    CLOCK.set(CLOCK.get() + seconds.cast_signed());
}

/// A bucket and its ledger.
struct World {
    dynamodb: FakeDynamoDb,
    s3: FakeS3,
    /// How old the oldest event in the tracking queue is, in seconds.
    queue_age: Arc<AtomicI64>,
    looker: Looker,
}

impl World {
    fn new() -> Self {
        let (dynamodb, s3, queue_age) = (FakeDynamoDb::default(), FakeS3::default(), Arc::<AtomicI64>::default());
        let age = queue_age.clone();
        let cloudwatch = cloudwatch_client(http_client(move |_| Ok(ages(&[age.load(Ordering::Relaxed) * 1000]))));
        let looker = Looker {
            store: dynamodb.store(),
            s3: s3.client(),
            queue: Queue::new(cloudwatch, "queue".into()),
            threshold_bytes: 20,
            dates: false,
            now,
        };
        Self { dynamodb, s3, queue_age, looker }
    }

    /// Has the ledger count an object, which it has for long.
    async fn record(&self, name: &str, size: u64) {
        apply(&self.looker.store, vec![created(name, size, 1)], now, |_| {}).await.unwrap();
        pass(86_400);
    }

    /// Has the next part of the only segment looked at.
    async fn compare_rows(&self, progress: RowsProgress) -> RowsProgress {
        let request = AuditRowsRequest { audit: audit(), segment: 0, segment_count: 1, progress };
        rows::handle(&self.looker, request, |_| {}).await.unwrap()
    }

    async fn found(&self) -> Found {
        self.looker.store.findings("an-audit").await.unwrap().0
    }
}

fn created(name: &str, size: u64, sequencer: u64) -> ObjectEvent {
    ObjectEvent {
        bucket_name: "b".into(),
        object_name: ObjectName::new(name).unwrap(),
        kind: EventKind::Created { size, etag: Some("first".into()) },
        event_type: "ObjectCreated:Put".into(),
        sequencer: Sequencer::new(format!("{sequencer:X}")).unwrap(),
        version_id: None,
        event_time: now(),
    }
}

fn audit() -> Audit {
    Audit { audit_id: "an-audit".into(), repair: true, grace_seconds: GRACE }
}

fn from_the_beginning() -> RowsProgress {
    RowsProgress { after: Some(String::new()), ..RowsProgress::default() }
}

fn names(progress: &RowsProgress) -> Vec<&str> {
    progress.suspects.iter().map(ObjectName::as_str).collect()
}

#[tokio::test]
async fn a_batch_is_compared_and_what_differs_is_put_right() {
    let world = World::new();
    world.s3.put("same", 1, "first");
    world.s3.put("other", 2, "second");
    world.s3.put("new", 4, "first");
    world.record("same", 1).await;
    world.record("other", 1).await;
    let items = [("new", "first", 4), ("other", "second", 2), ("same", "first", 1)];
    let items = items.map(|(key, etag, size)| json!({ "Key": key, "Etag": format!("\"{etag}\""), "Size": size }));
    let request = serde_json::from_value(json!({ "BatchInput": audit(), "Items": items })).unwrap();
    let found = objects::handle(&world.looker, request, |_| {}).await.unwrap();
    let expected = Found {
        listed: Tally { objects: 3, bytes: 7 },
        added: Tally::of(4),
        corrected: Tally::of(1),
        ..Found::default()
    };
    assert_eq!((found, world.found().await), (expected, expected));
    world.dynamodb.check_sums(&[("new".into(), 4), ("other".into(), 2), ("same".into(), 1)].into());
}

/// Others commit more often than a thousand rows can be read.
#[tokio::test(start_paused = true)]
async fn a_batch_is_repaired_while_others_commit_all_the_time() {
    let mut world = World::new();
    let names: Vec<String> = (0..1000).map(|number| format!("{number:04}")).collect();
    names.iter().for_each(|name| world.s3.put(name, 1, "first"));
    let (rival, reads) = (Arc::new(world.dynamodb.store()), AtomicU64::new(0));
    world.looker.store = world.dynamodb.store_after(move |operation| {
        let rival = rival.clone();
        let read = (operation == "BatchGetItem").then(|| reads.fetch_add(1, Ordering::Relaxed));
        async move {
            if let Some(read) = read.filter(|read| read % 3 == 2) {
                apply(&rival, vec![created("other", 1, read)], now, |_| {}).await.unwrap();
            }
        }
    });
    let items = names.iter().map(|key| json!({ "Key": key, "Etag": "\"first\"", "Size": 1 }));
    let request = json!({ "BatchInput": audit(), "Items": items.collect::<Vec<_>>() });
    let found = objects::handle(&world.looker, serde_json::from_value(request).unwrap(), |_| {}).await.unwrap();
    assert_eq!(found.added, Tally { objects: 1000, bytes: 1000 });
    assert_eq!(world.dynamodb.total_size(), 1001);
}

#[tokio::test]
async fn what_is_missing_is_removed_if_it_is_still_missing_after_the_grace() {
    let world = World::new();
    world.record("gone", 5).await;
    world.record("back", 5).await;
    let first = world.compare_rows(from_the_beginning()).await;
    assert_eq!((names(&first), first.missing_since), (vec!["back", "gone"], Some(now())));
    world.s3.put("back", 5, "first");
    pass(GRACE + 1);
    assert_eq!(world.compare_rows(first).await, RowsProgress::default());
    assert_eq!(world.found().await, Found { removed: Tally::of(5), ..Found::default() });
    world.dynamodb.check_sums(&[("back".into(), 5)].into());
}

/// The event of its deletion may be among those that wait.
#[tokio::test]
async fn what_is_missing_is_looked_at_again_while_the_queue_holds_older_events() {
    let world = World::new();
    world.record("gone", 5).await;
    world.queue_age.store(2400, Ordering::Relaxed);
    let first = world.compare_rows(from_the_beginning()).await;
    pass(GRACE + 1);
    let second = world.compare_rows(first.clone()).await;
    assert_eq!(second, first);
    assert_eq!(world.found().await, Found::default());
    world.queue_age.store(0, Ordering::Relaxed);
    pass(GRACE);
    assert_eq!(world.compare_rows(second).await, RowsProgress::default());
    assert_eq!(world.found().await, Found { removed: Tally::of(5), ..Found::default() });
    world.dynamodb.check_sums(&[].into());
}

#[tokio::test]
async fn what_its_events_never_reach_is_left_to_the_next_audit() {
    let world = World::new();
    world.record("gone", 5).await;
    world.queue_age.store(43_200, Ordering::Relaxed);
    let mut progress = world.compare_rows(from_the_beginning()).await;
    let mut looks = 0;
    while !progress.suspects.is_empty() {
        pass(GRACE);
        progress = world.compare_rows(progress).await;
        looks += 1;
    }
    assert_eq!((looks, progress), (4, RowsProgress::default()));
    assert_eq!(world.found().await, Found { under_way: 1, ..Found::default() });
    world.dynamodb.check_sums(&[("gone".into(), 5)].into());
}

/// Those that have been seen to be gone are not looked at again with those that wait, and are counted once.
#[tokio::test]
async fn what_is_found_in_each_look_counts() {
    let world = World::new();
    world.record("a", 1).await;
    world.record("b", 2).await;
    let first = world.compare_rows(from_the_beginning()).await;
    pass(GRACE - 60);
    // Somebody writes the row of one of them meanwhile, so that it is looked at once more.
    let event = ObjectEvent {
        bucket_name: "b".into(),
        object_name: ObjectName::new("a").unwrap(),
        kind: EventKind::Created { size: 1, etag: Some("second".into()) },
        event_type: "ObjectCreated:Put".into(),
        sequencer: Sequencer::new("2").unwrap(),
        version_id: None,
        event_time: now(),
    };
    apply(&world.looker.store, vec![event], now, |_| {}).await.unwrap();
    pass(120);
    let second = world.compare_rows(first).await;
    assert_eq!(names(&second), ["a"]);
    // It was there in between, so that nobody knows since when it is missing: the next audit will.
    pass(4 * GRACE);
    assert_eq!(world.compare_rows(second).await, RowsProgress::default());
    let removed = Tally { objects: 1, bytes: 2 };
    assert_eq!(world.found().await, Found { removed, under_way: 1, ..Found::default() });
    world.dynamodb.check_sums(&[("a".to_owned(), 1)].into());
}
