//! What the two tables hold. Rows outlive the functions that wrote them: unknown attributes are let through.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::log_line::{Invoker, Outcome};
use crate::{ObjectName, Sequencer, partition, rfc3339};

/// The key of the row that holds the bucket's total.
pub const STATE_KEY: &str = "__STATE__";

/// The key of the row that only one run at a time can hold.
pub const RUN_LOCK_KEY: &str = "__RUN__";

/// The key of the row that holds what one invocation of the cleaner leaves for the next.
pub const CLEANER_KEY: &str = "__CLEANER__";

/// The partition of HistoryTable that holds the records of cleanings. No bucket can have such a name.
pub const CLEANINGS_PARTITION: &str = "__CLEANINGS__";

/// A row of ObjectTable for an object that is in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectRow {
    /// The object's key, escaped where it would collide with a row of the ledger's own.
    pub object_name: String,
    /// The bucket, and the partition key of the index by size.
    pub bucket_name: String,
    /// The object's size, in bytes.
    pub size: u64,
    /// The object's ETag, without quotes; null if S3 did not send one.
    pub etag: Option<String>,
    /// What the object's newest event changed the total by, in bytes.
    pub size_delta: i64,
    /// The sequencer of the object's newest event.
    pub sequencer: Sequencer,
    /// The object's version; none in a bucket that has no versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The moment, by S3's clock, that an audit has the row from: an event of before it changes nothing. None if the row is
    /// from an event.
    #[serde(default, deserialize_with = "rfc3339::read_or_null", skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// When the object was last written, by S3's clock, in milliseconds since the epoch; the sort key of the index by age. None
    /// in a row that a version of Spillway before 0.2 wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified_ms: Option<i64>,
    /// When the ledger recorded that event.
    #[serde(deserialize_with = "rfc3339::read")]
    pub updated_at: Timestamp,
}

impl ObjectRow {
    /// When the object was last written. A row that doesn't say it was recorded later than that.
    pub fn last_modified(&self) -> Timestamp {
        let said = self.last_modified_ms.and_then(|at| Timestamp::from_millisecond(at).ok());
        said.unwrap_or(self.updated_at)
    }
}

/// A row of ObjectTable for an object that was deleted: keeps a late event from bringing it back.
///
/// It has no `size`, so it isn't in the index by size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tombstone {
    /// The object's key, escaped where it would collide with a row of the ledger's own.
    pub object_name: String,
    /// The bucket.
    pub bucket_name: String,
    /// The size that the object had, in bytes; null if the ledger never knew it.
    pub last_size: Option<u64>,
    /// What the deletion changed the total by, in bytes.
    pub size_delta: i64,
    /// The sequencer of the deletion; of a version's, that of the version's creation, or 0 if the ledger never knew it.
    pub sequencer: Sequencer,
    /// The version that was deleted for good: a later one may be there. None if nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The moment, by S3's clock, that an audit has the row from: an event of before it changes nothing. None if the row is
    /// from an event.
    #[serde(default, deserialize_with = "rfc3339::read_or_null", skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// When the ledger recorded the deletion.
    #[serde(deserialize_with = "rfc3339::read")]
    pub updated_at: Timestamp,
    /// When DynamoDB may drop the row, in seconds since the epoch: after SQS's longest retention.
    pub expires_at: i64,
}

/// The row of ObjectTable with the key `__STATE__`: the bucket's total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateRow {
    /// Always `__STATE__`.
    pub object_name: StateKey,
    /// The sum of the sizes of the bucket's objects, in bytes.
    pub total_size: u64,
    /// How many objects the bucket holds.
    pub object_count: u64,
    /// How many history records were committed; every commit raises it, and is conditional on it.
    pub version: u64,
    /// The key of the newest history record; empty if there is none.
    pub last_event_key: String,
    /// Whether every row of an object has `last_modified_ms`: the ledger did not begin with a version of Spillway before 0.2.
    #[serde(default)]
    pub is_dated: bool,
    /// When the row was written.
    #[serde(deserialize_with = "rfc3339::read")]
    pub updated_at: Timestamp,
}

