//! An audit: what starts one, what its state machine says to its functions, and what it ends with.
//!
//! Each of its functions leaves what it found in HistoryTable ([`AuditFindings`]), because the results of all tasks of a
//! large bucket would be more than a state machine can hold. The report adds them up.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::json_object::read_from_object_alone;
use crate::{ObjectName, rfc3339};

/// What starts an audit: the input of an execution of its state machine. `{}` repairs what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, remote = "Self", expecting = "an object")]
#[schemars(!remote)]
pub struct AuditInput {
    /// Whether to put the ledger right where it differs from the bucket; otherwise the audit only says where.
    #[serde(default = "yes")]
    pub repair: bool,
}

read_from_object_alone!(AuditInput);

fn yes() -> bool {
    true
}

/// Asks `prepare-audit` whether an audit can begin, and how it is to go.
///
/// Errors: `InvalidInput`, `EventsDisconnected`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrepareAuditRequest {
    /// The execution's name.
    pub audit_id: String,
    /// When the execution started.
    #[serde(deserialize_with = "rfc3339::read")]
    pub started_at: Timestamp,
    /// The execution's input.
    pub input: AuditInput,
}

/// How an audit is to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditPlan {
    /// What every task has to know.
    pub audit: Audit,
    /// When the execution started.
    #[serde(deserialize_with = "rfc3339::read")]
    pub started_at: Timestamp,
    /// How long to wait before the first look, in seconds. The first audit of a ledger waits for the events of what was written
    /// just before: whatever is written from then on is known to send events.
    pub wait_seconds: u64,
    /// The numbers of the segments that ObjectTable is read in, from 0.
    pub segments: Vec<u32>,
    /// The ledger when the audit began.
    pub ledger_before: Tally,
}

/// What every task of an audit has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// The execution's name.
    pub audit_id: String,
    /// Whether to put the ledger right.
    pub repair: bool,
    /// For how long an event may be under way, in seconds: what changed less than that ago is left alone.
    pub grace_seconds: u64,
}

/// Asks `audit-objects` to compare some of the bucket's objects with the ledger: a batch of a Distributed Map over the
/// bucket's listing. Step Functions writes it, so unknown fields are let through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditObjectsRequest {
    /// What the state machine adds to each batch.
    #[serde(rename = "BatchInput")]
    pub batch_input: Audit,
    /// The objects, as S3 lists them.
    #[serde(rename = "Items")]
    pub items: Vec<ListedObject>,
}

/// An object, as Step Functions has it from S3's `ListObjectsV2`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedObject {
    /// Its key, as it is.
    #[serde(rename = "Key")]
    pub key: ObjectName,
    /// Its ETag, in quotes.
    #[serde(rename = "Etag")]
    pub etag: String,
    /// Its size, in bytes.
    #[serde(rename = "Size")]
    pub size: u64,
}

/// Asks `audit-rows` for the next part of a segment of ObjectTable: to look again at the rows that seemed to have no object,
/// and to go on with the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditRowsRequest {
    /// What every task has to know.
    pub audit: Audit,
    /// The number of the segment, from 0.
    pub segment: u32,
    /// How many segments there are.
    pub segment_count: u32,
    /// How far it is.
    pub progress: RowsProgress,
}

/// How far a segment is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowsProgress {
    /// The key of the last row that was read; empty before the first, null after the last.
    pub after: Option<String>,
    /// Objects that have a row and seem not to be in the bucket, to be looked at again after the grace. As many as fit into a
    /// state of the machine; the next rows are read after that.
    pub suspects: Vec<ObjectName>,
    /// Since when they have been seen missing; null if there are none.
    #[serde(default, deserialize_with = "rfc3339::read_or_null")]
    pub missing_since: Option<Timestamp>,
}

/// Asks `report-audit` for the sum of what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportAuditRequest {
    /// How the audit was to go.
    pub plan: AuditPlan,
    /// Whether rows without an object have been looked for.
    pub rows_compared: bool,
}

/// What an audit found, and whether there is more to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportAuditResponse {
    /// Whether the audit is at its end. If not, the ledger still counts something other than the bucket holds, so that its rows
    /// have to be compared.
    pub done: bool,
    /// What was found so far.
    pub report: AuditReport,
}

/// What an audit ends with: the output of its execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditReport {
    /// The execution's name.
    pub audit_id: String,
    /// When the execution started.
    #[serde(deserialize_with = "rfc3339::read")]
    pub started_at: Timestamp,
    /// When the report was made.
    #[serde(deserialize_with = "rfc3339::read")]
    pub ended_at: Timestamp,
    /// Whether what differed was put right.
    pub repaired: bool,
    /// Whether rows without an object were looked for; not if ledger and listing came to the same sum without that.
    pub rows_compared: bool,
    /// The ledger when the audit began.
    pub ledger_before: Tally,
    /// The ledger when the report was made.
    pub ledger_after: Tally,
    /// What was found.
    pub found: Found,
    /// By how much the ledger was wrong: objects that it had not, had otherwise or had too many, and their bytes.
    pub drift_before: Tally,
    /// By how much it still is.
    pub drift_after: Tally,
    /// Some of what was found.
    pub examples: Vec<Difference>,
}

