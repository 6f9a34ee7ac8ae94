//! Looking for rows without an object.
//!
//! S3 doesn't say when an object was deleted. So a row whose object is missing is looked at again once the grace is over, as
//! if the object had been deleted when it was first seen missing. If the event of its deletion may still be under way by then,
//! because the tracking queue holds older ones, it is looked at once more after another grace, and so on, for a while.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use spillway_contracts::ObjectName;
use spillway_contracts::audit::{Audit, AuditRowsRequest, RowsProgress, Tally};
use spillway_contracts::log_line::TotalSizeLine;
use spillway_ledger::audit::Finding;

use crate::finding::{part_from, settle};
use crate::look::Looked;
use crate::{Error, Looker};

/// How many rows are looked up before the names of those that miss are counted.
const AT_ONCE: usize = 32;

/// How many bytes of names wait to be looked at again: a state of the machine has room for 256 KiB.
const SUSPECTS: usize = 48 * 1024;

/// How long an invocation reads on at most, so that it ends well before its time is over.
const LONGEST: SignedDuration = SignedDuration::from_secs(60);

/// For how many times the grace an object that is missing is looked at again. What is still under way by then is left to the
/// next audit, so that this one ends.
const GRACES: i32 = 4;

/// Looks again at what was missing the last time, goes on with the segment, and says how far it is.
pub async fn handle(
    looker: &Looker,
    request: AuditRowsRequest,
    write: impl Fn(&TotalSizeLine),
) -> Result<RowsProgress, Error> {
    let AuditRowsRequest { audit, segment, segment_count, progress } = request;
    if let Some(missing_since) = progress.missing_since {
        let suspects =
            look_again(looker, &audit, &format!("rows#{segment}"), &progress.suspects, missing_since, write).await?;
        if !suspects.is_empty() {
            return Ok(RowsProgress { suspects, ..progress });
        }
    }
    let mut next = RowsProgress { after: progress.after, ..RowsProgress::default() };
    let begun_at = (looker.now)();
    let is_full = |suspects: &[ObjectName]| suspects.iter().map(length).sum::<usize>() >= SUSPECTS;
    while let Some(after) = next.after.take() {
        if is_full(&next.suspects) || (looker.now)() > begun_at + LONGEST {
            next.after = Some(after);
            break;
        }
        let page =
            looker.store.segment(segment, segment_count, Some(after.as_str()).filter(|key| !key.is_empty())).await?;
        next.after = page.after;
        let settled = looker.settled(&audit).await?;
        for rows in page.rows.chunks(AT_ONCE) {
            // What changed a moment ago can't be judged, and may be deleted, too.
            let rows_to_ask = rows.iter().filter(|(_, row)| row.updated_at < settled);
            next.suspects.extend(missing(looker, &rows_to_ask.map(|(name, _)| name.clone()).collect()).await?);
            if is_full(&next.suspects) {
                next.after = rows.last().map(|(_, row)| row.object_name.clone());
                break;
            }
        }
    }
    next.missing_since = (!next.suspects.is_empty()).then(looker.now);
    tracing::info!(audit_id = audit.audit_id, segment, suspects = next.suspects.len(), "read rows");
    Ok(next)
}

/// Settles what has become of objects that were missing; gives those that have to wait for longer.
async fn look_again(
    looker: &Looker,
    audit: &Audit,
    segment: &str,
    suspects: &[ObjectName],
    missing_since: Timestamp,
    write: impl Fn(&TotalSizeLine),
) -> Result<Vec<ObjectName>, Error> {
    let Some(first) = suspects.first() else { return Ok(Vec::new()) };
    let names: BTreeSet<_> = suspects.iter().cloned().collect();
    let grace = SignedDuration::from_secs(audit.grace_seconds.cast_signed());
    let is_last = (looker.now)() >= missing_since + grace * GRACES;
    let looked = looker.look(audit, &names, Some(missing_since)).await?;
    let has_to_wait =
        |looked: &Looked| !is_last && looked.difference.bucket_size.is_none() && looked.finding == Finding::UnderWay;
    let (waiting, settled): (Vec<_>, Vec<_>) = looked.into_iter().partition(has_to_wait);
    if !settled.is_empty() {
        // The objects that wait become fewer each time that something is settled, so no two of these have one part.
        let part = part_from(&format!("{segment}#{}", suspects.len()), first.as_str());
        settle(looker, audit, &part, Tally::default(), settled, write).await?;
    }
    Ok(waiting.into_iter().map(|looked| looked.difference.object_name).collect())
}

/// Those of the objects that are not in the bucket.
async fn missing(looker: &Looker, names: &BTreeSet<ObjectName>) -> Result<Vec<ObjectName>, Error> {
    let found = looker.find(names).await?;
    Ok(found.into_iter().filter(|(_, object)| object.is_none()).map(|(name, _)| name).collect())
}

/// About how long a name is in JSON, with its quotes.
fn length(name: &ObjectName) -> usize {
    name.as_str().escape_default().count() + 3
}
