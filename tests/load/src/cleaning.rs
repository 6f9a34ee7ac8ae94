//! The cleaner at work, as the alarm and the schedule invoke it, while trackers record what it deletes and what others upload.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cleaner::{Deps, Invocation, Limits, Notices, TotalSizeAlarm, handle, patience};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use spillway_contracts::ledger::STATE_KEY;
use spillway_contracts::schedule::SafetyNet;
use spillway_fake_aws::capacity::{PacedDynamoDb, PacedS3, Parameters, S3Parameters};
use spillway_fake_aws::{Bucket, HISTORY_TABLE, OBJECT_TABLE, Reply, alarm, cloudwatch_client, http_client};
use spillway_ledger::choice::Rule;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep, timeout};

use crate::bucket::{Events, Sizes, Workload};
use crate::run::{Arrivals, BATCH, SEED, TRACKERS};
use crate::world::{World, at, track};

/// The cleaner's timeout. This and the next are as in `infra/template.yaml`.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Between two ticks of the schedule, and the length of an alarm period.
pub const PERIOD: u32 = 60;
/// In which second of each minute the schedule invokes the cleaner.
const FIRST_TICK: Duration = Duration::from_secs(30);
/// How long CloudWatch takes to see that a period is over. AWS says nothing of it; about 15 s have been seen.
const EVALUATION: Duration = Duration::from_secs(15);
/// The size of each object, in bytes.
const SIZE: u64 = 1_000_000;
/// From one look at the bucket to the next.
const LOOK: Duration = Duration::from_millis(100);
/// For how long records of the history are kept: longer than the cleaner looks back, and there must be one before that.
const HISTORY: Duration = Duration::from_secs(300);

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A bucket of objects of one size, of which some have to go, for a stack as the template makes it.
#[derive(Clone, Debug)]
pub struct Cleaning {
    /// How many objects there are in the beginning. The ledger and the index know all of them.
    pub objects: u64,
    /// How many of them have to go at once: the alarm goes off in that moment.
    pub to_go: u64,
    /// How many objects others upload in a second.
    pub uploads: f64,
    /// `MaxDeletesPerRun`.
    pub max_deletes: usize,
    /// How many seconds it takes at most; if nothing is uploaded, it ends when the bucket is below its target.
    pub seconds: f64,
    /// Whether to go on afterwards until everything is recorded.
    pub drains: bool,
    pub parameters: Parameters,
    pub s3: S3Parameters,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cleaned {
    /// When the bucket was below its target, in seconds from the beginning.
    pub below_after: Option<f64>,
    /// How many objects were deleted until then.
    pub deleted: u64,
    pub deleted_per_second: f64,
    /// Invocations that had something to delete, and those of all that failed.
    pub invocations: u64,
    pub failed: u64,
    /// The part of the time in which S3 was at some deletion, in which the cleaner was at nothing but reading and recording, and in
    /// which it waited to be invoked.
    pub deleting: f64,
    pub deciding: f64,
    pub waiting: f64,
    /// Requests that S3 had no room for, and DynamoDB.
    pub slowed: u64,
    pub throttled: u64,
    /// By how many objects the bucket and the ledger's total were above the threshold at most.
    pub most_over: f64,
    pub most_over_in_ledger: f64,
    /// Events that waited for the tracker at the end, and for how many seconds the oldest had.
    pub unrecorded: u64,
    pub oldest_seconds: f64,
    /// Whether nothing was deleted beyond the target.
    pub is_no_more_than_needed: bool,
    /// Whether the ledger is the bucket's, as far as everything was recorded.
    pub is_exact: bool,
}

impl Default for Cleaning {
    fn default() -> Self {
        Self {
            objects: 2_000,
            to_go: 1_000,
            uploads: 0.0,
            max_deletes: 999_999_999,
            seconds: 7_200.0,
            drains: false,
            parameters: Parameters::settled(),
            s3: S3Parameters::default(),
        }
    }
}

/// What S3 has deleted: how many objects.
type Deleted = Arc<Mutex<u64>>;

/// Lambda, and what it invokes the cleaner with.
struct Lambda {
    world: Rc<World>,
    s3: PacedS3,
    rule: Rule,
    /// The alarm's state, and since when, in milliseconds since the epoch.
    alarm: Arc<Mutex<(&'static str, i64)>>,
    counts: RefCell<Counts>,
}

#[derive(Default)]
struct Counts {
    invocations: u64,
    failed: u64,
    /// How many run, for how many seconds some did, and since when, if some do.
    running: u32,
    busy: f64,
    busy_since: f64,
}

impl Cleaning {
    /// Runs it on a clock of its own. The same cleaning always has the same outcome.
    pub fn run(&self) -> Cleaned {
        fastrand::seed(SEED);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        LocalSet::new().block_on(&runtime, self.run_here())
    }

