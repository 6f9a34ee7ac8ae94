//! Adding up what an audit found.

use jiff::Timestamp;
use spillway_contracts::audit::{
    AuditPlan, AuditReport, AuditedKey, AuditedRow, Found, ReportAuditRequest, ReportAuditResponse, Tally,
};
use spillway_contracts::ledger::StateRow;
use spillway_contracts::log_line::{AuditLine, Level};
use spillway_lambda::request_id;
use spillway_ledger_store::Store;

use crate::Error;

#[derive(Debug)]
pub struct Deps {
    pub store: Store,
    /// Whether the audit dates rows.
    pub dates: bool,
    pub now: fn() -> Timestamp,
}

/// Says what was found, and whether rows have to be compared, too. At the audit's end it writes a line through `write`, and
/// puts on record that the ledger is right, if it was put right.
pub async fn handle(
    deps: &Deps,
    request: ReportAuditRequest,
    write: impl Fn(&AuditLine),
) -> Result<ReportAuditResponse, Error> {
    let ReportAuditRequest { plan, rows_compared } = request;
    let (found, examples) = deps.store.findings(&plan.audit.audit_id).await?;
    let ledger_after = tally(deps.store.state().await?.as_ref());
    let done = rows_compared || is_sum_right(&plan, &found, ledger_after);
    let (drift_before, repaired) = (found.drift(), plan.audit.repair);
    let report = AuditReport {
        audit_id: plan.audit.audit_id,
        started_at: plan.started_at,
        ended_at: (deps.now)(),
        repaired,
        rows_compared,
        ledger_before: plan.ledger_before,
        ledger_after,
        found,
        drift_before,
        drift_after: if repaired { Tally::default() } else { drift_before },
        examples,
    };
    if done {
        if repaired {
            deps.store.save_audited(&audited(&report, deps)).await?;
        }
        write(&line(&report, deps.store.bucket_name(), (deps.now)()));
    }
    Ok(ReportAuditResponse { done, report })
}

/// What the ledger counts.
pub fn tally(state: Option<&StateRow>) -> Tally {
    state.map_or_else(Tally::default, |state| Tally { objects: state.object_count, bytes: state.total_size })
}

/// Whether the ledger comes to the sum of the listing once what was found is repaired. If objects come and go meanwhile, it
/// need not: then rows are compared to be sure.
fn is_sum_right(plan: &AuditPlan, found: &Found, ledger: Tally) -> bool {
    let is_unrepaired = !plan.audit.repair && found.drift() != Tally::default();
    !is_unrepaired && found.under_way == 0 && ledger == found.listed
}

fn audited(report: &AuditReport, deps: &Deps) -> AuditedRow {
    AuditedRow {
        object_name: AuditedKey::Audited,
        audited_bucket: deps.store.bucket_name().into(),
        audited_at: report.started_at,
        audit_id: report.audit_id.clone(),
        drift: report.drift_before,
        is_dated: deps.dates,
    }
}

fn line(report: &AuditReport, bucket_name: &str, now: Timestamp) -> AuditLine {
    let is_first = report.ledger_before == Tally::default();
    // There is nothing wrong with a ledger that is empty and learns what the bucket holds.
    let drift = if is_first { Tally::default() } else { report.drift_before };
    let is_right = drift == Tally::default();
    let Tally { objects, bytes } = drift;
    let message = match (is_right, report.repaired) {
        (true, true) if is_first => {
            let Tally { objects, bytes } = report.found.added;
            format!("the ledger was empty and has learned {objects} objects of {bytes} bytes")
        }
        (true, _) => format!("ledger and bucket agree on {} objects", report.found.listed.objects),
        (false, true) => format!("the ledger was wrong by {objects} objects and {bytes} bytes, and was put right"),
        (false, false) => format!("the ledger is wrong by {objects} objects and {bytes} bytes"),
    };
    AuditLine {
        timestamp: now,
        level: if is_right { Level::Info } else { Level::Error },
        message,
        request_id: request_id(),
        bucket_name: bucket_name.into(),
        audit_id: report.audit_id.clone(),
        repaired: report.repaired,
        drift_objects: drift.objects,
        drift_bytes: drift.bytes,
    }
}
