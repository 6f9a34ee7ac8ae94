//! What the state machine says to its functions, and what they answer.
//!
//! Every task looks once and answers; `done: false` makes the state machine wait and ask again. A deadline is
//! judged by the task, which knows what it saw, and ends in the error that the task's documentation names.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{Cleaning, Deletion, UploadedObject};
use crate::run::{RunInput, Upload};
use crate::{ObjectName, rfc3339};

/// Asks `prepare-run` to validate a run's input and to empty the bucket of what earlier runs left.
///
/// Errors: `ExistingBucket`, `InvalidInput`, `BucketNotEmpty`, `PreparationDeadlinePassed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrepareRunRequest {
    /// The execution's name.
    pub run_id: String,
    /// When the execution started; its deadline counts from here.
    #[serde(deserialize_with = "rfc3339::read")]
    pub started_at: Timestamp,
    /// The execution's input.
    pub input: RunInput,
}

/// Whether the run may begin, and what it will do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrepareRunResponse {
    /// Whether bucket and ledger are empty and the alarm is quiet. If not, ask again.
    pub done: bool,
    /// What the run is still waiting for, in words. Empty when done.
    pub waiting_for: String,
    /// What the run will do.
    pub plan: RunPlan,
}

/// A validated run: every default filled in, every expectation spelled out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunPlan {
    /// The execution's name.
    pub run_id: String,
    /// When the bucket was found empty: the plot begins here.
    #[serde(deserialize_with = "rfc3339::read")]
    pub started_at: Timestamp,
    /// The total at which the alarm goes off, in bytes.
    pub threshold_bytes: u64,
    /// The length of one of the alarm's periods, in seconds.
    pub period_seconds: u32,
    /// How long to wait between two polls, in seconds.
    pub poll_seconds: u32,
    /// How long each wait may last, in seconds.
    pub deadline_seconds: u64,
    /// The newest history record before the run; empty if there is none.
    pub after_event_key: String,
    /// The rounds, in order.
    pub cycles: Vec<CyclePlan>,
    /// The totals that the run should go through, in bytes, from the empty bucket on.
    pub expected_timeline: Vec<u64>,
}

/// One round of a validated run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CyclePlan {
    /// The round's number, from 1.
    pub number: u32,
    /// The objects to upload, in order.
    pub upload: Vec<Upload>,
    /// The objects that the cleaner should delete. The ledger may record them in any order.
    pub expected_deletions: Vec<ObjectName>,
    /// The total that the bucket should settle at, in bytes.
    pub expected_total_size: u64,
}

/// Asks `align-window` when the cycle may begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlignWindowRequest {
    /// The execution's name.
    pub run_id: String,
    /// The length of one of the alarm's periods, in seconds. Periods are aligned to the epoch.
    pub period_seconds: u32,
}

/// When the cycle may begin, and where the history stands before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlignWindowResponse {
    /// When to upload: now if most of the current period is left, otherwise at the start of the next one.
    #[serde(deserialize_with = "rfc3339::read")]
    pub opens_at: Timestamp,
    /// The newest history record before the cycle; empty if there is none.
    pub after_event_key: String,
}

/// Asks `upload` to upload the next object that the ledger has not recorded.
///
/// Errors: `UploadDeadlinePassed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadRequest {
    /// The execution's name.
    pub run_id: String,
    /// The round to upload for.
    pub cycle: CyclePlan,
    /// The newest history record before the cycle; empty if there is none.
    pub after_event_key: String,
    /// When to give up.
    #[serde(deserialize_with = "rfc3339::read")]
    pub deadline: Timestamp,
}

/// How far the uploads are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadResponse {
    /// Whether every object is uploaded and recorded. If not, ask again.
    pub done: bool,
    /// The objects recorded so far, in order.
    pub uploaded: Vec<UploadedObject>,
}

/// Asks `wait-for-deletion` whether the cleaner has deleted what the cycle expects.
///
/// Errors: `UnexpectedDeletion`, `DeletionDeadlinePassed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitForDeletionRequest {
    /// The execution's name.
    pub run_id: String,
    /// The round that expects the deletion.
    pub cycle: CyclePlan,
    /// The newest history record before the cycle; empty if there is none.
    pub after_event_key: String,
    /// When to give up.
    #[serde(deserialize_with = "rfc3339::read")]
    pub deadline: Timestamp,
}

/// What the history shows of the cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitForDeletionResponse {
    /// Whether all expected objects are gone and the total is as expected. If not, ask again.
    pub done: bool,
    /// The objects deleted so far, in the order of the history.
    pub deleted: Vec<Deletion>,
    /// The totals that the cycle went through so far, in bytes.
    pub observed_totals: Vec<u64>,
    /// When the newest of them was committed; null if there is none.
    #[serde(default, deserialize_with = "rfc3339::read_or_null")]
    pub settled_at: Option<Timestamp>,
}

/// Asks `wait-for-alarm-ok` whether the alarm is back to OK.
///
/// Errors: `AlarmDeadlinePassed`, `AlarmDidNotGoOff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitForAlarmOkRequest {
    /// The execution's name.
    pub run_id: String,
    /// When the total fell below the threshold; null if it never was at or above it. An OK from before doesn't count.
    #[serde(default, deserialize_with = "rfc3339::read_or_null")]
    pub settled_at: Option<Timestamp>,
    /// When to give up.
    #[serde(deserialize_with = "rfc3339::read")]
    pub deadline: Timestamp,
}

/// What the alarm says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitForAlarmOkResponse {
    /// Whether the alarm has seen the total that the cycle settled at, and is OK. If not, ask again.
    pub done: bool,
    /// The alarm's state: `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// When the alarm entered that state.
    #[serde(deserialize_with = "rfc3339::read")]
    pub state_since: Timestamp,
}

/// Asks `check-run` whether the whole run went as it should.
///
/// Errors: `TimelineMismatch`, `NotDeletedByAlarm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckRunRequest {
    /// The execution's name.
    pub run_id: String,
    /// When the bucket was found empty.
    #[serde(deserialize_with = "rfc3339::read")]
    pub started_at: Timestamp,
    /// The newest history record before the run; empty if there is none.
    pub after_event_key: String,
    /// The rounds, in order.
    pub cycles: Vec<CyclePlan>,
}

/// How the whole run went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckRunResponse {
    /// The totals that the run should go through, in bytes, from the empty bucket on. Deletions of one round come in the
    /// order in which the history recorded them.
    pub expected_timeline: Vec<u64>,
    /// The totals that the history recorded from the run's start to its end, in bytes, from the empty bucket on.
    pub observed_timeline: Vec<u64>,
    /// Which cleanings deleted what, in the order of the history.
    pub cleanings: Vec<Cleaning>,
}

/// Asks `call-plot-api` for a plot of the run.
///
/// Errors: `PlotRejected`, `ServiceUnavailable`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallPlotApiRequest {
    /// The execution's name.
    pub run_id: String,
    /// The plot's first moment.
    #[serde(deserialize_with = "rfc3339::read")]
    pub from: Timestamp,
}
