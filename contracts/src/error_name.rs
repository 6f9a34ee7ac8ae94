//! The names a failure can have, in Rust, in the state machine and in `infra/README.md`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The one vocabulary of error names: what a task fails with, what `Retry` and `Catch` name, what a run ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ErrorName {
    /// The input breaks its contract; the message names the field. Fix the input and start again.
    InvalidInput,
    /// The bucket holds an object that no run has put there. Empty it, or use another bucket.
    BucketNotEmpty,
    /// The bucket existed before its stack. Runs put objects into buckets that stacks have made, and into no other: give them a
    /// stack of their own.
    ExistingBucket,
    /// Another run holds the stack. Wait until it ends.
    RunInProgress,
    /// The bucket, the ledger or the alarm did not come to rest before the run's first upload was due.
    PreparationDeadlinePassed,
    /// The ledger did not record an upload in time.
    UploadDeadlinePassed,
    /// The objects that a cycle expects to be deleted were not deleted in time.
    DeletionDeadlinePassed,
    /// The alarm did not return to OK in time.
    AlarmDeadlinePassed,
    /// An object was deleted that the cycle does not expect to be.
    UnexpectedDeletion,
    /// The total fell, but the alarm had not gone off in between.
    AlarmDidNotGoOff,
    /// The objects were deleted, but the alarm had not brought that about.
    NotDeletedByAlarm,
    /// Everything came, but with other totals in between.
    TimelineMismatch,
    /// The plot API answered, but not with a plot.
    PlotRejected,
    /// Another audit holds the ledger. Wait until it ends.
    AuditInProgress,
    /// The bucket's events do not reach the ledger, so that it would go wrong again. The message says where they stop.
    EventsDisconnected,
    /// The bucket does not exist, is somewhere else, or may not be read.
    BucketUnreadable,
    /// A service did not answer, or throttled the call. The same request may succeed later.
    ServiceUnavailable,
    /// The function or the stack is at fault: a missing variable, a refused permission, a row that can't be read.
    Internal,
}

impl ErrorName {
    /// Every name there is.
    pub const ALL: [Self; 18] = [
        Self::InvalidInput,
        Self::BucketNotEmpty,
        Self::ExistingBucket,
        Self::RunInProgress,
        Self::PreparationDeadlinePassed,
        Self::UploadDeadlinePassed,
        Self::DeletionDeadlinePassed,
        Self::AlarmDeadlinePassed,
        Self::UnexpectedDeletion,
        Self::AlarmDidNotGoOff,
        Self::NotDeletedByAlarm,
        Self::TimelineMismatch,
        Self::PlotRejected,
        Self::AuditInProgress,
        Self::EventsDisconnected,
        Self::BucketUnreadable,
        Self::ServiceUnavailable,
        Self::Internal,
    ];

    /// The name as it stands in `errorType`, `ErrorEquals` and an execution's `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "InvalidInput",
            Self::BucketNotEmpty => "BucketNotEmpty",
            Self::ExistingBucket => "ExistingBucket",
            Self::RunInProgress => "RunInProgress",
            Self::PreparationDeadlinePassed => "PreparationDeadlinePassed",
            Self::UploadDeadlinePassed => "UploadDeadlinePassed",
            Self::DeletionDeadlinePassed => "DeletionDeadlinePassed",
            Self::AlarmDeadlinePassed => "AlarmDeadlinePassed",
            Self::UnexpectedDeletion => "UnexpectedDeletion",
            Self::AlarmDidNotGoOff => "AlarmDidNotGoOff",
            Self::NotDeletedByAlarm => "NotDeletedByAlarm",
            Self::TimelineMismatch => "TimelineMismatch",
            Self::PlotRejected => "PlotRejected",
            Self::AuditInProgress => "AuditInProgress",
            Self::EventsDisconnected => "EventsDisconnected",
            Self::BucketUnreadable => "BucketUnreadable",
            Self::ServiceUnavailable => "ServiceUnavailable",
            Self::Internal => "Internal",
        }
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_and_display_agree_on_every_name() {
        for name in ErrorName::ALL {
            assert_eq!(serde_json::json!(name), serde_json::json!(name.to_string()));
        }
    }
}
