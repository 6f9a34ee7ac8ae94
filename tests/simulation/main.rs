//! A bucket's whole life in one process, on a clock of its own, decided by one seed.
//!
//! The real handlers of size-tracking, logging and the cleaner run against models, in memory, of what AWS documents. Every
//! call that they make is a point at which the seed decides how long it takes, so that anybody else may go on first, and
//! whether it fails, or ends the invocation. Then there is quiet, and the ledger is held against the bucket.
//!
//! `SPILLWAY_SEEDS=100000 cargo test --release -p spillway-simulation` tries this many seeds, `SPILLWAY_SEEDS=50000..100000` the
//! second half of them, and `SPILLWAY_SEED=7` shows everything that happens with one of them. `SPILLWAY_AUDIT_SEEDS` and `SPILLWAY_AUDIT_SEED` are the same for lives in which events are lost
//! for good, and audits make up for them, and `SPILLWAY_CROWD_SEEDS` and `SPILLWAY_CROWD_SEED` for those with thousands of repairs.

#![allow(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

mod audits;
mod environment;
mod functions;
mod queue;
mod reference;
mod repairs;
mod runs;
mod safeguard;
mod users;
mod world;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::env::var;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::environment::build_clients;
use crate::functions::{Consumer, deliver, tell_ages, tick};
use crate::runs::Breakage;
use crate::safeguard::{SAFEGUARDS, SAFEGUARDS_OF_AUDITS, Safeguard};
use crate::world::{Shared, World, pass};

/// A message that nobody can read.
const GARBAGE: &str = "no message";

/// How many seeds are tried if nobody says so: what the tests' build does within a minute on two cores.
const SEEDS: u64 = 300;

/// How many lives with audits are tried if nobody says so.
const AUDIT_SEEDS: u64 = 12;

/// How many lives with thousands of repairs are tried if nobody says so.
const CROWD_SEEDS: u64 = 1;

/// How many stacks the driver runs on.
const RUNS: u64 = 40;

/// Within how many minutes all has to come right once nothing goes wrong any more.
const QUIET_MINUTES: usize = 60;

/// What became of a seed's bucket.
#[derive(Debug)]
struct Life {
    result: Result<(), String>,
    counts: BTreeMap<&'static str, u64>,
    trace: Vec<String>,
}

/// Lets something happen on a stack that works by itself.
fn simulate<T>(seed: u64, world: impl FnOnce() -> Shared, happening: impl AsyncFnOnce(Shared) -> T) -> T {
    // The pauses of the handlers are random too, and so is something in the clients when they are built.
    build_clients();
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        world::begin();
        let shared = world();
        tokio::spawn(deliver(shared.clone(), Consumer::Tracking));
        tokio::spawn(deliver(shared.clone(), Consumer::Logging));
        tokio::spawn(tick(shared.clone()));
        happening(shared).await
    })
}

/// Lives through a seed.
fn live(seed: u64, without: Option<Safeguard>, is_traced: bool) -> Life {
    let world = || Shared::of(seed, without, is_traced);
    simulate(seed, world, async |shared| {
        users::live(&shared).await;
        calm(&shared);
        let mut result = Err(String::new());
        for minute in 0..QUIET_MINUTES {
            pass(60_000).await;
            let mut world = shared.lock();
            if minute % 30 == 0 {
                users::redrive(&mut world);
                shared.arrival.notify_waiters();
                continue;
            }
            let idle = if is_idle(&world) { Ok(()) } else { Err("messages are still on their way".to_owned()) };
            result = reference::check_end(&world).and(idle);
            if result.is_ok() || !world.reference.violations.is_empty() {
                break;
            }
        }
        let mut world = shared.lock();
        Life { result, counts: world.counts.clone(), trace: world.trace.take().unwrap_or_default() }
    })
}

/// Lives through a seed with audits. What the bucket held before is not in the ledger, and events are lost for good.
fn live_audited(seed: u64, without: Option<Safeguard>, is_traced: bool) -> Life {
    audit_through(seed, || Shared::of_audits(seed, without, is_traced))
}

/// The same with a bucket that holds much, most of which changes now and then without an event.
fn live_in_crowds(seed: u64, without: Option<Safeguard>, is_traced: bool) -> Life {
    audit_through(seed, || Shared::of_crowds(seed, without, is_traced))
}

