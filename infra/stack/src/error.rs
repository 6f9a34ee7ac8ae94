//! What can go wrong between a command and its result, in sentences for the person who typed it.

use std::io;
use std::path::PathBuf;

use spillway_aws::CallError;

use crate::api::ApiError;
use crate::connection::ConnectionError;
use crate::file_error::FileError;
use crate::restore::RestoreError;
use crate::run::execution::ExecutionError;
use crate::workspace::WorkspaceError;

/// Why a command on a stack failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Cargo doesn't know the workspace.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// There is no stack of that name, or no way to it.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// What should be a scenario is not even JSON.
    #[error("{} is not JSON: {source}", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Where it is wrong, and how.
        source: serde_json::Error,
    },
    /// What should be a scenario breaks the contract.
    #[error("{} is not a scenario: {breach}. Its contract is contracts/schemas/run-input.schema.json", path.display())]
    Scenario {
        /// The file.
        path: PathBuf,
        /// The field, and what is wrong with it.
        breach: String,
    },
    /// The execution left something unexpected.
    #[error(transparent)]
    Execution(#[from] ExecutionError),
    /// Nothing could be restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The stack's API did not give what it was asked for.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A file or directory can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nobody could stop the command.
    #[error("cannot listen for SIGINT and SIGTERM: {0}")]
    Signals(io::Error),
}
