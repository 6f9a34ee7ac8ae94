//! Runs of the driver: its real tasks, called as the state machine calls them.

use jiff::{SignedDuration, Timestamp};
use prepare_run::Deps as PrepareRunDeps;
use spillway_contracts::task::{
    AlignWindowRequest, CheckRunRequest, CheckRunResponse, CyclePlan, PrepareRunRequest, RunPlan, UploadRequest,
    WaitForAlarmOkRequest, WaitForDeletionRequest,
};
use spillway_contracts::{ErrorName, Failure};
use spillway_fake_aws::Bucket;

use crate::environment::{Environment, cloudwatch, driver_s3, ledger};
use crate::functions::PERIOD;
use crate::world::{Shared, millis, now, pass};

/// How long an invocation of a task may take, in milliseconds.
const TIMEOUT: i64 = 15_000;

/// How many times a task is tried again.
const RETRIES: u32 = 6;

/// When all waits of a run end, after its start.
const LONGEST: SignedDuration = SignedDuration::from_mins(58);

/// The execution's name.
const RUN_ID: &str = "r";

/// What does not work in the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// The alarm goes off, but its action invokes nobody.
    AlarmAction,
    /// No total reaches the metric.
    Metric,
    /// Nothing has the cleaner delete.
    AlarmActionAndSchedule,
    /// No event reaches the ledger.
    Events,
}

/// Goes through the default scenario on a stack whose alarm goes off at 20 bytes.
pub async fn run(shared: &Shared) -> Result<CheckRunResponse, Failure> {
    let started_at = now();
    let plan = prepare(shared, started_at).await?;
    for cycle in &plan.cycles {
        go_round(shared, started_at, &plan, cycle).await?;
    }
    let request = CheckRunRequest {
        run_id: RUN_ID.into(),
        started_at: plan.started_at,
        after_event_key: plan.after_event_key,
        cycles: plan.cycles,
    };
    let deps = check_run::Deps { store: ledger() };
    task(shared, "check-run", async || check_run::handle(&deps, request.clone()).await).await
}

async fn prepare(shared: &Shared, started_at: Timestamp) -> Result<RunPlan, Failure> {
    let rule = shared.lock().plan.rule.clone();
    let deps = PrepareRunDeps {
        store: ledger(),
        s3: driver_s3(),
        cloudwatch: cloudwatch(),
        alarm_name: "a".into(),
        is_own_bucket: true,
        rule,
    };
    let input = serde_json::from_str("{}").unwrap();
    let request = PrepareRunRequest { run_id: RUN_ID.into(), started_at, input };
    loop {
        let prepare = async || prepare_run::handle(&deps, request.clone(), now()).await;
        let response = task(shared, "prepare-run", prepare).await?;
        if response.done {
            return Ok(response.plan);
        }
        wait(&response.plan).await;
    }
}

async fn go_round(shared: &Shared, started_at: Timestamp, plan: &RunPlan, cycle: &CyclePlan) -> Result<(), Failure> {
    let (run_id, cycle) = (RUN_ID.to_owned(), cycle.clone());
    let deadline =
        |from: Timestamp| (from + SignedDuration::from_secs(plan.deadline_seconds as i64)).min(started_at + LONGEST);
    let request = AlignWindowRequest { run_id: run_id.clone(), period_seconds: plan.period_seconds };
    let deps = align_window::Deps { store: ledger() };
    let align = async || align_window::handle(&deps, request.clone(), now()).await;
    let window = task(shared, "align-window", align).await?;
    pass(window.opens_at.duration_since(now()).as_millis() as i64).await;

    let after_event_key = window.after_event_key;
    let deps = upload::Deps { store: ledger(), s3: driver_s3() };
    let request = UploadRequest {
        run_id: run_id.clone(),
        cycle: cycle.clone(),
        after_event_key: after_event_key.clone(),
        deadline: deadline(window.opens_at),
    };
    while !task(shared, "upload", async || upload::handle(&deps, request.clone(), now()).await).await?.done {
        wait(plan).await;
    }

    let deps = wait_for_deletion::Deps { store: ledger() };
    let request = WaitForDeletionRequest { run_id: run_id.clone(), cycle, after_event_key, deadline: deadline(now()) };
    let began = now();
    let look = async || wait_for_deletion::handle(&deps, request.clone(), now()).await;
    let settled_at = loop {
        let response = task(shared, "wait-for-deletion", look).await?;
        if response.done {
            break response.settled_at.filter(|_| !response.deleted.is_empty());
        }
        wait_for_alarm(began, plan, 2000).await;
    };

    let deps = wait_for_alarm_ok::Deps { cloudwatch: cloudwatch(), alarm_name: "a".into() };
    let request = WaitForAlarmOkRequest { run_id, settled_at, deadline: deadline(now()) };
    let began = now();
    let look = async || wait_for_alarm_ok::handle(&deps, request.clone(), now()).await;
    while !task(shared, "wait-for-alarm-ok", look).await?.done {
        wait_for_alarm(began, plan, 1000).await;
    }
    Ok(())
}

