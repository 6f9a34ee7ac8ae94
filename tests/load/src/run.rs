//! Trackers that take batches of the queue, as Lambda has them do, and apply them as size-tracking does.

use std::rc::Rc;
use std::time::Duration;

use spillway_fake_aws::capacity::{Counts, PacedDynamoDb, Parameters};
use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::bucket::{Events, Sizes, Workload};
use crate::outcome::{Outcome, cause};
use crate::world::{LOOK, World, track};

/// The function's timeout. This and the next three are as in `infra/template.yaml`.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// For how long a batch that is not full is waited for.
pub const WINDOW: Duration = Duration::from_secs(1);
/// `BatchSize`.
pub const BATCH: usize = 480;
/// `MaximumConcurrency`, of which Lambda's least is 2.
pub const TRACKERS: usize = 2;
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
        let begin = Moment::of(&world);
        sleep(Duration::from_secs_f64(self.seconds)).await;
        let end = Moment::of(&world);
        while self.drains && !world.queue.lock().unwrap().is_done(world.now()) {
            sleep(LOOK).await;
        }
        let (waiting, oldest_seconds) = {
            let queue = world.queue.lock().unwrap();
            (queue.waiting(), queue.oldest(world.now()))
        };
        *world.ends.borrow_mut() = true;
        for tracker in trackers {
            tracker.await.unwrap();
        }
        let is_exact = world.is_exact();
        self.outcome(&world, &begin, &end, (waiting, oldest_seconds), is_exact)
    }

    fn world(&self) -> World {
        let dynamodb = PacedDynamoDb::new(self.parameters.clone(), SEED);
        dynamodb.has_one_history_key(self.has_one_history_key);
        World::new(dynamodb, self.workload, self.arrivals)
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
        let queue = world.queue.lock().unwrap();
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
}

impl Moment {
    fn of(world: &World) -> Self {
        let counts = world.dynamodb.with_capacity(|capacity| capacity.counts.clone());
        let recorded = world.chain.lock().unwrap().records;
        Self { at: world.now(), recorded, counts, busy: world.dynamodb.busy_seconds() }
    }
}
