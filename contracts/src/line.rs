//! What the pipeline writes to its logs for others to read: one flat JSON object a line.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ObjectName, moment};

/// The line that the metric filter turns into `CurrentTotalSize`: the bucket's total after one event.
///
/// The fields stand at the top level, because the filter selects `$.total_size`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TotalSizeLine {
    /// When the line was written.
    #[serde(deserialize_with = "moment::read")]
    pub timestamp: Timestamp,
    /// Always `INFO`: Lambda drops lines below its log level.
    pub level: Level,
    /// The line in words.
    pub message: String,
    /// The bucket.
    pub bucket_name: String,
    /// The bucket's total, in bytes.
    pub total_size: u64,
    /// What the event changed it by, in bytes; 0 in a heartbeat.
    pub size_delta: i64,
    /// S3's name of the event, such as `ObjectCreated:Put`; `Heartbeat` if the line only repeats the total.
    pub event_type: String,
    /// The event's object; null in a heartbeat.
    pub object_name: Option<ObjectName>,
    /// The event's record in HistoryTable, the newest one in a heartbeat; empty if there is none.
    pub event_key: String,
}

/// The line that the logging function writes for every event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectEventLine {
    /// When the line was written.
    #[serde(deserialize_with = "moment::read")]
    pub timestamp: Timestamp,
    /// Always `INFO`.
    pub level: Level,
    /// The line in words.
    pub message: String,
    /// The bucket.
    pub bucket_name: String,
    /// The event's object.
    pub object_name: ObjectName,
    /// S3's name of the event, such as `ObjectCreated:Put`.
    pub event_type: String,
    /// What the event changes the total by, in bytes; null if the ledger can't tell.
    pub size_delta: Option<i64>,
    /// The event's sequencer.
    pub sequencer: String,
    /// When S3 says that it happened.
    #[serde(deserialize_with = "moment::read")]
    pub event_time: Timestamp,
    /// The SQS message that carried it.
    pub message_id: String,
}

/// The line in which the cleaner says what it decided, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CleanerDecisionLine {
    /// When the line was written.
    #[serde(deserialize_with = "moment::read")]
    pub timestamp: Timestamp,
    /// `INFO`; `ERROR` if the bucket is still at its threshold or above.
    pub level: Level,
    /// The line in words.
    pub message: String,
    /// The bucket.
    pub bucket_name: String,
    /// What invoked the cleaner: `alarm` or `schedule`.
    pub invoked_by: String,
    /// The ledger's total when the cleaner looked, in bytes.
    pub ledger_total_size: u64,
    /// The total that has to be undercut, in bytes.
    pub threshold_bytes: u64,
    /// The total once every deletion is through, in bytes.
    pub projected_total_size: u64,
    /// The objects deleted, largest first.
    pub deleted: Vec<DeletedObject>,
}

/// An object that the cleaner deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeletedObject {
    /// The object's key.
    pub object_name: ObjectName,
    /// The object's size, in bytes.
    pub size: u64,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Expected.
    Info,
    /// Somebody should look.
    Error,
}
