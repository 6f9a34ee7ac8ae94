//! Why a task of an audit fails.

use spillway_aws::CallError;
use spillway_contracts::{ErrorName, Failure};
use spillway_ledger_store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bucket's events don't reach the ledger.
    #[error("{0}")]
    Disconnected(String),
    /// The bucket can't be read.
    #[error("{0}")]
    Bucket(String),
    /// The ledger can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// AWS did not answer, or not as it should.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let name = match &error {
            Error::Disconnected(_) => ErrorName::EventsDisconnected,
            Error::Bucket(_) => ErrorName::BucketUnreadable,
            Error::Store(error) => error.name(),
            Error::Call(error) => error.name(),
        };
        Self { name, message: error.to_string() }
    }
}
