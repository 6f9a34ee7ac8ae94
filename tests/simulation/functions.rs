//! Lambda, and what invokes the functions: the queues, the schedule and the alarm.

use aws_lambda_events::event::sqs::SqsEvent;
use cleaner::{Invocation, Notices, TotalSizeAlarm, patience};
use jiff::SignedDuration;
use serde_json::json;
use spillway_contracts::log_line::{CleanerDecisionLine, ObjectEventLine, TotalSizeLine};
use spillway_contracts::schedule::SafetyNet;
use tokio::task::{JoinError, JoinSet};

use crate::environment::{Environment, cloudwatch, dead_letters, ledger};
use crate::queue::{Message, Queue};
use crate::runs::Breakage;
use crate::safeguard::{self, Safeguard};
use crate::world::{Alarm, Shared, World, millis, now, pass};

/// How long an invocation of the tracker or the logger may take, in milliseconds.
const TIMEOUT: i64 = 15_000;

/// How long one of the cleaner may take, in milliseconds.
const CLEANER_TIMEOUT: i64 = 120_000;

/// How many seconds there are between two points of the metric.
pub const PERIOD: u32 = 60;

/// A function that a queue's messages are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumer {
    Tracking,
    Logging,
}

impl Consumer {
    fn queue(self, world: &mut World) -> &mut Queue {
        match self {
            Self::Tracking => &mut world.tracking,
            Self::Logging => &mut world.logging,
        }
    }
}

/// Delivers the messages of a queue in batches for as long as the simulation lasts.
pub async fn deliver(shared: Shared, consumer: Consumer) {
    let mut running = JoinSet::new();
    loop {
        let (batch, next_at) = {
            let mut world = shared.lock();
            let (max, concurrency) = (world.plan.max_receive_count, world.plan.concurrency);
            let has_room = running.len() < concurrency;
            let untracked_until = world.untracked_until;
            let is_read = consumer == Consumer::Logging || millis() >= untracked_until;
            let queue = consumer.queue(&mut world);
            let batch = if has_room && is_read { queue.receive(millis(), max) } else { Vec::new() };
            let next_at = if is_read { queue.next_at() } else { Some(untracked_until) };
            (batch, next_at.filter(|_| has_room))
        };
        if !batch.is_empty() {
            running.spawn(work_on(shared.clone(), consumer, batch));
            continue;
        }
        let next = async {
            match next_at {
                Some(at) => pass((at - millis()).max(1)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(ended) = running.join_next() => note_panic(&shared, ended),
            () = shared.arrival.notified() => {}
            () = next => {}
        }
    }
}

/// An invocation may fail, but not panic.
fn note_panic(shared: &Shared, ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        shared.lock().reference.violations.push(error.to_string());
    }
}

/// Has a batch worked on, and deletes the messages that did not fail.
async fn work_on(shared: Shared, consumer: Consumer, batch: Vec<Message>) {
    let records: Vec<_> = batch.iter().map(Message::document).collect();
    let event = json!({ "Records": records });
    let response = match consumer {
        Consumer::Tracking => track(&shared, event).await,
        Consumer::Logging => log(&shared, event).await,
    };
    let mut world = shared.lock();
    let forgets_failures = !world.has(Safeguard::PartialBatchFailures);
    let forgets_errors = !world.has(Safeguard::RedeliveryOfBatches);
    let failed = match response {
        Some(failed) if forgets_failures => Vec::from_iter(failed.into_iter().filter(|_| false)),
        Some(failed) => failed,
        None if forgets_errors => Vec::new(),
        None => return,
    };
    for message in batch.iter().filter(|message| !failed.contains(&message.id)) {
        consumer.queue(&mut world).delete(&message.id);
    }
}

/// The identifiers of the messages that failed; none of them if the invocation did.
async fn track(shared: &Shared, event: serde_json::Value) -> Option<Vec<String>> {
    let environment = Environment::new(shared, "size-tracking");
    let threshold_bytes = shared.lock().plan.rule.threshold_bytes;
    let deps = size_tracking::Deps { store: ledger(), dead_letters: dead_letters(), threshold_bytes, now };
    let request = serde_json::from_value(event).unwrap();
    let write = |line: size_tracking::Line<'_>| {
        if let size_tracking::Line::Total(line) = line {
            note_total(shared, line);
        }
    };
    let response = environment.run(TIMEOUT, size_tracking::handle(&deps, request, write)).await?.ok()?;
    Some(response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect())
}

/// Has the metric know of a total that a function has said: soon, late or never.
pub fn note_total(shared: &Shared, line: &TotalSizeLine) {
    let mut world = shared.lock();
    let mischief = world.plan.mischief;
    if !world.happens(mischief) && !world.is_broken(&[Breakage::Metric]) {
        let late = if world.happens(mischief) { world.rng.i64(0..60_000) } else { 0 };
        world.metric.push_back((millis() + late, line.total_size));
    }
}