    async fn run_here(&self) -> Cleaned {
        START.set(Some(Instant::now()));
        let world = Rc::new(self.world());
        let trackers: Vec<_> = (0..TRACKERS).map(|_| spawn_local(track(world.clone(), BATCH))).collect();
        let deleted = Deleted::default();
        let lambda = Rc::new(self.lambda(world.clone(), deleted.clone()));
        spawn_local(evaluate(lambda.clone()));
        spawn_local(tick(lambda.clone()));
        if self.to_go > 0 {
            spawn_local(invoke(lambda.clone(), alarm_event));
        }
        let threshold = self.threshold();
        let left = || {
            let uploaded = (self.uploads * world.now()).floor();
            self.objects as f64 + uploaded - *deleted.lock().unwrap() as f64
        };
        let (mut most_over, mut most_over_in_ledger) = (0.0_f64, 0.0_f64);
        let (mut least_left, mut below_after) = (f64::MAX, None);
        while world.now() < self.seconds && (self.uploads > 0.0 || below_after.is_none()) {
            sleep(LOOK).await;
            let left = left();
            let over = |bytes: f64| (bytes - threshold as f64) / SIZE as f64;
            most_over = most_over.max(over(left * SIZE as f64));
            most_over_in_ledger = most_over_in_ledger.max(over(world.chain.lock().unwrap().total as f64));
            least_left = least_left.min(left * SIZE as f64);
            below_after =
                below_after.or((left * (SIZE as f64) < threshold as f64 && self.to_go > 0).then(|| world.now()));
        }
        let (seconds, deleted_until_then) = (world.now(), *deleted.lock().unwrap());
        let (running, s3) = (lambda.busy(), lambda.s3.counts());
        while self.drains && (world.queue.lock().unwrap().waiting() > 0 || lambda.counts.borrow().running > 0) {
            sleep(LOOK).await;
            least_left = least_left.min(left() * SIZE as f64);
        }
        let (unrecorded, oldest_seconds) = {
            let queue = world.queue.lock().unwrap();
            (queue.waiting(), queue.oldest(world.now()))
        };
        *world.ends.borrow_mut() = true;
        for tracker in trackers {
            tracker.await.unwrap();
        }
        let (throttled, counts) =
            (world.dynamodb.with_capacity(|capacity| capacity.counts.throttled), lambda.counts.borrow());
        Cleaned {
            below_after,
            deleted: deleted_until_then,
            deleted_per_second: deleted_until_then as f64 / seconds,
            invocations: counts.invocations,
            failed: counts.failed,
            deleting: s3.busy / seconds,
            deciding: (running - s3.busy) / seconds,
            waiting: 1.0 - running / seconds,
            slowed: s3.slowed,
            throttled,
            most_over,
            most_over_in_ledger,
            unrecorded,
            oldest_seconds,
            is_no_more_than_needed: least_left + (SIZE as f64) >= threshold as f64,
            is_exact: world.is_exact(),
        }
    }

    fn threshold(&self) -> u64 {
        (self.objects - self.to_go) * SIZE + 1
    }

    fn world(&self) -> World {
        let workload = Workload { objects: self.objects, events: Events::Creations, sizes: Sizes::Equal };
        let dynamodb = PacedDynamoDb::new(self.parameters.clone(), SEED);
        dynamodb.keeps_history(HISTORY);
        dynamodb.has_indexed(workload.first_objects());
        let arrivals = Arrivals::PerSecond { rate: self.uploads, seconds: self.seconds };
        let world = World::new(dynamodb, workload, arrivals);
        world.queue.lock().unwrap().delays(self.s3.event_delay.as_secs_f64());
        let (event_key, record) = workload.first_record(at(Duration::ZERO));
        world.dynamodb.put(HISTORY_TABLE, &record);
        let mut state = world.dynamodb.row(STATE_KEY).unwrap();
        state["version"] = json!({ "N": "1" });
        state["last_event_key"] = json!({ "S": event_key });
        state["updated_at"] = json!({ "S": at(Duration::ZERO).to_string() });
        world.dynamodb.put(OBJECT_TABLE, &state);
        world
    }