/// The row of ObjectTable with the key `__RUN__`: the lock that one run at a time holds. The state machine writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunLockRow {
    /// Always `__RUN__`.
    pub object_name: RunLockKey,
    /// The name of the execution that holds it.
    pub run_id: String,
    /// From when on another run may take it, in seconds since the epoch: after the longest run's timeout. DynamoDB drops
    /// the row some time after that.
    pub expires_at: i64,
}

/// The row of ObjectTable with the key `__CLEANER__`: what one invocation of the cleaner leaves for the next.
///
/// Every write is conditional on `version`, so that no two cleanings rest on the same view of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CleanerRow {
    /// Always `__CLEANER__`.
    pub object_name: CleanerKey,
    /// How many times the row was written.
    pub version: u64,
    /// No record that still matters has a smaller key, or was written with a smaller version than the one in this key. Null if
    /// the ledger has recorded everything that was deleted.
    pub cleaning: Option<String>,
    /// How many records there are from that one on, at least.
    pub record_count: u64,
    /// Whether the newest cleaning left something over that the next tick of the schedule should go on with at once.
    pub unfinished: bool,
    /// Since when ticks of the schedule have found the total at or above the threshold; null if the last one did not.
    #[serde(default, deserialize_with = "rfc3339::read_or_null")]
    pub over_since: Option<Timestamp>,
    /// When the row was written.
    #[serde(deserialize_with = "rfc3339::read")]
    pub updated_at: Timestamp,
}

/// A record of HistoryTable in the partition `__CLEANINGS__`: some of the objects that one invocation of the cleaner
/// deletes. It is written before the first deletion, and again with what became of each object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CleaningRecord {
    /// Always `__CLEANINGS__`.
    pub bucket_name: CleaningsPartition,
    /// When the cleaning began, `#`, the version of `__CLEANER__` that it was written with, `#`, the record's number among
    /// the cleaning's, from 0.
    pub event_key: String,
    /// Lambda's identifier of the invocation.
    pub cleaning_id: String,
    /// What invoked the cleaner.
    pub invoked_by: Invoker,
    /// Since when the alarm had been in the state that it reported, as CloudWatch wrote it; null if it was not the alarm.
    pub alarm_state_at: Option<String>,
    /// When the cleaning began.
    #[serde(deserialize_with = "rfc3339::read")]
    pub begun_at: Timestamp,
    /// The objects: those that were chosen with it, and those of earlier records that the ledger had not recorded when it was
    /// written.
    pub objects: Vec<CleaningObject>,
    /// When DynamoDB may drop the record, in seconds since the epoch: after SQS's longest retention.
    pub expires_at: i64,
}

impl CleaningRecord {
    /// The objects that were chosen with it.
    pub fn own_objects(&self) -> impl Iterator<Item = &CleaningObject> {
        self.objects.iter().filter(|object| !object.taken_over)
    }
}

/// An object of a cleaning, as the ledger knew it when it was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CleaningObject {
    /// The object's key, as it is.
    pub object_name: ObjectName,
    /// The object's size, in bytes.
    pub size: u64,
    /// The object's ETag, without quotes; null if the ledger did not know it.
    pub etag: Option<String>,
    /// The sequencer of the object's newest event.
    pub sequencer: Sequencer,
    /// When the object was chosen.
    #[serde(deserialize_with = "rfc3339::read")]
    pub chosen_at: Timestamp,
    /// When the invocation that chose it is over, whatever happens to it.
    #[serde(deserialize_with = "rfc3339::read")]
    pub over_at: Timestamp,
    /// What became of it; null before that is known.
    pub outcome: Option<Outcome>,
    /// Whether it was chosen earlier. It is here so that the record that it is in, too, need not be read any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken_over: bool,
}

/// The key of the row that holds the bucket's total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StateKey {
    /// No object's row has it.
    #[serde(rename = "__STATE__")]
    State,
}

/// The key of the row that only one run at a time can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RunLockKey {
    /// No object's row has it.
    #[serde(rename = "__RUN__")]
    Run,
}

/// The key of the row that holds what one invocation of the cleaner leaves for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CleanerKey {
    /// No object's row has it.
    #[serde(rename = "__CLEANER__")]
    Cleaner,
}

/// The partition of the records of cleanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CleaningsPartition {
    /// No bucket has that name.
    #[serde(rename = "__CLEANINGS__")]
    Cleanings,
}