/// Waits as the state machine does for what the alarm brings about: until a moment after the end of the period in which the
/// wait `began`, and from then on for as long as the period goes on already.
async fn wait_for_alarm(began: Timestamp, plan: &RunPlan, after_end: i64) {
    let (period, now) = (i64::from(plan.period_seconds) * 1000, millis());
    let look_at = (began.as_millisecond() / period + 1) * period + after_end;
    let into = now % period;
    pass(if now < look_at { look_at - now } else { into.min(period - into + 1000).max(1000) }).await;
}

async fn wait(plan: &RunPlan) {
    assert_eq!(plan.period_seconds, PERIOD);
    pass(i64::from(plan.poll_seconds) * 1000).await;
}

async fn task<T, E: Into<Failure>>(
    shared: &Shared,
    function: &'static str,
    invoke: impl AsyncFn() -> Result<T, E>,
) -> Result<T, Failure> {
    task_within(TIMEOUT, shared, function, async |_| invoke().await).await
}

/// Invokes a task, and again if it crashes, takes too long or says that a service did.
pub async fn task_within<T, E: Into<Failure>>(
    timeout: i64,
    shared: &Shared,
    function: &'static str,
    invoke: impl AsyncFn(&Environment) -> Result<T, E>,
) -> Result<T, Failure> {
    let mut attempt = 0;
    loop {
        let start = shared.lock().rng.i64(1..200);
        pass(start).await;
        let environment = Environment::new(shared, function);
        let failure = match environment.run(timeout, invoke(&environment)).await {
            Some(Ok(response)) => return Ok(response),
            Some(Err(error)) => error.into(),
            None => Failure { name: ErrorName::ServiceUnavailable, message: "there was no answer".into() },
        };
        if failure.name != ErrorName::ServiceUnavailable || attempt == RETRIES {
            shared.lock().note(|| format!("{}: {}: {}", environment.name, failure.name, failure.message));
            return Err(failure);
        }
        let longest = (1000 << attempt).min(20_000);
        let pause = shared.lock().rng.i64(0..longest);
        pass(pause).await;
        attempt += 1;
    }
}

/// Whether a run that passed has told the truth of a bucket and its ledger.
pub fn check(shared: &Shared, report: &CheckRunResponse) -> Result<(), String> {
    let world = shared.lock();
    let totals = world.reference.totals();
    if report.observed_timeline != totals {
        return Err(format!("the report says {:?}, but the ledger had {totals:?}", report.observed_timeline));
    }
    let left: Vec<String> = sizes(&world.bucket);
    if left != ["assignment3.txt: 2"] {
        return Err(format!("the bucket has {left:?}"));
    }
    match report.cleanings.len() {
        2 => Ok(()),
        cleanings => Err(format!("{cleanings} cleanings deleted 2 objects in 2 cycles")),
    }
}

fn sizes(bucket: &Bucket) -> Vec<String> {
    bucket.sizes().into_iter().map(|(name, size)| format!("{name}: {size}")).collect()
}
