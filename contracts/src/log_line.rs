//! What the pipeline writes to its logs for others to read: one flat JSON object a line.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ledger::HistoryRecord;
use crate::rule::{DeleteFirst, fill_percent};
use crate::{ObjectName, Sequencer, rfc3339};

/// The line that the metric filter turns into `CurrentTotalSize`: the bucket's total after one event.
///
/// The fields stand at the top level, because the filter selects `$.total_size`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TotalSizeLine {
    /// When the line was written.
    #[serde(deserialize_with = "rfc3339::read")]
    pub timestamp: Timestamp,
    /// Always `INFO`: Lambda drops lines below its log level.
    pub level: Level,
    /// The line in words.
    pub message: String,
    /// Lambda's identifier of the invocation that wrote it.
    pub request_id: String,
    /// The bucket.
    pub bucket_name: String,
    /// The bucket's total, in bytes.
    pub total_size: u64,
    /// The total in percent of SizeThreshold, rounded down. A metric filter selects `$.fill_percent`.
    pub fill_percent: u64,
    /// What the event changed it by, in bytes; 0 in a heartbeat.
    pub size_delta: i64,
    /// S3's name of the event, such as `ObjectCreated:Put`; `Heartbeat` if the line only repeats the total.
    pub event_type: String,
    /// The event's object; null in a heartbeat.
    pub object_name: Option<ObjectName>,
    /// The event's record in HistoryTable, the newest one in a heartbeat; empty if there is none.
    pub event_key: String,
}

impl TotalSizeLine {
    /// The line of an event that the ledger has recorded.
    pub fn of(record: &HistoryRecord, threshold_bytes: u64, request_id: String, now: Timestamp) -> Self {
        let (name, delta, total) = (&record.object_name, record.size_delta, record.total_size);
        Self {
            timestamp: now,
            level: Level::Info,
            message: format!("{} of {name} changed the total by {delta} to {total} bytes", record.event_type),
            request_id,
            bucket_name: record.bucket_name.clone(),
            total_size: total,
            fill_percent: fill_percent(total, threshold_bytes),
            size_delta: delta,
            event_type: record.event_type.clone(),
            object_name: Some(name.clone()),
            event_key: record.event_key.clone(),
        }
    }
}

/// The line that the logging function writes for every event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectEventLine {
    /// When the line was written.
    #[serde(deserialize_with = "rfc3339::read")]
    pub timestamp: Timestamp,
    /// Always `INFO`.
    pub level: Level,
    /// The line in words.
    pub message: String,
    /// Lambda's identifier of the invocation that wrote it.
    pub request_id: String,
    /// The bucket.
    pub bucket_name: String,
    /// The event's object.
    pub object_name: ObjectName,
    /// S3's name of the event, such as `ObjectCreated:Put`.
    pub event_type: String,
    /// What the event changes the total by, in bytes; null if the ledger can't tell.
    pub size_delta: Option<i64>,
    /// The event's sequencer.
    pub sequencer: Sequencer,
    /// When S3 says that it happened.
    #[serde(deserialize_with = "rfc3339::read")]
    pub event_time: Timestamp,
    /// The SQS message that carried it.
    pub message_id: String,
}

/// The line in which the cleaner says what it decided, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CleanerDecisionLine {
    /// When the line was written.
    #[serde(deserialize_with = "rfc3339::read")]
    pub timestamp: Timestamp,
    /// `INFO`; `ERROR` if more has to go, or if an object could not be deleted.
    pub level: Level,
    /// The line in words.
    pub message: String,
    /// Lambda's identifier of the invocation that wrote it.
    pub request_id: String,
    /// The bucket.
    pub bucket_name: String,
    /// What invoked the cleaner.
    pub invoked_by: Invoker,
    /// Whether it only says what it would delete.
    pub dry_run: bool,
    /// The event key of the cleaning's first record in HistoryTable; null if nothing was deleted.
    pub cleaning: Option<String>,
    /// How the invocation ended.
    pub verdict: Verdict,
    /// The ledger's total when the cleaner looked, in bytes.
    pub ledger_total_size: u64,
    /// What of that is being deleted already, or was, without the ledger knowing yet, in bytes. It is neither counted nor
    /// chosen again.
    pub under_way_bytes: u64,
    /// How many objects went more than a quarter of an hour ago without the ledger knowing yet: an event is late, or lost.
    pub unrecorded_count: u64,
    /// A cleaning begins once the total is not below this, in bytes.
    pub threshold_bytes: u64,
    /// A cleaning goes on until the total is below this, in bytes.
    pub target_bytes: u64,
    /// What goes first.
    pub delete_first: DeleteFirst,
    /// The total once every deletion is through, in bytes; in a dry run, once every deletion would be.
    pub projected_total_size: u64,
    /// How much more would have to go for the projected total to be below the threshold, in bytes; 0 if it is. What is between
    /// the target and the threshold doesn't count.
    pub excess_bytes: u64,
    /// How many objects were chosen, which is also how many lines there are of single objects.
    pub chosen_count: u64,
    /// How many of them S3 refused to delete: a policy or Object Lock forbids it.
    pub refused_count: u64,
    /// The first 20 of the objects chosen, in the order in which they go, and what became of them.
    pub chosen: Vec<ChosenObject>,
}

