//! How many events the tracker takes in a second, and how many requests an event costs, by the size of the bucket.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use spillway_tests::{Item, Stack, eventually};

use crate::figures::{Pair, median, row, table};
use crate::implementation::{Implementation, Implementations};
use crate::ledger;

/// How many objects are in the bucket already.
const OBJECTS: [usize; 3] = [10, 1_000, 100_000];
/// Events of one round. The emulator hands over ten at a time, however large a batch may be.
const EVENTS: usize = 480;
/// Rounds that count; one before them warms everything up.
const ROUNDS: usize = 3;

/// What was measured of one bucket.
pub struct Tracking {
    pub objects: usize,
    pub events_per_second: Pair<f64>,
    pub requests_per_event: Pair<f64>,
}

/// Measures both on the same stack, from the smallest bucket to the largest.
pub async fn measure(implementations: &Implementations) -> Vec<Tracking> {
    // The cleaner has nothing to do with a threshold that is never reached.
    let stack = Stack::with(&[("SafetyNetExpression", "rate(1 day)"), ("SizeThreshold", "1000000000000")]).await;
    let mut tracked = Vec::new();
    let mut seeded = 0;
    for objects in OBJECTS {
        ledger::add_objects(&stack, seeded..objects).await;
        seeded = objects;
        eprintln!("tracker: {EVENTS} events on top of {objects} objects");
        let rust = track(&stack, &implementations.rust, objects).await;
        let python = track(&stack, &implementations.python, objects).await;
        let pair = Pair { rust, python };
        tracked.push(Tracking {
            objects,
            events_per_second: pair.map(|(events_per_second, _)| events_per_second),
            requests_per_event: pair.map(|(_, requests_per_event)| requests_per_event),
        });
    }
    stack.local_aws.shutdown().await;
    tracked
}

/// Events per second and requests per event.
async fn track(stack: &Stack, implementation: &Implementation, objects: usize) -> (f64, f64) {
    stack.deploy(&["size-tracking"], |function| implementation.directory(function)).await;
    let mut rates = Vec::new();
    let mut requests = Vec::new();
    for round in 0..=ROUNDS {
        let before = logged(stack).await;
        let rate = drain(stack, objects).await;
        let after = logged(stack).await;
        assert_eq!(after.events - before.events, EVENTS as u64, "the tracker's log is whole");
        if round > 0 {
            rates.push(rate);
            requests.push((after.requests - before.requests) as f64 / EVENTS as f64);
        }
    }
    (median(&rates), median(&requests))
}

/// Has the events wait in the queue, lets the tracker at them, and gives the events per second from its first commit to
/// its last. The ledger is left as it was.
async fn drain(stack: &Stack, objects: usize) -> f64 {
    ledger::set_total(stack, objects).await;
    stack.let_queues_invoke(false).await;
    let outputs = stack.local_aws.outputs();
    for key in keys() {
        let put = stack.s3.put_object().bucket(&outputs.test_bucket_name).key(key);
        put.body(ByteStream::from_static(b".")).send().await.expect("an object can be put");
    }
    let waiting = async || stack.messages(&outputs.tracking_queue_url).await >= EVENTS as i64;
    eventually("the events are in the queue", waiting).await;
    // Logging has no part in this.
    stack.sqs.purge_queue().queue_url(&outputs.logging_queue_url).send().await.expect("a queue can be purged");
    let recorded = ledger::version(stack).await;
    let start = Timestamp::now();
    stack.let_queues_invoke(true).await;
    let all = async || ledger::version(stack).await == recorded + EVENTS as u64;
    eventually("the tracker has recorded the events", all).await;
    ledger::remove_objects(stack, keys()).await;
    rate(&stack.items(&outputs.history_table_name).await, start)
}

fn keys() -> impl Iterator<Item = String> {
    (0..EVENTS).map(|number| format!("tracked/{number:04}"))
}

/// Of the events after the first commit.
fn rate(history: &[Item], start: Timestamp) -> f64 {
    let committed = |record: &Item| record["committed_at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
    let times: Vec<Timestamp> = history.iter().map(committed).filter(|at| *at >= start).collect();
    let first = times.iter().min().expect("there are records");
    let last = times.iter().max().expect("there are records");
    let later = times.iter().filter(|at| *at > first).count();
    later as f64 / Duration::try_from(last.duration_since(*first)).expect("time goes on").as_secs_f64()
}

/// What the tracker has logged about its batches.
struct Logged {
    events: u64,
    requests: u64,
}

async fn logged(stack: &Stack) -> Logged {
    let lines = stack.log_lines(&stack.function("size-tracking").await).await;
    let sum = |field: &str| lines.iter().filter_map(|line| line.get(field)?.as_u64()).sum::<u64>();
    // A conflict is a transaction that was refused, and is followed by another read.
    Logged { events: sum("delivered"), requests: sum("reads") + sum("transactions") + sum("conflicts") }
}

/// The figures in Markdown.
pub fn report(tracked: &[Tracking]) -> String {
    let columns = ["objects in the bucket", "events/s", "Python", "requests per event", "Python"];
    let figures = |tracking: &Tracking| {
        let (rate, requests) = (tracking.events_per_second, tracking.requests_per_event);
        row(tracking.objects, [rate.rust, rate.python, requests.rust, requests.python])
    };
    table(&columns, tracked.iter().map(figures))
}
