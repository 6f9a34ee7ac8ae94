//! What becomes of an event, by its sequencer, its version and its time.

use jiff::Timestamp;
use spillway_contracts::Sequencer;
use spillway_contracts::ledger::AUDIT_CORRECTED;

use super::{Row, TOMBSTONE_LIFE};
use crate::event::{EventKind, NULL_VERSION, ObjectEvent};

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It changes its object's row.
    Applies,
    /// It is known already, or came too late to matter.
    Known,
    /// It may be about an object that was deleted since.
    TooOld,
}

/// What becomes of an event, by what the ledger knows of its object.
pub(super) fn fate(event: &ObjectEvent, previous: Option<&Row>, now: Timestamp) -> Fate {
    if event.is_repair() {
        return if repairs(event, previous) { Fate::Applies } else { Fate::Known };
    }
    if previous.and_then(Row::as_of).is_some_and(|as_of| event.event_time < as_of) {
        return Fate::Known;
    }
    let is_deletion = event.kind == EventKind::Deleted;
    // The tombstone of a later deletion may have expired. One that is there may be of an earlier deletion and have come since.
    let is_doubtful =
        !is_deletion && !previous.is_some_and(Row::is_live) && now.duration_since(event.event_time) >= TOMBSTONE_LIFE;
    let applies = if is_doubtful { Fate::TooOld } else { Fate::Applies };
    let Some(previous) = previous else { return applies };
    let is_newer = event.sequencer > *previous.sequencer();
    let follows = is_newer || (event.is_expiry() && event.sequencer == *previous.sequencer());
    let matters = match previous {
        // Other versions than the current one are not counted, so that their end changes nothing.
        Row::Live(row) if is_deletion && event.version_id.is_some() => {
            follows && same_version(&event.version_id, &row.version_id)
        }
        Row::Live(_) => follows,
        Row::Tombstone(_) if is_deletion && event.version_id.is_some() => false,
        // Only one version is known to be deleted: a deletion of the whole object says more, a later version may be there.
        Row::Tombstone(row) if row.version_id.is_some() => {
            is_deletion || (is_newer && !same_version(&event.version_id, &row.version_id))
        }
        Row::Tombstone(_) => is_newer,
    };
    if matters { applies } else { Fate::Known }
}

/// Whether both are the same version. What was written while the bucket had no versions, or none any more, is the one that S3
/// calls `null` once it has.
fn same_version(one: &Option<String>, other: &Option<String>) -> bool {
    one.as_deref().unwrap_or(NULL_VERSION) == other.as_deref().unwrap_or(NULL_VERSION)
}

/// Whether the row is still the one that the repair is about, and does not say the same yet.
fn repairs(repair: &ObjectEvent, previous: Option<&Row>) -> bool {
    let sequencer = previous.map_or_else(Sequencer::default, |row| row.sequencer().clone());
    let says_so = match (&repair.kind, previous) {
        (EventKind::Created { size, etag }, Some(Row::Live(row))) => {
            let is_same = row.bucket_name == repair.bucket_name && row.size == *size && row.etag == *etag;
            is_same && row.last_modified_ms.is_some()
        }
        (EventKind::Created { .. }, _) | (EventKind::Deleted, Some(Row::Live(_))) => false,
        (EventKind::Deleted, _) => true,
    };
    // An expiry leaves the sequencer as it was, and the audit may have seen the object just before.
    let has_expired = repair.event_type == AUDIT_CORRECTED && !previous.is_some_and(Row::is_live);
    // The tombstone of a version has the sequencer of its creation, or the lowest there is.
    let is_gone_for_good = match previous {
        Some(Row::Tombstone(row)) => row.version_id.is_some() && row.version_id == repair.version_id,
        Some(Row::Live(_)) | None => false,
    };
    repair.sequencer == sequencer && !says_so && !has_expired && !is_gone_for_good
}
