//! Trackers that take batches of the queue, as Lambda has them do, and apply them as size-tracking does.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spillway_contracts::ledger::STATE_KEY;
use spillway_fake_aws::capacity::{Counts, PacedDynamoDb, Parameters};
use spillway_ledger_store::apply;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, timeout};

use crate::bucket::{Bucket, Events, Sizes, Workload};
use crate::outcome::{Outcome, cause};
use crate::queue::Queue;

/// The function's timeout. This and the next three are as in `infra/template.yaml`.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// For how long a batch that is not full is waited for.
pub const WINDOW: Duration = Duration::from_secs(1);
/// `BatchSize`.
pub const BATCH: usize = 480;
/// `MaximumConcurrency`, of which Lambda's least is 2.
pub const TRACKERS: usize = 2;
/// From the end of one invocation to the beginning of the next, with messages waiting. AWS says nothing of it.
const HANDOVER: Duration = Duration::from_millis(10);
/// From one look to the next at a queue that has no full batch.
const LOOK: Duration = Duration::from_millis(50);

/// Of everything that is left to chance.
pub const SEED: u64 = 11;

/// What comes in, and who takes it.
#[derive(Clone, Debug)]
pub struct Load {
    pub workload: Workload,
    pub arrivals: Arrivals,
    /// How many batches are taken at a time: `MaximumConcurrency`.
    pub trackers: usize,
    /// Messages of a batch, at most: `BatchSize`.
    pub batch: usize,
    /// Seconds that don't count: partitions are split in them.
    pub warm_up: f64,
    /// Seconds that do.
    pub seconds: f64,
    /// Whether to go on afterwards until the queue is empty.
    pub drains: bool,
    /// Whether all records of the history are under one key, as in version 0.1.
    pub has_one_history_key: bool,
    pub parameters: Parameters,
}