fn audit_through(seed: u64, world: impl FnOnce() -> Shared) -> Life {
    simulate(seed, world, async |shared| {
        tokio::spawn(tell_ages(shared.clone()));
        users::fill(&mut shared.lock());
        let are_users_done = Cell::new(false);
        let users = async {
            tokio::join!(users::live(&shared), users::upheave(&shared));
            are_users_done.set(true);
        };
        tokio::join!(users, audits::keep_on(&shared, &are_users_done));
        calm(&shared);
        let mut result = Err("the queues did not run empty".to_owned());
        if become_idle(&shared).await {
            repairs::check_rows(&mut shared.lock());
            result = audit_to_the_end(&shared).await;
        }
        let mut world = shared.lock();
        if let Some(violation) = world.reference.violations.first() {
            result = Err(violation.clone());
        }
        Life { result, counts: world.counts.clone(), trace: world.trace.take().unwrap_or_default() }
    })
}

/// Waits until nothing is under way any more; whether that ever came.
async fn become_idle(shared: &Shared) -> bool {
    for minute in 0..2 * QUIET_MINUTES {
        if minute % 30 == 0 {
            users::redrive(&mut shared.lock());
            shared.arrival.notify_waiters();
        } else if is_idle(&shared.lock()) {
            return true;
        }
        pass(60_000).await;
    }
    false
}

fn is_idle(world: &World) -> bool {
    world.tracking.is_empty() && world.logging.is_empty()
}

/// One audit makes the ledger equal to the bucket, and then everything comes right. What the cleaner deleted without the
/// ledger's knowing may take it one more.
async fn audit_to_the_end(shared: &Shared) -> Result<(), String> {
    let mut result = Ok(());
    for _ in 0..2 {
        pass(20 * 60_000).await;
        let report = audits::audit(shared, true).await.map_err(|failure| failure.message)?;
        if !become_idle(shared).await {
            return Err("the queues did not run empty after an audit".to_owned());
        }
        reference::check_ledger(&shared.lock()).map_err(|difference| format!("after {report:?}: {difference}"))?;
        for _ in 0..QUIET_MINUTES {
            result = reference::check_end(&shared.lock());
            if result.is_ok() {
                return result;
            }
            pass(60_000).await;
        }
    }
    result
}

/// Two runs on a seed's stack, one after the other: how each ended, and whether one that passed has told the truth.
fn drive(seed: u64, breakage: Option<Breakage>, faults: u32) -> Vec<Result<(), String>> {
    let world = || Shared::of_runs(seed, breakage, faults);
    simulate(seed, world, async |shared| {
        let mut endings = Vec::new();
        for _ in 0..2 {
            let ending = runs::run(&shared).await;
            if let Ok(report) = &ending {
                runs::check(&shared, report).unwrap_or_else(|lie| panic!("seed {seed}: {lie}"));
            }
            endings.push(ending.map(drop).map_err(|failure| failure.name.to_string()));
        }
        let violations = std::mem::take(&mut shared.lock().reference.violations);
        assert!(violations.is_empty(), "seed {seed}: {violations:?}");
        endings
    })
}

/// Nothing goes wrong any more.
fn calm(shared: &Shared) {
    let mut world = shared.lock();
    world.note(|| "from now on nothing goes wrong".to_owned());
    world.is_calm = true;
    world.untracked_until = 0;
    world.bucket.refusals.clear();
}

/// Lives with a seed, with a safeguard missing or not, traced or not.
type Live = fn(u64, Option<Safeguard>, bool) -> Life;

/// The seeds that a variable names: `500` is the first 500, and `500..1000` are those that follow.
fn span(seeds: &str) -> Range<u64> {
    let (first, end) = seeds.split_once("..").unwrap_or(("0", seeds));
    first.parse().unwrap()..end.parse().unwrap()
}

/// Lives through the seed that the first variable names; otherwise through those of the second one, shared out between two
/// threads.
#[track_caller]
fn live_through(live: Live, [one, many]: [&str; 2], seeds: u64) {
    if let Ok(seed) = var(one) {
        let life = live(seed.parse().unwrap(), None, true);
        println!("{}", life.trace.join("\n"));
        life.result.unwrap_or_else(|error| panic!("{error}"));
        return;
    }
    let seeds = var(many).map_or(0..seeds, |seeds| span(&seeds));
    let has_failed = AtomicBool::new(false);
    let half = |first: u64| {
        let mut counts = BTreeMap::new();
        for seed in (seeds.start + first..seeds.end).step_by(2).take_while(|_| !has_failed.load(Ordering::Relaxed)) {
            if seed > seeds.start && seed.is_multiple_of(1000) {
                println!("{seed} of {}", seeds.end);
            }
            let life = live(seed, None, false);
            if let Err(error) = life.result {
                has_failed.store(true, Ordering::Relaxed);
                return Err((seed, error));
            }
            for (what, count) in life.counts {
                *counts.entry(what).or_insert(0) += count;
            }
        }
        Ok(counts)
    };
    let half = &half;
    let halves = std::thread::scope(|scope| {
        let halves = [0, 1].map(|first| scope.spawn(move || half(first)));
        halves.map(|half| half.join().unwrap())
    });
    for half in halves {
        match half {
            Ok(counts) => println!("{counts:?}"),
            Err((seed, error)) => {
                // So that it can be read.
                let trace = live(seed, None, true).trace.join("\n");
                panic!("{trace}\n{one}={seed}: {error}");
            }
        }
    }
}

