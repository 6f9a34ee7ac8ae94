//! What the HTTP API answers whoever wants to know how full the bucket is, and what would go.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::audit::Tally;
use crate::log_line::Invoker;
use crate::rule::DeleteFirst;
use crate::{ObjectName, rfc3339};

/// `GET /usage` or `GET /plan`. AWS owns this event; only what is read is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageRequest {
    /// What is asked for.
    pub route_key: Route,
    /// The parameters of the query, each a text; the API says which are wrong. A plan takes `threshold` (bytes), `target` (percent
    /// of the threshold), `delete_first` and `limit`, the usage none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_string_parameters: Option<BTreeMap<String, String>>,
}

/// A route of the API that is about usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Route {
    /// How full the bucket is.
    #[serde(rename = "GET /usage")]
    Usage,
    /// What would go.
    #[serde(rename = "GET /plan")]
    Plan,
}

/// The body of the answer to `GET /usage`: how full the bucket is, and what the cleaner has done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// The bucket.
    pub bucket_name: String,
    /// When the ledger was looked at.
    #[serde(deserialize_with = "rfc3339::read")]
    pub as_of: Timestamp,
    /// The bucket's total, in bytes.
    pub total_size: u64,
    /// How many objects the bucket holds.
    pub object_count: u64,
    /// The total in percent of the threshold, rounded down.
    pub fill_percent: u64,
    /// How much more fits before the threshold is reached, in bytes; 0 once it is.
    pub left_bytes: u64,
    /// What S3 keeps besides these objects, which neither the total nor the threshold counts; null if it could not be counted, and
    /// then the function's log says why.
    pub kept: Option<Kept>,
    /// The rule that the cleaner follows.
    pub rule: AppliedRule,
    /// Whether the cleaner only says what it would delete.
    pub dry_run: bool,
    /// Whether the cleaner deletes nothing before an audit has ended well.
    pub awaits_audit: bool,
    /// The alarm on the total; null if it is not there.
    pub alarm: Option<AlarmStanding>,
    /// Whether a cleaning has begun that has not come to its end: the schedule's next look goes on with it.
    pub is_cleaning: bool,
    /// The last cleaning; null if none is on record. Records are kept for 15 days.
    pub last_cleaning: Option<LastCleaning>,
    /// When the ledger last recorded an event; null before the first.
    #[serde(default, deserialize_with = "rfc3339::read_or_null")]
    pub ledger_changed_at: Option<Timestamp>,
    /// The last audit of the bucket that ended well; null if there was none.
    pub last_audit: Option<LastAudit>,
}

/// What S3 keeps of objects that were deleted or overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Everything was counted.
    All(
        /// All of it; nothing in a bucket that never had versions.
        KeptVersions,
    ),
    /// The bucket has more versions than can be counted for one answer.
    AtLeast(
        /// The part of it that was counted.
        KeptVersions,
    ),
}

/// Versions that are not current.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeptVersions {
    /// Those of objects that are deleted: what is kept so that a deletion can be undone.
    pub deleted: VersionTally,
    /// Those of objects that are there: what was overwritten, or deleted and then written or restored again.
    pub overwritten: VersionTally,
}

/// How many versions, and how large they are together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionTally {
    /// How many versions.
    pub versions: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// A rule by which objects go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppliedRule {
    /// A cleaning begins once the total is not below this, in bytes.
    pub threshold_bytes: u64,
    /// A cleaning goes on until the total is below this, in bytes.
    pub target_bytes: u64,
    /// What goes first.
    pub delete_first: DeleteFirst,
    /// What was written less than this ago never goes, in minutes.
    pub minimum_age_minutes: u64,
    /// How many objects go at once, at most.
    pub max_deletes: u64,
}

/// How an alarm is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmStanding {
    /// The alarm's name.
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// Since when; null if CloudWatch doesn't say.
    #[serde(default, deserialize_with = "rfc3339::read_or_null")]
    pub since: Option<Timestamp>,
}

/// A cleaning, as far as its records say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LastCleaning {
    /// The event key of its first record, as the cleaner's decision line has it; `cargo stack restore --cleaning` takes it.
    pub cleaning: String,
    /// What invoked the cleaner.
    pub invoked_by: Invoker,
    /// When the cleaning began.
    #[serde(deserialize_with = "rfc3339::read")]
    pub begun_at: Timestamp,
    /// What it chose.
    pub chosen: Tally,
    /// What of that it deleted, or found gone already.
    pub deleted: Tally,
}

/// An audit that ended well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LastAudit {
    /// The name of its execution.
    pub audit_id: String,
    /// When it started.
    #[serde(deserialize_with = "rfc3339::read")]
    pub started_at: Timestamp,
    /// By how much the ledger was wrong before it was put right.
    pub drift: Tally,
}

/// The body of the answer to `GET /plan`: what an invocation of the cleaner by the alarm would delete at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The bucket.
    pub bucket_name: String,
    /// When the ledger was looked at.
    #[serde(deserialize_with = "rfc3339::read")]
    pub as_of: Timestamp,
    /// The rule that the plan follows: the stack's, except what the query asks to be tried.
    pub rule: AppliedRule,
    /// Whether the stack's cleaner only says what it would delete.
    pub dry_run: bool,
    /// The ledger's total, in bytes.
    pub ledger_total_size: u64,
    /// What of that is being deleted already, or was, without the ledger knowing yet. It is neither counted nor planned.
    pub under_way: Tally,
    /// What would go.
    pub planned: Tally,
    /// The total after that, in bytes.
    pub projected_total_size: u64,
    /// Why no more would go.
    pub stop: PlanStop,
    /// What would go, in order: the first of it, as many as the query's `limit` allows.
    pub objects: Vec<PlannedObject>,
}

/// Why a plan has no more objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PlanStop {
    /// No more has to go.
    Below,
    /// No more goes at once.
    MaxDeletes,
    /// The objects that are left are all protected.
    OnlyProtected,
    /// The objects that are left are all protected or younger than the minimum age.
    OnlyYoung,
    /// Nothing goes before an audit has compared the ledger with the bucket; if the oldest go first, one that finds out how old
    /// each object is.
    NotAudited,
}

/// An object that would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedObject {
    /// The object's key.
    pub object_name: ObjectName,
    /// The object's size, in bytes.
    pub size: u64,
    /// When it was last written, by S3's clock; null if it was written again this very moment.
    #[serde(default, deserialize_with = "rfc3339::read_or_null")]
    pub last_modified: Option<Timestamp>,
    /// How long before the plan that was, in seconds.
    pub age_seconds: Option<u64>,
    /// Why it goes before the others: of those that may go it is the largest, or the oldest.
    pub reason: DeleteFirst,
    /// The total without it and those before it, in bytes.
    pub total_size_after: u64,
}
