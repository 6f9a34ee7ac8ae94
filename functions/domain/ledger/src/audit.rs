//! What an audit makes of an object: whether ledger and bucket agree on it, and what to write if they don't.
//!
//! A repair is one more event of the ledger, about the row with just the sequencer that the audit saw. It takes that
//! sequencer, or the lowest there is if there was no row, so that every event of S3 that is still to come counts. It also says
//! of which moment it is, and what happened before that changes nothing any more, whatever its sequencer.

use jiff::{SignedDuration, Timestamp};
use spillway_contracts::ledger::{AUDIT_ADDED, AUDIT_CORRECTED, AUDIT_REMOVED};
use spillway_contracts::{ObjectName, Sequencer};

use crate::event::{EventKind, ObjectEvent};
use crate::fold::Row;

/// By how much the clock of a function and that of S3 may differ. What S3 said at a moment covers all events that were this
/// much earlier.
const CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_mins(1);

/// An object, as S3 has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its size, in bytes.
    pub size: u64,
    /// Its ETag, without quotes.
    pub etag: Option<String>,
    /// Its version; none in a bucket without versions.
    pub version_id: Option<String>,
    /// When it was last written, by S3's clock. Of a multipart upload, S3 says when it began.
    pub last_modified: Timestamp,
}

/// An object that ledger and bucket did not agree on, looked at once more: first its row, then the object itself, then the
/// row again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look<'a> {
    /// The bucket.
    pub bucket_name: &'a str,
    /// The object's key.
    pub object_name: &'a ObjectName,
    /// The row, before S3 was asked.
    pub before: Option<&'a Row>,
    /// What S3 said.
    pub object: Option<&'a Found>,
    /// The row, after S3 had answered.
    pub after: Option<&'a Row>,
    /// Just before S3 was asked.
    pub at: Timestamp,
    /// When the audit first saw that the object isn't there. S3 doesn't say when an object was deleted.
    pub missing_since: Timestamp,
    /// Whether a row that doesn't say when its object was written is to say it: the order in which objects go needs it.
    pub dates: bool,
}

/// What an audit makes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Ledger and bucket agree.
    Agrees,
    /// The event that will make them agree may still be under way.
    UnderWay,
    /// They will not agree by themselves. The event puts the ledger right.
    Drift(ObjectEvent),
}

/// Whether a row says of an object of a bucket what S3 says of it. An ETag that the ledger never heard of is no difference.
pub fn agrees(bucket_name: &str, row: Option<&Row>, object: Option<&Found>) -> bool {
    match (row, object) {
        (Some(Row::Live(row)), Some(object)) => {
            row.bucket_name == bucket_name && row.size == object.size && (row.etag.is_none() || row.etag == object.etag)
        }
        (None | Some(Row::Tombstone(_)), object) => object.is_none(),
        (Some(Row::Live(_)), None) => false,
    }
}

/// What comes of a look. What happened before `settled` is not under way any more.
pub fn judge(look: &Look<'_>, settled: Timestamp) -> Finding {
    if agrees(look.bucket_name, look.after, look.object) {
        // No event that is under way would date the row, unless it changes the row, too.
        let is_undated = look.dates && look.before == look.after && look.after.is_some_and(Row::is_undated);
        return if is_undated { Finding::Drift(repair(look)) } else { Finding::Agrees };
    }
    let changed_at = look.object.map_or(look.missing_since, |object| object.last_modified);
    let is_old = changed_at < settled && look.after.is_none_or(|row| row.updated_at() < settled);
    // If the ledger has heard of the object since it was first missing, it was there in between.
    let came_back = look.object.is_none() && look.after.is_some_and(|row| row.updated_at() >= look.missing_since);
    if look.before != look.after || !is_old || came_back {
        return Finding::UnderWay;
    }
    Finding::Drift(repair(look))
}

fn repair(look: &Look<'_>) -> ObjectEvent {
    let was_live = look.after.is_some_and(Row::is_live);
    let event_type = match look.object {
        Some(_) if was_live => AUDIT_CORRECTED,
        Some(_) => AUDIT_ADDED,
        None => AUDIT_REMOVED,
    };
    ObjectEvent {
        bucket_name: look.bucket_name.to_owned(),
        object_name: look.object_name.clone(),
        kind: look
            .object
            .map_or(EventKind::Deleted, |object| EventKind::Created { size: object.size, etag: object.etag.clone() }),
        event_type: event_type.to_owned(),
        sequencer: look.after.map_or_else(Sequencer::default, |row| row.sequencer().clone()),
        version_id: look.object.and_then(|object| object.version_id.clone()),
        event_time: look.object.map_or(look.at - CLOCK_DIFFERENCE, |object| object.last_modified),
    }
}