/// A record of HistoryTable: one event that changed the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryRecord {
    /// The bucket; in the table, where it is the partition key, with `#` and the record's number modulo 8 behind it. What a
    /// version of Spillway before 0.2 wrote has nothing behind it.
    #[serde(deserialize_with = "partition::read_bucket")]
    pub bucket_name: String,
    /// Sorts by the order in which totals were committed: the time of the commit, `#`, the record's number.
    pub event_key: String,
    /// The object's key, as it is.
    pub object_name: ObjectName,
    /// S3's name of the event, such as `ObjectCreated:Put`; of an audit's repair, `Audit:Added`, `Audit:Corrected` or
    /// `Audit:Removed`.
    pub event_type: String,
    /// What the event changed the total by, in bytes.
    pub size_delta: i64,
    /// The total after the event, in bytes.
    pub total_size: u64,
    /// The object's size after the event, in bytes; null once it is deleted.
    pub size: Option<u64>,
    /// The object's ETag after the event, without quotes; null once it is deleted, or if S3 did not send one.
    pub etag: Option<String>,
    /// The sequencer of the event; of a repair, that of the object's newest event before it, or 0 if there was none.
    pub sequencer: Sequencer,
    /// When S3 says that it happened; of a repair, the moment that the object was found to be so, or that it was last written.
    #[serde(deserialize_with = "rfc3339::read")]
    pub event_time: Timestamp,
    /// When the ledger recorded it.
    #[serde(deserialize_with = "rfc3339::read")]
    pub committed_at: Timestamp,
}

impl HistoryRecord {
    /// Whether the event deleted the object.
    pub fn is_deletion(&self) -> bool {
        is_deletion(&self.event_type)
    }
}

/// An audit found an object in the bucket that the ledger did not have.
pub const AUDIT_ADDED: &str = "Audit:Added";

/// An audit found an object in the bucket to be another one than the ledger had.
pub const AUDIT_CORRECTED: &str = "Audit:Corrected";

/// An audit found that an object of the ledger is not in the bucket.
pub const AUDIT_REMOVED: &str = "Audit:Removed";

/// Whether an event of HistoryTable, by its name, says that its object is gone.
pub fn is_deletion(event_type: &str) -> bool {
    !event_type.starts_with("ObjectCreated:") && !matches!(event_type, AUDIT_ADDED | AUDIT_CORRECTED)
}

/// Whether an event of HistoryTable, by its name, is an audit's repair of the ledger.
pub fn is_repair(event_type: &str) -> bool {
    matches!(event_type, AUDIT_ADDED | AUDIT_CORRECTED | AUDIT_REMOVED)
}

/// The key of the row of `object_name`.
///
/// An object may have any name, also one that begins with `__` like the keys of the ledger's own rows. Such a name gets a
/// backslash in front, and so does one that is such a name after its own backslashes. So every name has a row of its own,
/// whatever rows the ledger gets in the future, and [`row_name`] finds the way back.
pub fn row_key(object_name: &ObjectName) -> String {
    let name = object_name.as_str();
    if is_reserved(name.trim_start_matches('\\')) { format!("\\{name}") } else { name.to_owned() }
}

/// The name of the object whose row has this key; `None` for a row of the ledger's own.
pub fn row_name(row_key: &str) -> Option<ObjectName> {
    let name = match row_key.strip_prefix('\\') {
        _ if is_reserved(row_key) => return None,
        Some(rest) if is_reserved(rest.trim_start_matches('\\')) => rest,
        _ => row_key,
    };
    ObjectName::new(name).ok()
}

fn is_reserved(key: &str) -> bool {
    key.starts_with("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, key: &str) {
        let name = ObjectName::new(name).unwrap();
        assert_eq!(row_key(&name), key);
        assert_eq!(row_name(key), Some(name));
    }

    #[test]
    fn an_object_named_like_a_row_of_the_ledger_has_a_row_of_its_own() {
        check("a.txt", "a.txt");
        check("__STATE__", r"\__STATE__");
        check(r"\__STATE__", r"\\__STATE__");
        check("__RUN__", r"\__RUN__");
        check("__a row to come__", r"\__a row to come__");
        check("__", r"\__");
        check("_a", "_a");
        check(r"\a", r"\a");
        assert_eq!(row_name(STATE_KEY), None);
        assert_eq!(row_name(RUN_LOCK_KEY), None);
    }
}