async fn log(shared: &Shared, event: serde_json::Value) -> Option<Vec<String>> {
    let environment = Environment::new(shared, "logging");
    let deps = logging::Deps { store: ledger(), now };
    let batch: SqsEvent = serde_json::from_value(event).unwrap();
    let write = |line: &ObjectEventLine| {
        shared.lock().reference.note_line(line);
    };
    let response = environment.run(TIMEOUT, logging::handle(&deps, batch, write)).await?;
    Some(response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect())
}

/// What the schedule does every minute, and CloudWatch with it, for as long as the simulation lasts.
pub async fn tick(shared: Shared) {
    let mut running = JoinSet::new();
    loop {
        while let Some(ended) = running.try_join_next() {
            note_panic(&shared, ended);
        }
        let paused = shared.lock().paused_until - millis();
        pass(paused.max(i64::from(PERIOD) * 1000)).await;
        let calls = evaluate(&mut shared.lock());
        for late in calls {
            running.spawn(clean_by_alarm(shared.clone(), late));
        }
        running.spawn(heartbeat(shared.clone()));
        let has_schedule = {
            let world = shared.lock();
            world.has(Safeguard::Schedule) && !world.is_broken(&[Breakage::AlarmActionAndSchedule])
        };
        if has_schedule {
            running.spawn(clean_by_schedule(shared.clone()));
        }
    }
}

/// Has SQS tell CloudWatch every minute how old the tracking queue's oldest message is, for as long as the simulation lasts.
pub async fn tell_ages(shared: Shared) {
    loop {
        pass(60_000).await;
        let mut world = shared.lock();
        let age = world.tracking.age(millis());
        world.ages.push_back((millis(), age));
        if world.ages.len() > 20 {
            world.ages.pop_front();
        }
    }
}

/// Looks at the alarm's last period, and says how many milliseconds later each of the alarm's actions comes.
fn evaluate(world: &mut World) -> Vec<i64> {
    let (threshold, mischief, at) = (world.plan.rule.threshold_bytes, world.plan.mischief, millis());
    let (seen, rest): (Vec<_>, Vec<_>) = world.metric.drain(..).partition(|(from, _)| *from <= at);
    world.metric = rest.into();
    let Some(highest) = seen.into_iter().map(|(_, total)| total).max() else { return Vec::new() };
    let state = if highest >= threshold { "ALARM" } else { "OK" };
    if state == world.alarm.state {
        return Vec::new();
    }
    world.note(|| format!("the alarm is {state}"));
    world.alarm = Alarm { state, since: at };
    let is_lost =
        world.happens(mischief) || world.is_broken(&[Breakage::AlarmAction, Breakage::AlarmActionAndSchedule]);
    if state == "OK" || is_lost {
        return Vec::new();
    }
    let mut calls = vec![0];
    if world.happens(mischief * 4) {
        let late = if world.happens(300) { 90_000 } else { 100 };
        calls.push(world.rng.i64(1..late));
    }
    calls
}

async fn heartbeat(shared: Shared) {
    track(&shared, json!({ "heartbeat": true })).await;
}

/// Lambda invokes a function that an event invoked asynchronously up to three times.
async fn clean_by_alarm(shared: Shared, late: i64) {
    pass(late).await;
    let text = include_str!("../../contracts/examples/alarm-event/ok-metric-alarm.json");
    for pause in [60_000, 120_000, 0] {
        if clean(&shared, serde_json::from_str(text).unwrap()).await {
            return;
        }
        pass(pause).await;
    }
}

async fn clean_by_schedule(shared: Shared) {
    clean(&shared, Invocation::Schedule(SafetyNet { schedule: "safety-net".into() })).await;
}

/// Whether the invocation succeeded.
async fn clean(shared: &Shared, invocation: Invocation) -> bool {
    let start = shared.lock().rng.i64(1..200);
    pass(start).await;
    let environment = Environment::new(shared, "cleaner");
    let (rule, limits, needs_audit) = {
        let world = shared.lock();
        let is_adopted = world.plan.audits.as_ref().is_some_and(|audits| audits.adopted > 0);
        (safeguard::rule(&world), world.plan.limits, is_adopted && world.has(Safeguard::NeedsAudit))
    };
    let deps = cleaner::Deps {
        store: ledger(),
        s3: environment.s3(),
        notices: Notices::default(),
        rule,
        alarm: TotalSizeAlarm { cloudwatch: cloudwatch(), name: "the-alarm".into() },
        limits,
        patience: patience(PERIOD),
        needs_audit,
        dry_run: false,
        now,
    };
    let over_at = now() + SignedDuration::from_millis(CLEANER_TIMEOUT);
    let write = |line: &CleanerDecisionLine| {
        shared.lock().note(|| format!("{}: {}", environment.name, serde_json::to_string(line).unwrap()));
    };
    let result = environment.run(CLEANER_TIMEOUT, cleaner::handle(&deps, invocation, over_at, write)).await;
    if let Some(Err(error)) = &result {
        shared.lock().note(|| format!("{}: {error}", environment.name));
    }
    matches!(result, Some(Ok(_)))
}
