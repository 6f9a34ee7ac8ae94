//! What there is in a simulation, and the clock that all of it goes by.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cleaner::Limits;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use spillway_contracts::rule::{DeleteFirst, target_bytes};
use spillway_fake_aws::{Bucket, Tables};
use spillway_ledger::choice::Rule;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::queue::Queue;
use crate::reference::Reference;
use crate::repairs::Repairs;
use crate::runs::Breakage;
use crate::safeguard::Safeguard;

/// When a simulation begins, in milliseconds: as a minute does.
const BEGINNING: i64 = 1_790_000_040_000;

thread_local! {
    /// The moment of tokio's clock at which the simulation on this thread began.
    static BEGUN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Begins anew.
pub fn begin() {
    BEGUN.set(Some(Instant::now()));
}

/// The simulated time, in milliseconds.
pub fn millis() -> i64 {
    let begun = BEGUN.get().unwrap();
    BEGINNING + begun.elapsed().as_millis() as i64
}

/// The simulated time: the clock that the functions are given.
pub fn now() -> Timestamp {
    Timestamp::from_millisecond(millis()).unwrap()
}

/// What a seed decides beforehand.
#[derive(Clone, Debug)]
pub struct Plan {
    pub rule: Rule,
    /// How many of a thousand calls go wrong.
    pub faults: u32,
    /// How many milliseconds the slowest calls take at most.
    pub slowest: i64,
    /// How many of a thousand messages are delivered twice, or late.
    pub mischief: u32,
    /// After how many deliveries the queues take a message for dead.
    pub max_receive_count: u32,
    /// How many batches of a queue are worked on at a time.
    pub concurrency: usize,
    /// How much the cleaner does at once.
    pub limits: Limits,
    /// By how many milliseconds the indexes lag at most.
    pub index_lag: i64,
    /// How many things users do.
    pub events: usize,
    /// Before which of them nothing happens, and for how many days.
    pub pause: Option<(usize, i64)>,
    /// How many of a thousand events are lost for good.
    pub losses: u32,
    /// How many of a thousand messages are given to a dead-letter queue besides.
    pub delays: u32,
    /// How many things users do at a time.
    pub burst: usize,
    /// How many names users give to objects, apart from those that are protected.
    pub names: u32,
    /// How the bucket is audited, if it is.
    pub audits: Option<Audits>,
}

/// How a bucket is audited.
#[derive(Clone, Debug)]
pub struct Audits {
    /// For how long an event is under way at most, as the audits are told, in seconds.
    pub grace_seconds: u64,
    /// For how long there is none at most, in milliseconds.
    pub pause: i64,
    /// How many objects the bucket held before there was a ledger.
    pub adopted: u32,
    /// How many objects S3 lists at once, and a task compares.
    pub batch: usize,
    /// In how many segments the ledger's rows are read.
    pub segments: u32,
    /// Whether S3 says nothing of some objects but in its listing.
    pub hides: bool,
    /// How many times the whole bucket changes behind the ledger's back.
    pub upheavals: u32,
}

impl Plan {
    fn of(rng: &mut Rng) -> Self {
        let (max_deletes, threshold_bytes) = (one_of(rng, &[1, 2, 5, 1000]), one_of(rng, &[60, 150, 300]));
        Self {
            rule: Rule {
                threshold_bytes,
                target_bytes: target_bytes(threshold_bytes, one_of(rng, &[100, 100, 80, 50])),
                delete_first: one_of(rng, &[DeleteFirst::Largest, DeleteFirst::Oldest]),
                minimum_age: SignedDuration::from_mins(one_of(rng, &[0, 0, 1, 5])),
                max_deletes,
                protected: "keep/".parse().unwrap(),
            },
            limits: match rng.usize(0..=4) {
                0 | 1 => Limits::default(),
                round => {
                    Limits { round, record: rng.usize(1..=2), unrecorded: one_of(rng, &[3, 10_000]), window: 2 * round }
                }
            },
            faults: one_of(rng, &[0, 10, 40, 120]),
            slowest: 40_000,
            mischief: one_of(rng, &[0, 50, 200]),
            max_receive_count: one_of(rng, &[3, 500]),
            concurrency: rng.usize(1..=4),
            index_lag: one_of(rng, &[0, 1000, 20_000, 55_000]),
            events: rng.usize(60..=140),
            pause: (rng.u32(..8) == 0).then(|| (rng.usize(20..60), one_of(rng, &[1, 10, 16]))),
            losses: 0,
            delays: 0,
            burst: 1,
            names: 12,
            audits: None,
        }
    }

    /// The life of a bucket that is audited.
    fn of_audits(rng: &mut Rng) -> Self {
        let adopted = one_of(rng, &[0, 0, 0, 20, 200]);
        let burst = one_of(rng, &[1, 1, 1, 10]);
        Self {
            losses: one_of(rng, &[0, 10, 100, 400]),
            delays: one_of(rng, &[0, 100, 300]),
            burst,
            events: if burst > 1 { rng.usize(20..=40) } else { rng.usize(60..=140) },
            names: if adopted > 0 { adopted } else { 6 },
            audits: Some(Audits {
                grace_seconds: one_of(rng, &[600, 900]),
                pause: one_of(rng, &[300_000, 1_200_000, 7_200_000]),
                adopted,
                batch: rng.usize(1..=20),
                segments: rng.u32(1..=3),
                hides: rng.bool(),
                upheavals: 0,
            }),
            ..Self::of(rng)
        }
    }

    /// The life of a bucket of a thousand objects, from which audits have much to repair and the cleaner nothing to delete.
    fn of_crowds(rng: &mut Rng) -> Self {
        const OBJECTS: u32 = 1000;
        let plan = Self::of_audits(rng);
        Self {
            rule: Rule::largest_first(1 << 40, 1000),
            // Enough to end a task now and then, which makes some thousand calls.
            faults: one_of(rng, &[0, 1, 3]),
            pause: None,
            burst: 1,
            names: OBJECTS,
            audits: plan.audits.map(|audits| Audits {
                pause: 1_200_000,
                adopted: OBJECTS,
                batch: one_of(rng, &[50, 1000]),
                upheavals: 5,
                ..audits
            }),
            ..plan
        }
    }
}

/// An alarm: its state, and since when it has been in that, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub state: &'static str,
    pub since: i64,
}

