//! What can go wrong between a command and its result, in sentences for the person who typed it.

use std::io;
use std::path::PathBuf;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Why the local AWS, or a command on it, failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Cargo doesn't know the workspace, or doesn't build it.
    #[error(transparent)]
    Build(#[from] crate::binaries::BuildError),
    /// There is no Python to run MiniStack with.
    #[error(transparent)]
    Python(#[from] crate::python::PythonError),
    /// MiniStack can't be installed.
    #[error(transparent)]
    Venv(#[from] crate::venv::VenvError),
    /// MiniStack doesn't start.
    #[error(transparent)]
    MiniStack(#[from] crate::ministack::MiniStackError),
    /// The template can't be packaged.
    #[error(transparent)]
    Template(#[from] crate::template::TemplateError),
    /// The stack can't be deployed.
    #[error(transparent)]
    Deploy(#[from] crate::deploy::DeployError),
    /// There is no stack to run on.
    #[error(transparent)]
    StackFile(#[from] crate::stack_file::StackFileError),
    /// The execution can't be followed, or left something unexpected.
    #[error(transparent)]
    Execution(#[from] crate::execution::ExecutionError),
    /// A call to the local AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A file or directory can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A file or directory that can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// For `map_err`: what could not be done (`"read"`), and to which path.
    pub fn to(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self { action, path, source }
    }
}

/// A call to the local AWS that failed.
#[derive(Debug, thiserror::Error)]
#[error("the local AWS did not {wish}: {reason}")]
pub struct CallError {
    wish: &'static str,
    reason: String,
    code: Option<String>,
}

impl CallError {
    /// For `map_err`: what was asked for, as the rest of the sentence "the local AWS did not …".
    pub fn to<E>(wish: &'static str) -> impl FnOnce(SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        move |error| {
            let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
            let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
            let reason = match (&error, &code, message) {
                (SdkError::DispatchFailure(_) | SdkError::TimeoutError(_), _, _) => "it does not answer".to_owned(),
                (_, Some(code), Some(message)) => format!("{code}: {message}"),
                _ => DisplayErrorContext(&error).to_string(),
            };
            Self { wish, reason, code }
        }
    }

    /// Whether the reason has these words, where the code says too little.
    pub fn says(&self, words: &str) -> bool {
        self.reason.contains(words)
    }

    /// The error code that the local AWS answered with, such as `AlreadyExistsException`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}
