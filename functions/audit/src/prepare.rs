//! Whether an audit makes sense now, and how it is to go.

use spillway_contracts::audit::{Audit, AuditPlan, PrepareAuditRequest, Tally};
use spillway_ledger_store::Store;

use crate::report::tally;
use crate::{Error, Events};

/// A segment of ObjectTable has this many objects, so that it can be read in minutes.
const SEGMENT: u64 = 100_000;

/// How many segments there are at most: each is an iteration of the state machine, whose history has room for so many.
const SEGMENTS: u64 = 32;

#[derive(Debug)]
pub struct Deps {
    pub store: Store,
    pub events: Events,
    /// For how long an event may be under way.
    pub grace_seconds: u64,
}

/// Says how the audit is to go, if the bucket's events reach the ledger.
pub async fn handle(deps: &Deps, request: PrepareAuditRequest) -> Result<AuditPlan, Error> {
    deps.events.check().await?;
    let (state, audited) = deps.store.audited().await?;
    let is_audited = audited.is_some_and(|row| row.audited_bucket == deps.store.bucket_name());
    let ledger_before = tally(state.as_ref());
    Ok(AuditPlan {
        audit: Audit { audit_id: request.audit_id, repair: request.input.repair, grace_seconds: deps.grace_seconds },
        started_at: request.started_at,
        wait_seconds: if is_audited { 0 } else { deps.grace_seconds },
        segments: segments(ledger_before),
        ledger_before,
    })
}

fn segments(ledger: Tally) -> Vec<u32> {
    let count = ledger.objects.div_ceil(SEGMENT).clamp(1, SEGMENTS);
    (0..count as u32).collect()
}