#[test]
fn every_seed_ends_with_a_ledger_that_is_right_and_a_bucket_below_its_threshold() {
    live_through(live, ["SPILLWAY_SEED", "SPILLWAY_SEEDS"], SEEDS);
}

/// Of the bucket that held objects before the ledger did, too; and no repair is wrong.
#[test]
fn audits_make_up_for_events_that_are_lost_for_good() {
    live_through(live_audited, ["SPILLWAY_AUDIT_SEED", "SPILLWAY_AUDIT_SEEDS"], AUDIT_SEEDS);
}

/// Whatever changes while the audits look at it.
#[test]
fn no_repair_of_thousands_is_wrong() {
    live_through(live_in_crowds, ["SPILLWAY_CROWD_SEED", "SPILLWAY_CROWD_SEEDS"], CROWD_SEEDS);
}

#[test]
fn a_run_on_a_stack_that_works_passes_and_passes_again() {
    for seed in 0..RUNS {
        assert_eq!(drive(seed, None, 0), [Ok(()), Ok(())], "seed {seed}");
    }
}

/// It may fail, but by a name; and if it passes, it has told the truth. A look at the history is nine calls, and any of them
/// may fail.
#[test]
fn a_run_among_faults_tells_the_truth() {
    let endings: Vec<_> = (0..RUNS).flat_map(|seed| drive(seed, None, 15)).collect();
    let passed = endings.iter().filter(|ending| ending.is_ok()).count();
    assert!(passed * 2 > endings.len(), "{passed} of {}: {endings:?}", endings.len());
}

#[test]
fn a_run_on_a_broken_stack_fails_by_the_name_of_what_is_broken() {
    for (breakage, names) in [
        (Breakage::AlarmAction, &["NotDeletedByAlarm"] as &[_]),
        (Breakage::Metric, &["AlarmDidNotGoOff", "AlarmDeadlinePassed"]),
        (Breakage::AlarmActionAndSchedule, &["DeletionDeadlinePassed"]),
        (Breakage::Events, &["UploadDeadlinePassed"]),
    ] {
        for seed in 0..RUNS / 4 {
            let ending = drive(seed, Some(breakage), 0).remove(0);
            let name = ending.expect_err("the stack is broken");
            assert!(names.contains(&name.as_str()), "seed {seed}, {breakage:?}: {name}");
        }
    }
}

#[test]
fn a_seed_decides_everything() {
    for (live, seed) in [(live as Live, 0), (live, 1), (live, 2), (live_audited, 3)] {
        let first = live(seed, None, true);
        assert!(first.trace.len() > 100);
        let second = live(seed, None, true);
        let differing = first.trace.iter().zip(&second.trace).position(|(first, second)| first != second);
        if let Some(line) = differing {
            panic!("seed {seed}, line {line}: {} beside {}", first.trace[line], second.trace[line]);
        }
        assert_eq!(first.trace.len(), second.trace.len(), "seed {seed}");
    }
}

/// Says which seed failed without each safeguard.
#[test]
fn without_any_of_the_safeguards_some_seed_fails() {
    take_away(&SAFEGUARDS, live, SEEDS);
}

#[test]
fn without_any_of_the_safeguards_of_audits_some_seed_fails() {
    take_away(&SAFEGUARDS_OF_AUDITS, live_audited, 100);
}

/// Takes away each of the safeguards, and looks for a seed that fails without it: from the one that is named on.
fn take_away(safeguards: &[(Safeguard, u64)], live: Live, seeds: u64) {
    let failing = |safeguard: Safeguard, first: u64| {
        (first..seeds).chain(0..first).find_map(|seed| Some((seed, live(seed, Some(safeguard), false).result.err()?)))
    };
    let half = |first: usize| {
        let mut needless = Vec::new();
        for &(safeguard, seed) in safeguards.iter().skip(first).step_by(2) {
            match failing(safeguard, seed) {
                Some((seed, error)) => println!("{safeguard:?}: seed {seed}; {error:.160}"),
                None => needless.push(safeguard),
            }
        }
        needless
    };
    let needless = std::thread::scope(|scope| {
        let halves = [0, 1].map(|first| scope.spawn(move || half(first)));
        halves.map(|half| half.join().unwrap()).concat()
    });
    assert!(needless.is_empty(), "no seed fails without {needless:?}");
}