/// One of some values.
pub fn one_of<T: Copy>(rng: &mut Rng, values: &[T]) -> T {
    values[rng.usize(..values.len())]
}

/// All that there is.
#[derive(Debug)]
pub struct World {
    /// Decides what is open.
    pub rng: Rng,
    /// What was decided beforehand.
    pub plan: Plan,
    /// What does not work, if something does not.
    pub breakage: Option<Breakage>,
    /// The alarm on the total.
    pub alarm: Alarm,
    /// The safeguard that is missing, if one is.
    pub without: Option<Safeguard>,
    /// Whether nothing goes wrong any more.
    pub is_calm: bool,
    /// Until when the minute's schedule is off, in milliseconds.
    pub paused_until: i64,
    /// Until when nothing reads the tracking queue, in milliseconds.
    pub untracked_until: i64,
    pub bucket: Bucket,
    pub tables: Tables,
    pub tracking: Queue,
    pub logging: Queue,
    /// The points of the metric: a time in milliseconds, and a total.
    pub metric: VecDeque<(i64, u64)>,
    /// How old the oldest message of the tracking queue was, and when, in milliseconds.
    pub ages: VecDeque<(i64, i64)>,
    /// The bucket as it was when it was last listed for an audit that has no second look.
    pub listed: Bucket,
    /// What ought to be.
    pub reference: Reference,
    /// What audits have repaired.
    pub repairs: Repairs,
    /// How many times each thing happened.
    pub counts: BTreeMap<&'static str, u64>,
    /// What happened, if somebody wants to read it.
    pub trace: Option<Vec<String>>,
    /// By when the index knows of all writes so far.
    index_knows_at: i64,
}

