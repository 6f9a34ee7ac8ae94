//! Runs that start on their own, and what the stack's roles are allowed while they go on.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_s3::types::BucketVersioningStatus;
use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spillway_cloudwatch::filter::Pattern;
use spillway_contracts::audit::{AUDIT_LOCK_KEY, AuditReport};
use spillway_stack::run::execution::Ending;
use spillway_tests::{Permission, Stack, eventually, live, within};
use tokio::sync::OnceCell;

use super::restore::put_versioning;

const PLOT_REQUEST: &str = include_str!("../../contracts/examples/plot-request/ok-a-run-by-its-name.json");

/// What came of a stack that ran twice on its own.
pub struct Scheduled {
    /// How the two runs ended, the first one first.
    pub endings: Vec<Ending>,
    /// How a run ended that was started by hand during the first one.
    pub overlapping: Ending,
    /// Which lines of the executions' log count as failed runs.
    pub failed_runs: Pattern,
    /// What the policies of the roles allow.
    pub granted: BTreeSet<Permission>,
    /// What the roles were allowed, as far as MiniStack asks.
    pub used: BTreeSet<Permission>,
    /// What the stack's configuration demands besides, by AWS's documentation.
    pub demanded: BTreeSet<Permission>,
}

/// Runs twice, once for all tests that want to know.
pub async fn scheduled() -> &'static Scheduled {
    static SCHEDULED: OnceCell<Scheduled> = OnceCell::const_new();
    // What a test awaits is on its thread's stack, unless it is boxed.
    SCHEDULED.get_or_init(|| Box::pin(run_twice())).await
}

async fn run_twice() -> Scheduled {
    let _live = live().await;
    // The schedule's audit is over before the schedule's first run, which a minute has to pass for.
    let audit_at = (Timestamp::now() + SignedDuration::from_secs(15)).strftime("at(%Y-%m-%dT%H:%M:%S)").to_string();
    let stack = Stack::with(&[
        ("ScheduleState", "ENABLED"),
        ("ScheduleExpression", "rate(1 minute)"),
        ("SafetyNetExpression", "rate(1 minute)"),
        ("NotifyCleanings", "always"),
        ("AuditExpression", &audit_at),
        ("AuditGraceMinutes", "0"),
    ])
    .await;
    Box::pin(every_minute(&stack, "PlottingFunctionSumUp")).await;
    Box::pin(an_audit_ends(&stack)).await;
    within(Duration::from_secs(90), "the schedule starts a run", async || !stack.executions().await.is_empty()).await;
    let overlapping = stack.run(json!({})).await;
    let mut endings = Vec::new();
    let mut seen = BTreeSet::new();
    while endings.len() < 2 {
        let news = async || stack.executions().await.into_iter().find(|name| !seen.contains(name));
        within(Duration::from_secs(90), "the schedule starts another run", async || news().await.is_some()).await;
        let execution = news().await.expect("there is one");
        let ending = stack.end_of(&execution).await;
        // A run that takes more than a minute meets the next tick.
        if !is_refusal(&ending) {
            endings.push(ending);
        }
        seen.insert(execution);
    }
    Box::pin(never(&stack, "DriverStateMachineRerun")).await;
    stack.end_of(stack.executions().await.last().expect("an execution")).await;
    Box::pin(give_up_on_a_message(&stack)).await;
    Box::pin(audit(&stack)).await;
    Box::pin(plot_a_run(&stack, seen.first().expect("an execution"))).await;
    Box::pin(ask_what_would_go(&stack)).await;
    Box::pin(stack.drain()).await;
    let by_schedule = |done: &Permission| done.role == "PlottingFunctionSumUpRole";
    eventually("the schedule invokes plotting", async || stack.used().await.iter().any(by_schedule)).await;
    Box::pin(stack.sum_up()).await;
    let filters = stack.logs.describe_metric_filters().metric_name("FailedRuns").metric_namespace("Spillway/spillway");
    let filters = filters.send().await.expect("metric filters can be listed").metric_filters.unwrap_or_default();
    let failed_runs = Pattern::parse(filters[0].filter_pattern().expect("a pattern")).expect("a pattern");
    let (granted, used, demanded) = (stack.granted().await, stack.used().await, stack.demanded().await);
    stack.local_aws.shutdown().await;
    Scheduled { endings, overlapping, failed_runs, granted, used, demanded }
}

/// Has a schedule do every minute what it does every five.
async fn every_minute(stack: &Stack, logical_id: &str) {
    let scheduler = aws_sdk_scheduler::Client::new(stack.local_aws.sdk_config());
    let name = stack.resource(logical_id).await;
    let schedule = scheduler.get_schedule().name(&name).send().await.expect("a schedule");
    let request = scheduler.update_schedule().name(name).schedule_expression("rate(1 minute)");
    let request = request.set_target(schedule.target).set_flexible_time_window(schedule.flexible_time_window);
    request.send().await.expect("a schedule can be changed");
}

async fn never(stack: &Stack, logical_id: &str) {
    let scheduler = aws_sdk_scheduler::Client::new(stack.local_aws.sdk_config());
    let name = stack.resource(logical_id).await;
    scheduler.delete_schedule().name(name).send().await.expect("a schedule can be deleted");
}

/// Waits for the audit that the schedule starts. No run may go on: without a grace, an audit writes down an upload whose event
/// is still to come, and the event is one more step of the run's timeline.
async fn an_audit_ends(stack: &Stack) {
    let sfn = aws_sdk_sfn::Client::new(stack.local_aws.sdk_config());
    let audits = sfn.list_executions().state_machine_arn(&stack.local_aws.outputs().audit_state_machine_arn);
    let audits = async || audits.clone().send().await.expect("executions can be listed").executions;
    within(Duration::from_secs(60), "the schedule starts an audit", async || !audits().await.is_empty()).await;
    let ended = |audit: &ExecutionListItem| audit.status != ExecutionStatus::Running;
    eventually("the audit ends", async || audits().await.iter().all(ended)).await;
}

