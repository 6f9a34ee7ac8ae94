//! What can go wrong between a command and its result, in sentences for the person who typed it.

use std::io;
use std::path::PathBuf;

use spillway_aws::CallError;

use crate::commands::stack_file::StackFileError;
use crate::deploy::artifacts::ArtifactError;
use crate::deploy::binaries::BuildError;
use crate::deploy::cloudformation::DeployError;
use crate::deploy::template::TemplateError;
use crate::emulator::ministack::MiniStackError;
use crate::file_error::FileError;
use crate::python::venv::VenvError;
use crate::run::execution::ExecutionError;
use crate::workspace::WorkspaceError;

/// Why the local AWS, or a command on it, failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Cargo doesn't know the workspace.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// MiniStack can't be installed.
    #[error(transparent)]
    Venv(#[from] VenvError),
    /// MiniStack doesn't start.
    #[error(transparent)]
    MiniStack(#[from] MiniStackError),
    /// The template can't be read or packaged.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Cargo doesn't build the functions.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The functions can't be uploaded.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The stack can't be deployed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// There is no stack to run on.
    #[error(transparent)]
    StackFile(#[from] StackFileError),
    /// What should be a scenario is not even JSON.
    #[error("{} is not JSON: {source}", path.display())]
    Scenario {
        path: PathBuf,
        /// Where it is wrong, and how.
        source: serde_json::Error,
    },
    /// The execution left something unexpected.
    #[error(transparent)]
    Execution(#[from] ExecutionError),
    /// A call to the local AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A file or directory can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    #[error("cannot listen for SIGINT and SIGTERM: {0}")]
    Signals(io::Error),
}