impl World {
    fn of(seed: u64, plan: fn(&mut Rng) -> Plan, without: Option<Safeguard>, is_traced: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let plan = plan(&mut rng);
        let mut bucket = Bucket::default();
        bucket.versioned = rng.u32(..4) == 0;
        Self {
            breakage: None,
            alarm: Alarm { state: "INSUFFICIENT_DATA", since: millis() },
            is_calm: false,
            paused_until: 0,
            untracked_until: 0,
            bucket,
            tables: Tables::default(),
            tracking: Queue::default(),
            logging: Queue::default(),
            metric: VecDeque::new(),
            ages: VecDeque::new(),
            listed: Bucket::default(),
            reference: Reference::default(),
            repairs: Repairs::default(),
            counts: BTreeMap::new(),
            trace: is_traced.then(Vec::new),
            index_knows_at: 0,
            rng,
            plan,
            without,
        }
    }

    /// Whether a thing happens that happens this many times in a thousand.
    pub fn happens(&mut self, in_a_thousand: u32) -> bool {
        !self.is_calm && self.rng.u32(..1000) < in_a_thousand
    }

    /// Whether the safeguard is there.
    pub fn has(&self, safeguard: Safeguard) -> bool {
        self.without != Some(safeguard)
    }

    /// Whether one of these things does not work.
    pub fn is_broken(&self, things: &[Breakage]) -> bool {
        self.breakage.is_some_and(|breakage| things.contains(&breakage))
    }

    /// Notes what happens, for whoever reads the trace.
    pub fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>13.3} {}", (millis() - BEGINNING) as f64 / 1000.0, what()));
        }
    }

    /// Counts what happens.
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// By how many milliseconds the index lags behind the next write. It learns of writes in their order.
    pub fn index_lag(&mut self) -> i64 {
        let longest = if self.has(Safeguard::BoundOfTheIndexLag) { self.plan.index_lag } else { 150_000 };
        self.index_knows_at = self.index_knows_at.max(millis() + self.rng.i64(0..=longest));
        self.index_knows_at - millis()
    }
}

/// The world, and what wakes those who wait for messages.
#[derive(Clone, Debug)]
pub struct Shared {
    world: Arc<Mutex<World>>,
    /// Told when a queue has a message.
    pub arrival: Arc<Notify>,
}

impl Shared {
    /// The world that a seed makes.
    pub fn of(seed: u64, without: Option<Safeguard>, is_traced: bool) -> Self {
        Self::with(World::of(seed, Plan::of, without, is_traced))
    }

    /// The world that a seed makes, with audits.
    pub fn of_audits(seed: u64, without: Option<Safeguard>, is_traced: bool) -> Self {
        Self::with(World::of(seed, Plan::of_audits, without, is_traced))
    }

    /// The world that a seed makes, with audits that have a whole crowd of objects to repair.
    pub fn of_crowds(seed: u64, without: Option<Safeguard>, is_traced: bool) -> Self {
        Self::with(World::of(seed, Plan::of_crowds, without, is_traced))
    }

    fn with(world: World) -> Self {
        Self { world: Arc::new(Mutex::new(world)), arrival: Arc::default() }
    }

    /// A stack for runs of the driver, whose alarm goes off at 20 bytes. Of a thousand calls, `faults` go wrong.
    pub fn of_runs(seed: u64, breakage: Option<Breakage>, faults: u32) -> Self {
        let shared = Self::of(seed, None, false);
        let mut world = shared.lock();
        world.plan.rule = Rule::largest_first(20, 1000);
        world.plan.faults = faults;
        if faults == 0 {
            // The cleaner waits five seconds for S3.
            world.plan.slowest = 3000;
        }
        world.plan.mischief = faults;
        world.plan.max_receive_count = 500;
        world.bucket.versioned = false;
        world.breakage = breakage;
        drop(world);
        shared
    }

    /// The world, as long as nobody waits for anything.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

/// Lets simulated time pass.
pub async fn pass(milliseconds: i64) {
    tokio::time::sleep(Duration::from_millis(milliseconds.max(0) as u64)).await;
}