/// Has the tracker give a message to the dead-letter queue.
async fn give_up_on_a_message(stack: &Stack) {
    let outputs = stack.local_aws.outputs();
    stack.redeliver_after(&outputs.tracking_queue_url, &outputs.tracking_dlq_url, 1, 500).await;
    stack.send(&outputs.tracking_queue_url, "no envelope").await;
    eventually("the dead letter", async || stack.messages(&outputs.tracking_dlq_url).await == 1).await;
}

/// Has an audit find what each of its tasks repairs.
async fn audit(stack: &Stack) {
    stack.put("keep/gone", 1).await;
    Box::pin(stack.drain()).await;
    stack
        .losing_events(2, async {
            stack.delete("keep/gone").await;
            stack.put("keep/new", 2).await;
        })
        .await;
    let first = stack.start_audit(json!({})).await;
    eventually("the audit holds the lock", async || stack.row(AUDIT_LOCK_KEY).await.is_some()).await;
    let Ending::Failed { error, .. } = stack.audit(json!({})).await else { panic!("two audits at a time") };
    assert_eq!(error, "AuditInProgress");
    let Ending::Succeeded(report) = stack.end_of(&first).await else { panic!("the first audit fails") };
    let report: AuditReport = serde_json::from_str(&report).expect("a report keeps its contract");
    assert_eq!((report.found.added.objects, report.found.removed.objects), (1, 1), "{report:?}");
    Box::pin(fail_a_batch(stack)).await;
}

/// Has an audit meet an object that it may not look at.
async fn fail_a_batch(stack: &Stack) {
    stack.losing_events(1, async { stack.put("keep/new", 3).await }).await;
    let audit = stack.denying(&["s3:GetObject", "s3:ListBucket"], stack.audit(json!({}))).await;
    let Ending::Failed { error, cause, .. } = audit else {
        panic!("a batch can be compared without its objects: {audit:?}")
    };
    assert_eq!((&*error, cause.contains("HeadObject")), ("Internal", true), "{cause}");
}

/// Has the run plotted, as somebody does who wants to see it alone.
async fn plot_a_run(stack: &Stack, execution: &str) {
    let mut request: Value = serde_json::from_str(PLOT_REQUEST).expect("an example");
    let name = execution.rsplit(':').next();
    request["queryStringParameters"] = json!({ "run": name, "format": "svg" });
    stack.invoke(&stack.function("plotting").await, &request).await;
    let plots = stack.s3.list_objects_v2().bucket(&stack.local_aws.outputs().plot_bucket_name);
    eventually("the run is plotted", async || {
        let listing = plots.clone().send().await.expect("PlotBucket can be listed");
        listing.contents().iter().any(|plot| plot.key().is_some_and(|key| key.ends_with(".svg")))
    })
    .await;
}

/// Asks how full the bucket is, which begins to keep versions before, and what would go if there were a byte too much.
async fn ask_what_would_go(stack: &Stack) {
    put_versioning(&stack.s3, &stack.local_aws.outputs().test_bucket_name, BucketVersioningStatus::Enabled).await;
    let usage = stack.function("usage").await;
    for (route, query) in [("GET /usage", json!({})), ("GET /plan", json!({ "threshold": "1" }))] {
        let request = json!({ "routeKey": route, "queryStringParameters": query });
        let answer = stack.answer(&usage, &request).await.expect("an answer");
        assert_eq!(answer["statusCode"], 200, "{answer}");
    }
}

fn is_refusal(ending: &Ending) -> bool {
    matches!(ending, Ending::Failed { error, .. } if error == "RunInProgress")
}

#[tokio::test]
async fn two_scheduled_runs_have_the_same_timeline() {
    let mut timelines = Vec::new();
    for ending in &scheduled().await.endings {
        let report = ending.clone().report().unwrap_or_else(|error| panic!("{error}"));
        timelines.push(report.observed_timeline);
    }
    assert_eq!(timelines[0], [0, 18, 46, 18, 20, 2]);
    assert_eq!(timelines[1], timelines[0]);
}

#[tokio::test]
async fn an_overlapping_run_is_refused_by_name() {
    let overlapping = &scheduled().await.overlapping;
    assert!(is_refusal(overlapping), "{overlapping:?}");
}

#[tokio::test]
async fn a_refused_run_counts_as_no_failed_one() {
    // As in "Logging to CloudWatch Logs" in Step Functions' developer guide.
    let counts = async |kind: &str, details: Value| {
        let line = json!({
            "id": "7", "type": kind, "details": details, "previous_event_id": "6", "event_timestamp": "1600000000000",
            "execution_arn": "arn:aws:states:us-east-1:123456789012:execution:driver:a-run",
        });
        scheduled().await.failed_runs.matches(&line)
    };
    assert!(counts("ExecutionFailed", json!({ "error": "DeletionDeadlinePassed", "cause": "" })).await);
    assert!(counts("ExecutionTimedOut", json!({})).await);
    assert!(counts("ExecutionAborted", json!({})).await);
    assert!(!counts("ExecutionFailed", json!({ "error": "RunInProgress", "cause": "" })).await);
    assert!(!counts("ExecutionSucceeded", json!({ "output": "{}" })).await);
    assert!(!counts("TaskFailed", json!({ "error": "Lambda.TooManyRequestsException" })).await);
}