/// The line in which an audit says by how much the ledger was wrong. Metric filters select `$.drift_objects` and
/// `$.drift_bytes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditLine {
    /// When the line was written.
    #[serde(deserialize_with = "rfc3339::read")]
    pub timestamp: Timestamp,
    /// `INFO`; `ERROR` if the ledger was wrong.
    pub level: Level,
    /// The line in words.
    pub message: String,
    /// Lambda's identifier of the invocation that wrote it.
    pub request_id: String,
    /// The bucket.
    pub bucket_name: String,
    /// The name of the audit's execution.
    pub audit_id: String,
    /// Whether what was wrong was put right.
    pub repaired: bool,
    /// How many objects the ledger had not, had otherwise, or had too many; 0 if the ledger was empty and learned them all.
    pub drift_objects: u64,
    /// Their bytes; of those that it had otherwise, the bytes by which sizes differ.
    pub drift_bytes: u64,
}

/// The line that says how long ago the ledger was last found right, or put right: the heartbeat's, once there was an audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditAgeLine {
    /// When the line was written.
    #[serde(deserialize_with = "rfc3339::read")]
    pub timestamp: Timestamp,
    /// Always `INFO`.
    pub level: Level,
    /// The line in words.
    pub message: String,
    /// Lambda's identifier of the invocation that wrote it.
    pub request_id: String,
    /// The bucket.
    pub bucket_name: String,
    /// How long ago the last audit that ended well started, in seconds.
    pub audit_age_seconds: u64,
}

/// What invoked the cleaner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Invoker {
    /// The alarm went off.
    Alarm,
    /// The schedule, in case an invocation by the alarm was lost or not enough.
    Schedule,
}

/// How an invocation of the cleaner ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Verdict {
    /// The total was below the threshold, less what is being deleted already, and nothing was chosen.
    BelowThreshold,
    /// No audit has ended well yet, and the bucket held objects before the ledger did: nothing is deleted on half a ledger.
    NotAudited,
    /// The schedule was first to find the total at or above the threshold. The alarm has its turn before the schedule acts.
    LeftToAlarm,
    /// What was chosen brings the total below the target.
    BroughtBelow,
    /// More has to go than one invocation deletes. The next one goes on.
    MaxDeletesReached,
    /// The objects that are left are all protected, and the total is not below the target.
    OnlyProtectedLeft,
    /// The objects that are left are all protected or younger than the minimum age, and the total is not below the target.
    OnlyYoungLeft,
    /// S3 refuses to delete some of the objects, and the total is not below the threshold without them.
    Refused,
    /// Objects that were chosen may still be there: S3 failed, or the invocation's time was over. The next invocation goes
    /// on.
    Incomplete,
}

/// An object that the cleaner chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChosenObject {
    /// The object's key.
    pub object_name: ObjectName,
    /// The object's size, in bytes.
    pub size: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an object that the cleaner chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Outcome {
    /// It was deleted.
    Deleted,
    /// It was gone already.
    AlreadyGone,
    /// It was overwritten after the ledger's last news of it, and so kept. The ledger will hear of its new size.
    Overwritten,
    /// S3 refuses to delete it: a policy or Object Lock forbids it.
    Refused,
    /// S3 failed, or its answer was lost: it may be there or not. The function's log says why.
    Failed,
    /// The invocation's time was over before its turn came, somebody else was at it at the same moment, or it was found to be there
    /// still.
    Kept,
    /// It would have been deleted, if this were not a dry run.
    DryRun,
}

/// Any other line of a function: for people. What else it says stands beside these fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When the line was written.
    #[serde(deserialize_with = "rfc3339::read")]
    pub timestamp: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// The line in words.
    pub message: String,
    /// The invocation that it belongs to; none of a line that was written between two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
}

/// The invocation that a line belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// What goes on, such as `invocation`.
    pub name: String,
    /// Lambda's identifier of the invocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The execution that the invocation works for; none in the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// For whoever looks for a cause.
    Debug,
    /// Expected.
    Info,
    /// Unusual, but nobody needs to act.
    Warn,
    /// Somebody should look.
    Error,
}