    fn lambda(&self, world: Rc<World>, deleted: Deleted) -> Lambda {
        let (queue, start) = (world.queue.clone(), world.start);
        let s3 = PacedS3::new(S3Parameters { others_writes: self.uploads, ..self.s3.clone() }, SEED, move |request| {
            let (key, condition) = (Bucket::requested(request), request.headers().get("if-match").unwrap());
            let (condition, queue) = (condition.trim_matches('"'), &mut *queue.lock().unwrap());
            let answer = match request.method() {
                "HEAD" => queue.bucket().look(&key, condition).map(|_| 200),
                "DELETE" => {
                    let now = start.elapsed().as_secs_f64();
                    queue.send(|bucket| bucket.delete(&key, condition), now).map(|()| {
                        *deleted.lock().unwrap() += 1;
                        204
                    })
                }
                other => panic!("nobody expected {other} {}", request.uri()),
            };
            match answer {
                Ok(status) => Reply::from((status, String::new())),
                Err((status, code)) => Reply::from((status, format!("<Error><Code>{code}</Code></Error>"))),
            }
        });
        let state = if self.to_go > 0 { "ALARM" } else { "OK" };
        Lambda {
            world,
            s3,
            rule: Rule::largest_first(self.threshold(), self.max_deletes),
            alarm: Arc::new(Mutex::new((state, now().as_millisecond()))),
            counts: RefCell::default(),
        }
    }
}

/// What the cleaner takes for the time.
fn now() -> Timestamp {
    at(START.get().unwrap().elapsed())
}

fn alarm_event() -> Invocation {
    serde_json::from_str(include_str!("../../../contracts/examples/alarm-event/ok-metric-alarm.json")).unwrap()
}

fn schedule_event() -> Invocation {
    Invocation::Schedule(SafetyNet { schedule: "safety-net".into() })
}

/// Has the schedule invoke the cleaner every minute, whether or not it still runs.
async fn tick(lambda: Rc<Lambda>) {
    sleep(FIRST_TICK).await;
    loop {
        spawn_local(invoke(lambda.clone(), schedule_event));
        sleep(Duration::from_secs(PERIOD.into())).await;
    }
}

/// Has the alarm look at each period once it is over, and invoke the cleaner when it goes off.
async fn evaluate(lambda: Rc<Lambda>) {
    loop {
        sleep(Duration::from_secs(PERIOD.into())).await;
        let largest = {
            let chain = &mut *lambda.world.chain.lock().unwrap();
            // The schedule has the total written again every minute.
            std::mem::replace(&mut chain.largest, chain.total)
        };
        let lambda = lambda.clone();
        spawn_local(async move {
            sleep(EVALUATION).await;
            let state = if largest >= lambda.rule.threshold_bytes { "ALARM" } else { "OK" };
            let before = std::mem::replace(&mut *lambda.alarm.lock().unwrap(), (state, now().as_millisecond()));
            if before.0 == state {
                *lambda.alarm.lock().unwrap() = before;
            } else if state == "ALARM" {
                invoke(lambda, alarm_event).await;
            }
        });
    }
}

/// Lambda invokes a function that an event invoked asynchronously up to three times.
async fn invoke(lambda: Rc<Lambda>, event: fn() -> Invocation) {
    for pause in [60, 120, 0] {
        if lambda.run(event()).await {
            return;
        }
        sleep(Duration::from_secs(pause)).await;
    }
}

impl Lambda {
    /// Whether the invocation succeeded.
    async fn run(&self, invocation: Invocation) -> bool {
        let alarm_is = self.alarm.clone();
        let cloudwatch = cloudwatch_client(http_client(move |_| {
            let (state, since) = *alarm_is.lock().unwrap();
            Ok(alarm(state, since, 0, PERIOD))
        }));
        let deps = Deps {
            store: self.world.dynamodb.store(),
            s3: self.s3.client(),
            notices: Notices::default(),
            rule: self.rule.clone(),
            alarm: TotalSizeAlarm { cloudwatch, name: "the-alarm".into() },
            limits: Limits::default(),
            patience: patience(PERIOD),
            needs_audit: false,
            dry_run: false,
            now,
        };
        self.begin();
        let over_at = now() + SignedDuration::try_from(TIMEOUT).unwrap();
        let has_deleted = Cell::new(false);
        let handled = handle(&deps, invocation, over_at, |line| has_deleted.set(line.cleaning.is_some()));
        let result = timeout(TIMEOUT, handled).await;
        self.end();
        let is_ok = matches!(result, Ok(Ok(_)));
        let counts = &mut *self.counts.borrow_mut();
        counts.invocations += u64::from(has_deleted.get());
        counts.failed += u64::from(!is_ok);
        is_ok
    }

    fn begin(&self) {
        let counts = &mut *self.counts.borrow_mut();
        if counts.running == 0 {
            counts.busy_since = self.world.now();
        }
        counts.running += 1;
    }

    fn end(&self) {
        self.counts.borrow_mut().busy = self.busy();
        let counts = &mut *self.counts.borrow_mut();
        counts.running -= 1;
        counts.busy_since = self.world.now();
    }

    /// For how many seconds some invocation has been running.
    fn busy(&self) -> f64 {
        let counts = self.counts.borrow();
        counts.busy + if counts.running > 0 { self.world.now() - counts.busy_since } else { 0.0 }
    }
}
