//! How full the bucket is, and what the cleaner has done about it.

use cleaner::plan::is_audited;
use jiff::Timestamp;
use spillway_contracts::audit::{AuditedRow, Tally};
use spillway_contracts::ledger::CleaningRecord;
use spillway_contracts::log_line::Outcome;
use spillway_contracts::rule::fill_percent;
use spillway_contracts::usage::{LastAudit, LastCleaning, Usage};

use crate::{Deps, Error, applied, kept};

/// Looks at the ledger, at the alarm, and at what the bucket keeps besides.
pub async fn look(deps: &Deps, now: Timestamp) -> Result<Usage, Error> {
    let bucket_name = deps.store.bucket_name();
    let (standing, cleaning, alarm, kept) = tokio::join!(
        deps.store.standing(),
        deps.store.last_cleaning(),
        deps.alarm.standing(),
        kept::count(&deps.s3, bucket_name)
    );
    let standing = standing?;
    let awaits_audit = !is_audited(&deps.sources(), &standing, deps.rule.delete_first);
    let state = standing.state.as_ref();
    let total_size = state.map_or(0, |state| state.total_size);
    Ok(Usage {
        bucket_name: bucket_name.to_owned(),
        as_of: now,
        total_size,
        object_count: state.map_or(0, |state| state.object_count),
        fill_percent: fill_percent(total_size, deps.rule.threshold_bytes),
        left_bytes: deps.rule.threshold_bytes.saturating_sub(total_size),
        kept,
        rule: applied(&deps.rule),
        dry_run: deps.dry_run,
        awaits_audit,
        alarm: alarm?,
        is_cleaning: standing.cleaner.is_some_and(|row| row.unfinished),
        last_cleaning: last_cleaning(&cleaning?),
        ledger_changed_at: state.map(|state| state.updated_at),
        last_audit: standing.audited.filter(|row| row.audited_bucket == bucket_name).map(last_audit),
    })
}

fn last_audit(row: AuditedRow) -> LastAudit {
    LastAudit { audit_id: row.audit_id, started_at: row.audited_at, drift: row.drift }
}

/// What the records of one cleaning come to.
fn last_cleaning(records: &[CleaningRecord]) -> Option<LastCleaning> {
    let first = records.first()?;
    let mut cleaning = LastCleaning {
        cleaning: first.event_key.clone(),
        invoked_by: first.invoked_by,
        begun_at: first.begun_at,
        chosen: Tally::default(),
        deleted: Tally::default(),
    };
    for object in records.iter().flat_map(CleaningRecord::own_objects) {
        cleaning.chosen += Tally::of(object.size);
        if matches!(object.outcome, Some(Outcome::Deleted | Outcome::AlreadyGone)) {
            cleaning.deleted += Tally::of(object.size);
        }
    }
    Some(cleaning)
}