impl Default for Load {
    /// As much as there can be of creations in a bucket of a hundred thousand objects, for a stack as the template makes it.
    fn default() -> Self {
        Self {
            workload: Workload { objects: 100_000, events: Events::Creations, sizes: Sizes::Spread },
            arrivals: Arrivals::Backlog,
            trackers: TRACKERS,
            batch: BATCH,
            warm_up: 6.0,
            seconds: 12.0,
            drains: false,
            has_one_history_key: false,
            parameters: Parameters::settled(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// There are always more.
    Backlog,
    /// This many a second, for this many seconds.
    PerSecond { rate: f64, seconds: f64 },
}

/// What the trackers share.
struct World {
    dynamodb: PacedDynamoDb,
    queue: RefCell<Queue>,
    start: Instant,
    chain: Arc<Mutex<Chain>>,
    failed_batches: RefCell<u64>,
    ends: RefCell<bool>,
}

/// The records so far, in the order of their keys.
#[derive(Default)]
struct Chain {
    /// How many.
    records: u64,
    total: u64,
    last_key: String,
    /// Whether some record did not follow from the one before.
    broken: bool,
}

/// What was counted at a moment.
struct Moment {
    at: f64,
    recorded: u64,
    counts: Counts,
    busy: f64,
}

impl Load {
    /// Runs it on a clock of its own. The same load always has the same outcome.
    pub fn run(&self) -> Outcome {
        fastrand::seed(SEED);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        LocalSet::new().block_on(&runtime, self.run_here())
    }

    async fn run_here(&self) -> Outcome {
        let world = Rc::new(self.world());
        let trackers: Vec<_> =
            (0..self.trackers).map(|_| tokio::task::spawn_local(track(world.clone(), self.batch))).collect();
        sleep(Duration::from_secs_f64(self.warm_up)).await;
        let begin = world.moment();
        sleep(Duration::from_secs_f64(self.seconds)).await;
        let end = world.moment();
        while self.drains && !world.queue.borrow_mut().is_done(world.now()) {
            sleep(LOOK).await;
        }
        let (waiting, oldest_seconds) = {
            let queue = world.queue.borrow();
            (queue.waiting(), queue.oldest(world.now()))
        };
        *world.ends.borrow_mut() = true;
        for tracker in trackers {
            tracker.await.unwrap();
        }
        let is_exact = self.is_exact(&world);
        self.outcome(&world, &begin, &end, (waiting, oldest_seconds), is_exact)
    }

    fn world(&self) -> World {
        let dynamodb = PacedDynamoDb::new(self.parameters.clone(), SEED);
        dynamodb.has_one_history_key(self.has_one_history_key);
        let workload = self.workload;
        dynamodb.has_rows(move |key| workload.first_row(key));
        let total = workload.first_total();
        let state = json!({
            "object_name": { "S": STATE_KEY },
            "total_size": { "N": total.to_string() },
            "object_count": { "N": workload.objects.to_string() },
            "version": { "N": workload.objects.to_string() },
            "last_event_key": { "S": "" },
            "is_dated": { "BOOL": true },
            "updated_at": { "S": "2026-09-21T14:13:20Z" },
        });
        dynamodb.with_tables(|tables| tables.objects.insert(STATE_KEY.to_owned(), state));
        let chain = Arc::new(Mutex::new(Chain { total, ..Chain::default() }));
        let watching = chain.clone();
        dynamodb.is_watched(move |_, actions| watching.lock().unwrap().add(actions));
        World {
            dynamodb,
            queue: RefCell::new(Queue::new(Bucket::new(workload), self.arrivals)),
            start: Instant::now(),
            chain,
            failed_batches: RefCell::default(),
            ends: RefCell::default(),
        }
    }

    fn outcome(
        &self,
        world: &World,
        begin: &Moment,
        end: &Moment,
        (waiting, oldest_seconds): (u64, f64),
        is_exact: bool,
    ) -> Outcome {
        let seconds = end.at - begin.at;
        let events = (end.recorded - begin.recorded).max(1) as f64;
        let each = |of: fn(&Counts) -> f64| (of(&end.counts) - of(&begin.counts)) / events;
        let state_busy = (end.busy - begin.busy) / seconds;
        let queue = world.queue.borrow();
        let counts = Counts {
            reads: end.counts.reads - begin.counts.reads,
            transactions: end.counts.transactions - begin.counts.transactions,
            throttled: end.counts.throttled - begin.counts.throttled,
            ..Counts::default()
        };
        Outcome {
            events_per_second: (end.recorded - begin.recorded) as f64 / seconds,
            requests: each(|counts| (counts.reads + counts.transactions) as f64),
            write_units: each(|counts| counts.write_units),
            read_units: each(|counts| counts.read_units),
            conflicts: each(|counts| counts.conflicts as f64),
            throttled: each(|counts| counts.throttled as f64),
            state_busy,
            cause: world.dynamodb.with_capacity(|capacity| cause(&counts, capacity.most_refused(), state_busy)),
            failed_batches: *world.failed_batches.borrow(),
            redelivered: queue.redelivered,
            most_deliveries: queue.most_deliveries,
            lost: queue.dead + queue.lost,
            waiting,
            oldest_seconds,
            is_exact,
        }
    }

    /// Whether the ledger says what it should.
    fn is_exact(&self, world: &World) -> bool {
        let queue = world.queue.borrow();
        let all_arrived = queue.waiting() == 0;
        world.dynamodb.with_tables(|tables| {
            let number = |row: &Value, name: &str| row[name]["N"].as_str().map(|digits| digits.parse::<u64>().unwrap());
            let state = &tables.objects[STATE_KEY];
            let (mut total, mut count) = (i128::from(self.workload.first_total()), i128::from(self.workload.objects));
            for (key, row) in tables.objects.iter().filter(|(key, _)| *key != STATE_KEY) {
                let (before, now) = (self.workload.first_size_of(key), number(row, "size"));
                total += i128::from(now.unwrap_or_default()) - i128::from(before);
                count += i128::from(now.is_some()) - i128::from(before > 0);
            }
            let adds_up = total == i128::from(number(state, "total_size").unwrap())
                && count == i128::from(number(state, "object_count").unwrap());
            let is_what_happened = |(key, size): (String, Option<u64>)| match tables.objects.get(&key) {
                Some(row) => number(row, "size") == size,
                None => false,
            };
            let chain = world.chain.lock().unwrap();
            let follows = !chain.broken && Some(chain.total) == number(state, "total_size");
            adds_up && follows && (!all_arrived || queue.bucket().changed().all(is_what_happened))
        })
    }
}

async fn track(world: Rc<World>, batch: usize) {
    let store = world.dynamodb.store();
    while !*world.ends.borrow() {
        let mut waited = Duration::ZERO;
        while waited < WINDOW && world.queue.borrow_mut().visible(world.now(), batch) < batch {
            sleep(LOOK).await;
            waited += LOOK;
        }
        let received = world.now();
        let messages = world.queue.borrow_mut().receive(received, batch);
        if messages.is_empty() {
            continue;
        }
        sleep(HANDOVER).await;
        let events = messages.iter().map(|message| message.happened.event(world.timestamp())).collect();
        let applied = apply(&store, events, || world.timestamp(), |_| {});
        match timeout(TIMEOUT, applied).await {
            Ok(Ok(_)) => world.queue.borrow_mut().deleted += messages.len() as u64,
            _ => {
                *world.failed_batches.borrow_mut() += 1;
                world.queue.borrow_mut().keep(messages, received);
            }
        }
    }
}

impl World {
    fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn timestamp(&self) -> Timestamp {
        let start = Timestamp::from_second(1_795_000_000).unwrap();
        start + SignedDuration::try_from(self.start.elapsed()).unwrap()
    }

    fn moment(&self) -> Moment {
        let counts = self.dynamodb.with_capacity(|capacity| capacity.counts.clone());
        Moment {
            at: self.now(),
            recorded: self.chain.lock().unwrap().records,
            counts,
            busy: self.dynamodb.busy_seconds(),
        }
    }
}

impl Chain {
    /// Adds the records of a transaction.
    fn add(&mut self, actions: &[Value]) {
        let items = actions.iter().map(|action| &action["Put"]["Item"]).filter(|item| item.get("event_key").is_some());
        let mut records: Vec<_> = items
            .map(|item| {
                let number = |name: &str| item[name]["N"].as_str().unwrap();
                let (delta, total) = (number("size_delta").parse::<i64>(), number("total_size").parse::<u64>());
                (item["event_key"]["S"].as_str().unwrap(), delta.unwrap(), total.unwrap())
            })
            .collect();
        records.sort_unstable();
        for (key, delta, total) in records {
            let follows = self.total.checked_add_signed(delta) == Some(total) && *key > *self.last_key;
            self.broken |= !follows;
            self.records += 1;
            self.total = total;
            key.clone_into(&mut self.last_key);
        }
    }
}
