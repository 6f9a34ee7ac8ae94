//! Looking for rows without an object.
//!
//! S3 doesn't say when an object was deleted. So a row whose object is missing is looked at again once the grace is over, as
//! if the object had been deleted when it was first seen missing.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use spillway_contracts::ObjectName;
use spillway_contracts::audit::{AuditRowsRequest, RowsProgress, Tally};
use spillway_contracts::log_line::TotalSizeLine;

use crate::finding::{part_from, settle};
use crate::{Error, Looker};

/// How many rows are looked up before the names of those that miss are counted.
const AT_ONCE: usize = 32;

/// How many bytes of names wait to be looked at again: a state of the machine has room for 256 KiB.
const SUSPECTS: usize = 48 * 1024;

/// How long an invocation reads on at most, so that it ends well before its time is over.
const LONGEST: SignedDuration = SignedDuration::from_secs(60);

/// Looks again at what was missing the last time, goes on with the segment, and says how far it is.
pub async fn handle(
    looker: &Looker,
    request: AuditRowsRequest,
    write: impl Fn(&TotalSizeLine),
) -> Result<RowsProgress, Error> {
    let AuditRowsRequest { audit, segment, segment_count, progress } = request;
    if let Some(first) = progress.suspects.first() {
        let part = part_from(&format!("rows#{segment}"), first.as_str());
        let names: BTreeSet<_> = progress.suspects.iter().cloned().collect();
        let looked = looker.look(&audit, &names, progress.missing_since).await?;
        settle(looker, &audit, &part, Tally::default(), looked, write).await?;
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

/// Those of the objects that are not in the bucket.
async fn missing(looker: &Looker, names: &BTreeSet<ObjectName>) -> Result<Vec<ObjectName>, Error> {
    let found = looker.find(names).await?;
    Ok(found.into_iter().filter(|(_, object)| object.is_none()).map(|(name, _)| name).collect())
}

/// About how long a name is in JSON, with its quotes.
fn length(name: &ObjectName) -> usize {
    name.as_str().escape_default().count() + 3
}
