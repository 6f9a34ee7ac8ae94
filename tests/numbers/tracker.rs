//! How many events the tracker takes in a second, how many requests an event costs, and who is at work on it, by the size of
//! the bucket.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use spillway_tests::{Item, Stack, eventually};

use crate::figures::{Pair, median, milliseconds, row, table};
use crate::implementation::{Implementation, Implementations};
use crate::{ledger, machine};

/// How many objects are in the bucket already.
const OBJECTS: [usize; 3] = [10, 1_000, 100_000];
/// Events of one round. The emulator hands over ten at a time, however large a batch may be.
const EVENTS: usize = 480;
/// Rounds that count; one before them warms everything up.
const ROUNDS: usize = 3;

/// What was measured of one bucket.
pub struct Tracking {
    pub objects: usize,
    pub of: Pair<Figures>,
}

/// What was measured of one implementation.
#[derive(Clone, Copy)]
pub struct Figures {
    pub events_per_second: f64,
    pub requests_per_event: f64,
    /// The processor's time for one event, in milliseconds.
    pub milliseconds: Work,
}

/// Who was at work, and for how long.
#[derive(Clone, Copy)]
pub struct Work {
    /// The processes of the function.
    pub function: f64,
    /// The local AWS.
    pub emulator: f64,
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
        tracked.push(Tracking { objects, of: Pair { rust, python } });
    }
    stack.local_aws.shutdown().await;
    tracked
}

async fn track(stack: &Stack, implementation: &Implementation, objects: usize) -> Figures {
    stack.deploy(&["size-tracking"], |function| implementation.directory(function)).await;
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let before = logged(stack).await;
        let (events_per_second, milliseconds) = drain(stack, objects).await;
        let after = logged(stack).await;
        assert_eq!(after.events - before.events, EVENTS as u64, "the tracker's log is whole");
        if round > 0 {
            let requests_per_event = (after.requests - before.requests) as f64 / EVENTS as f64;
            rounds.push(Figures { events_per_second, requests_per_event, milliseconds });
        }
    }
    let median = |figure: fn(&Figures) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
    Figures {
        events_per_second: median(|it| it.events_per_second),
        requests_per_event: median(|it| it.requests_per_event),
        milliseconds: Work {
            function: median(|it| it.milliseconds.function),
            emulator: median(|it| it.milliseconds.emulator),
        },
    }
}

/// How long the function and the local AWS have been at work, in milliseconds.
async fn work(stack: &Stack) -> Work {
    // The local AWS hands its environment on to the functions' processes.
    let here = format!("AWS_ENDPOINT_URL={}", stack.local_aws.endpoint());
    let tracker = format!("AWS_LAMBDA_FUNCTION_NAME={}", stack.function("size-tracking").await);
    let of = |is_one: &dyn Fn(&[&str]) -> bool| {
        milliseconds(machine::processor_time(|variables| variables.contains(&&*here) && is_one(variables)))
    };
    Work {
        function: of(&|variables| variables.contains(&&*tracker)),
        emulator: of(&|variables| !variables.iter().any(|it| it.starts_with("AWS_LAMBDA_FUNCTION_NAME="))),
    }
}

/// Has the events wait in the queue, lets the tracker at them, and gives the events per second from its first commit to
/// its last, and what an event took of the processor. The ledger is left as it was.
async fn drain(stack: &Stack, objects: usize) -> (f64, Work) {
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
    let before = work(stack).await;
    let start = Timestamp::now();
    stack.let_queues_invoke(true).await;
    let all = async || ledger::version(stack).await == recorded + EVENTS as u64;
    eventually("the tracker has recorded the events", all).await;
    let after = work(stack).await;
    ledger::remove_objects(stack, keys()).await;
    assert!(after.function > before.function, "the tracker's processes are not found");
    let work = Work {
        function: (after.function - before.function) / EVENTS as f64,
        emulator: (after.emulator - before.emulator) / EVENTS as f64,
    };
    let rate = rate(&stack.items(&outputs.history_table_name).await, start);
    (rate, work)
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
    let columns = [
        "objects in the bucket",
        "events/s",
        "Python",
        "requests per event",
        "Python",
        "the function's own time per event, ms",
        "Python",
        "the local AWS's, ms",
        "with Python",
    ];
    let figures = |tracking: &Tracking| {
        let Pair { rust, python } = tracking.of;
        let figures: [fn(&Figures) -> f64; 4] = [
            |it| it.events_per_second,
            |it| it.requests_per_event,
            |it| it.milliseconds.function,
            |it| it.milliseconds.emulator,
        ];
        row(tracking.objects, figures.iter().flat_map(|figure| [figure(&rust), figure(&python)]))
    };
    table(&columns, tracked.iter().map(figures))
}
