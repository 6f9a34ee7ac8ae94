//! What can go wrong between a command and its result, in sentences for the person who typed it.

use spillway_aws::CallError;
use spillway_stack::FileError;
use spillway_stack::connection::stack_file::StackFileError;
use spillway_stack::run::execution::ExecutionError;
use spillway_stack::workspace::WorkspaceError;

use crate::deploy::artifacts::ArtifactError;
use crate::deploy::binaries::BuildError;
use crate::deploy::cloudformation::DeployError;
use crate::deploy::template::TemplateError;
use crate::emulator::ministack::MiniStackError;
use crate::python::venv::VenvError;

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
    /// There is no stack to run on, or other commands can't find it.
    #[error(transparent)]
    StackFile(#[from] StackFileError),
    /// What was done with the deployed stack failed.
    #[error(transparent)]
    Stack(#[from] spillway_stack::Error),
    /// The execution left something unexpected.
    #[error(transparent)]
    Execution(#[from] ExecutionError),
    /// A call to the local AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Nothing can listen for browsers.
    #[error("the page cannot be served: {0}. Leave it out with --no-page")]
    Page(std::io::Error),
    /// A file or directory can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}
