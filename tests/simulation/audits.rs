//! Audits: their real tasks, called as their state machine calls them, at any moment of a bucket's life.

use std::cell::{Cell, RefCell};

use audit::{objects, prepare, report, rows};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use spillway_contracts::Failure;
use spillway_contracts::audit::{
    AuditInput, AuditObjectsRequest, AuditPlan, AuditReport, AuditRowsRequest, PrepareAuditRequest, ReportAuditRequest,
    ReportAuditResponse, RowsProgress,
};
use spillway_contracts::rule::DeleteFirst;
use spillway_fake_aws::Bucket;

use crate::environment::{Environment, events, ledger, looker};
use crate::functions::note_total;
use crate::runs::task_within;
use crate::safeguard::Safeguard;
use crate::world::{Shared, millis, now, pass};

/// How long an invocation that looks at objects may take, in milliseconds.
const LOOK_TIMEOUT: i64 = 180_000;

/// How long any other one may take.
const TIMEOUT: i64 = 30_000;

/// How many tasks of a state are under way at a time.
const CONCURRENCY: usize = 4;

/// Audits the bucket again and again, until users are done with it.
pub async fn keep_on(shared: &Shared, are_users_done: &Cell<bool>) {
    while !are_users_done.get() {
        let (pause, repair) = {
            let mut world = shared.lock();
            let longest = world.plan.audits.as_ref().unwrap().pause;
            let paused = (world.paused_until - millis()).max(0);
            (paused + world.rng.i64(0..longest), world.rng.u32(..5) > 0)
        };
        pass(pause).await;
        // An audit that fails is made up for by a later one.
        drop(audit(shared, repair).await);
    }
}

/// An audit, from its beginning to its end.
pub async fn audit(shared: &Shared, repair: bool) -> Result<AuditReport, Failure> {
    let audit_id = {
        let mut world = shared.lock();
        world.count("audits");
        format!("audit-{}", world.counts["audits"])
    };
    let plan = prepare(shared, audit_id, repair).await?;
    pass(plan.wait_seconds.cast_signed() * 1000).await;
    compare_objects(shared, &plan).await?;
    let mut response = sum_up(shared, &plan, false).await?;
    if !response.done {
        let segments = stream::iter(plan.segments.clone()).map(Ok);
        segments.try_for_each_concurrent(CONCURRENCY, |segment| compare_rows(shared, &plan, segment)).await?;
        response = sum_up(shared, &plan, true).await?;
    }
    let mut world = shared.lock();
    world.count("audits that ended well");
    world.note(|| serde_json::to_string(&response.report).unwrap());
    Ok(response.report)
}

async fn prepare(shared: &Shared, audit_id: String, repair: bool) -> Result<AuditPlan, Failure> {
    let (grace_seconds, segments) = {
        let world = shared.lock();
        let audits = world.plan.audits.as_ref().unwrap();
        (if world.has(Safeguard::Grace) { audits.grace_seconds } else { 0 }, audits.segments)
    };
    let deps = prepare::Deps { store: ledger(), events: events(), grace_seconds };
    let request = PrepareAuditRequest { audit_id, started_at: now(), input: AuditInput { repair } };
    let prepare = async |_: &Environment| prepare::handle(&deps, request.clone()).await;
    let plan = task_within(TIMEOUT, shared, "prepare-audit", prepare).await?;
    // A ledger as small as this one is read in one.
    Ok(AuditPlan { segments: (0..segments).collect(), ..plan })
}

/// Step Functions lists the bucket page by page, while tasks compare what was listed.
async fn compare_objects(shared: &Shared, plan: &AuditPlan) -> Result<(), Failure> {
    let pages = stream::unfold(Some(String::new()), async |after| Some(list(shared, after?).await));
    let batches = pages.filter(|page: &Vec<Value>| std::future::ready(!page.is_empty())).map(Ok);
    let compare = async |items: Vec<Value>| {
        let request: AuditObjectsRequest =
            serde_json::from_value(json!({ "BatchInput": plan.audit, "Items": items })).unwrap();
        let compare = async |_: &Environment| {
            objects::handle(&looker(dates(shared)), request.clone(), |line| note_total(shared, line)).await
        };
        task_within(LOOK_TIMEOUT, shared, "audit-objects", compare).await.map(drop)
    };
    batches.try_for_each_concurrent(CONCURRENCY, compare).await
}

/// Whether the rule asks for the oldest objects, so that the ledger has to know how old they are.
fn dates(shared: &Shared) -> bool {
    shared.lock().plan.rule.delete_first == DeleteFirst::Oldest
}

/// A page of the listing after a key, and what the next one comes after.
async fn list(shared: &Shared, after: String) -> (Vec<Value>, Option<String>) {
    let late = shared.lock().rng.i64(0..2000);
    pass(late).await;
    let mut world = shared.lock();
    let batch = world.plan.audits.as_ref().unwrap().batch;
    if !world.has(Safeguard::SecondLook) {
        world.listed = world.bucket.clone();
    }
    let keys: Vec<String> = world.bucket.sizes().into_keys().filter(|key| *key > after).take(batch).collect();
    let next = keys.last().filter(|_| keys.len() == batch).cloned();
    (keys.iter().map(|key| listed(&world.bucket, key)).collect(), next)
}

fn listed(bucket: &Bucket, key: &str) -> Value {
    let version = bucket.current(key).unwrap();
    json!({ "Key": key, "Etag": format!("\"{}\"", version.etag), "Size": version.size })
}

async fn compare_rows(shared: &Shared, plan: &AuditPlan, segment: u32) -> Result<(), Failure> {
    let mut progress = RowsProgress { after: Some(String::new()), ..RowsProgress::default() };
    loop {
        let request = AuditRowsRequest {
            audit: plan.audit.clone(),
            segment,
            segment_count: plan.segments.len() as u32,
            progress: progress.clone(),
        };
        let compare = async |_: &Environment| {
            rows::handle(&looker(dates(shared)), request.clone(), |line| note_total(shared, line)).await
        };
        progress = task_within(LOOK_TIMEOUT, shared, "audit-rows", compare).await?;
        if !progress.suspects.is_empty() {
            pass(plan.audit.grace_seconds.cast_signed() * 1000).await;
        } else if progress.after.is_none() {
            return Ok(());
        }
    }
}

async fn sum_up(shared: &Shared, plan: &AuditPlan, rows_compared: bool) -> Result<ReportAuditResponse, Failure> {
    let deps = report::Deps { store: ledger(), dates: dates(shared), now };
    let request = ReportAuditRequest { plan: plan.clone(), rows_compared };
    let lines = RefCell::new(Vec::new());
    let report = async |_: &Environment| {
        report::handle(&deps, request.clone(), |line| lines.borrow_mut().push(line.clone())).await
    };
    let response = task_within(TIMEOUT, shared, "report-audit", report).await?;
    let line = lines.into_inner().pop();
    assert_eq!(response.done, line.is_some(), "an audit has a line at its end");
    Ok(response)
}
