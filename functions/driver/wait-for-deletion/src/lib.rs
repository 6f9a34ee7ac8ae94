//! Looks once whether the cleaner has deleted what a cycle expects.
//!
//! Changes nothing; asked twice, it answers twice.

mod progress;

use jiff::Timestamp;
use spillway_contracts::task::{WaitForDeletionRequest, WaitForDeletionResponse};
use spillway_contracts::{ErrorName, Failure};
use spillway_ledger_store::{Store, StoreError};

#[derive(Debug)]
pub struct Deps {
    pub store: Store,
}

/// Why the wait is over without what the cycle expects.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cycle {cycle} expects {expected} to be deleted, but the history shows {seen}")]
    Unexpected {
        cycle: u32,
        /// What should have been deleted.
        expected: String,
        /// What was.
        seen: String,
    },
    #[error(
        "by {deadline} cycle {cycle} should have seen {expected} deleted and the total at {expected_total_size} bytes, \
         but the history shows {seen} deleted and the total at {total_size}"
    )]
    Deadline {
        cycle: u32,
        /// When the run gave up.
        deadline: Timestamp,
        /// What should have been deleted.
        expected: String,
        /// The total that was expected, in bytes.
        expected_total_size: u64,
        /// What was deleted.
        seen: String,
        /// The total that was seen, in bytes.
        total_size: u64,
    },
    /// The ledger can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let name = match &error {
            Error::Unexpected { .. } => ErrorName::UnexpectedDeletion,
            Error::Deadline { .. } => ErrorName::DeletionDeadlinePassed,
            Error::Store(error) => error.name(),
        };
        Self { name, message: error.to_string() }
    }
}

/// Says how far the cycle is.
pub async fn handle(
    deps: &Deps,
    request: WaitForDeletionRequest,
    now: Timestamp,
) -> Result<WaitForDeletionResponse, Error> {
    let history = deps.store.history_after(&request.after_event_key).await?;
    progress::judge(&request, &history, now)
}