/// What a failed audit leaves: the output of the execution's last state before it fails. The execution itself ends with the
/// same error and cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditFailure {
    /// The execution's name.
    pub audit_id: String,
    /// The error's name.
    pub error: String,
    /// What happened, in words.
    pub cause: String,
}

/// Objects and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// How many objects.
    pub objects: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// What an audit, or one of its tasks, found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The objects that S3 listed.
    pub listed: Tally,
    /// Objects that the ledger did not have.
    pub added: Tally,
    /// Objects of another size or ETag than the ledger had; the bytes are those by which sizes differ.
    pub corrected: Tally,
    /// Objects of the ledger that are not in the bucket.
    pub removed: Tally,
    /// How many objects differed whose event may still be under way. They were left alone.
    pub under_way: u64,
}

/// Something that an audit found to differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The object's key.
    pub object_name: ObjectName,
    /// Its size by the ledger, in bytes; null if the ledger did not have it.
    pub ledger_size: Option<u64>,
    /// Its size by S3, in bytes; null if it is not in the bucket.
    pub bucket_size: Option<u64>,
}

/// A record of HistoryTable in the partition `__AUDITS__`: what one task of an audit found. A task that is tried again leaves
/// what the first attempt found, before that repaired it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditFindings {
    /// Always `__AUDITS__`.
    pub bucket_name: AuditsPartition,
    /// The audit's id, `#`, and what tells the task's part from all others.
    pub event_key: String,
    /// What was found.
    pub found: Found,
    /// Some of what differs.
    pub examples: Vec<Difference>,
    /// When DynamoDB may drop the record, in seconds since the epoch.
    pub expires_at: i64,
}

/// The partition of HistoryTable that holds what audits found. No bucket can have such a name.
pub const AUDITS_PARTITION: &str = "__AUDITS__";

/// The partition of what audits found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuditsPartition {
    /// No bucket has that name.
    #[serde(rename = "__AUDITS__")]
    Audits,
}

/// The key of the row that only one audit at a time can hold.
pub const AUDIT_LOCK_KEY: &str = "__AUDIT__";

/// The row of ObjectTable with the key `__AUDIT__`: the lock that one audit at a time holds. The state machine writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditLockRow {
    /// Always `__AUDIT__`.
    pub object_name: AuditLockKey,
    /// The name of the execution that holds it.
    pub audit_id: String,
    /// From when on another audit may take it, in seconds since the epoch: after the longest audit's timeout.
    pub expires_at: i64,
    /// Why the first batch of objects failed that did. None as long as all go well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<BatchFailure>,
}

/// What a batch of objects failed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchFailure {
    /// One of the errors that end an audit, or a name of AWS's own.
    #[serde(rename = "Error")]
    pub error: String,
    /// What Step Functions says of it: of a function, JSON with its `errorMessage`.
    #[serde(rename = "Cause")]
    pub cause: String,
}

/// The key of the row that only one audit at a time can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuditLockKey {
    /// No object's row has it.
    #[serde(rename = "__AUDIT__")]
    Audit,
}

/// The key of the row that says when the ledger was last found right, or put right.
pub const AUDITED_KEY: &str = "__AUDITED__";

/// The row of ObjectTable with the key `__AUDITED__`: the last audit that ended well and repaired what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditedRow {
    /// Always `__AUDITED__`.
    pub object_name: AuditedKey,
    /// The bucket that the ledger was compared with.
    pub audited_bucket: String,
    /// When that audit started. What happened before, the ledger has.
    #[serde(deserialize_with = "rfc3339::read")]
    pub audited_at: Timestamp,
    /// The name of its execution.
    pub audit_id: String,
    /// By how much the ledger was wrong before it was put right.
    pub drift: Tally,
    /// Whether it gave every row that had none a `last_modified_ms`, because the oldest objects go first.
    #[serde(default)]
    pub is_dated: bool,
}

/// The key of the row that says when the ledger was last found right, or put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuditedKey {
    /// No object's row has it.
    #[serde(rename = "__AUDITED__")]
    Audited,
}

impl Tally {
    /// One object.
    pub fn of(bytes: u64) -> Self {
        Self { objects: 1, bytes }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
    }
}

impl std::ops::AddAssign for Found {
    fn add_assign(&mut self, other: Self) {
        self.listed += other.listed;
        self.added += other.added;
        self.corrected += other.corrected;
        self.removed += other.removed;
        self.under_way += other.under_way;
    }
}

impl Found {
    /// By how much ledger and bucket differ, whatever is under way.
    pub fn drift(&self) -> Tally {
        let mut drift = self.added;
        drift += self.corrected;
        drift += self.removed;
        drift
    }
}
