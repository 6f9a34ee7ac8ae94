//! What a run ends with.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::log_line::Invoker;
use crate::plot::StoredPlot;
use crate::{ObjectName, rfc3339};

/// The output of an execution that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// The execution's name.
    pub run_id: String,
    /// When the bucket was found empty and the scenario began.
    #[serde(deserialize_with = "rfc3339::read")]
    pub started_at: Timestamp,
    /// When the report was written.
    #[serde(deserialize_with = "rfc3339::read")]
    pub finished_at: Timestamp,
    /// The total at which the alarm goes off, in bytes.
    pub threshold_bytes: u64,
    /// The totals that the run should go through, in bytes, from the empty bucket on. Deletions of one round come in the
    /// order in which the history recorded them.
    pub expected_timeline: Vec<u64>,
    /// The totals that the history recorded from the run's start to its end, in bytes, from the empty bucket on.
    pub observed_timeline: Vec<u64>,
    /// What happened in each round, in order.
    pub cycles: Vec<CycleReport>,
    /// Which cleanings deleted what, in the order of the history.
    pub cleanings: Vec<Cleaning>,
    /// Where the plot is.
    pub plot: StoredPlot,
}

/// What happened in one round of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CycleReport {
    /// The round's number, from 1.
    pub number: u32,
    /// When the alarm window that the round was aligned to let it begin.
    #[serde(deserialize_with = "rfc3339::read")]
    pub opened_at: Timestamp,
    /// What was uploaded, in order.
    pub uploaded: Vec<UploadedObject>,
    /// What the cleaner deleted, in order.
    pub deleted: Vec<Deletion>,
    /// The totals that the history recorded in this round, in bytes.
    pub observed_totals: Vec<u64>,
    /// When the alarm was seen to be OK again.
    #[serde(deserialize_with = "rfc3339::read")]
    pub alarm_ok_at: Timestamp,
}

/// An object that the run uploaded, as the history recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadedObject {
    /// The object's key.
    pub object_name: ObjectName,
    /// What the upload added to the total, in bytes.
    pub size_delta: i64,
    /// The total after it, in bytes.
    pub total_size: u64,
    /// When S3 says that it happened.
    #[serde(deserialize_with = "rfc3339::read")]
    pub uploaded_at: Timestamp,
}

/// An object that was deleted, as the history recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deletion {
    /// The object's key.
    pub object_name: ObjectName,
    /// What the deletion took off the total, in bytes; negative.
    pub size_delta: i64,
    /// The total after it, in bytes.
    pub total_size: u64,
    /// When S3 says that it happened.
    #[serde(deserialize_with = "rfc3339::read")]
    pub deleted_at: Timestamp,
}

/// What one invocation of the cleaner deleted in one round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cleaning {
    /// The round's number, from 1.
    pub cycle: u32,
    /// What invoked the cleaner. A run succeeds only if the alarm did.
    pub invoked_by: Invoker,
    /// When the alarm went off; null if CloudWatch's time of it can't be read.
    #[serde(default, deserialize_with = "rfc3339::read_or_null")]
    pub alarm_at: Option<Timestamp>,
    /// When the cleaner began.
    #[serde(deserialize_with = "rfc3339::read")]
    pub begun_at: Timestamp,
    /// What it deleted, in the order of the history.
    pub deleted: Vec<ObjectName>,
}

/// What a run that failed leaves in its history: the output of its last state before `Fail`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunFailure {
    /// The execution's name.
    pub run_id: String,
    /// The name of the error that ended the run.
    pub error: String,
    /// The error in words: what was expected and what was seen.
    pub cause: String,
}
