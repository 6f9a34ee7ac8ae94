//! What a failed call to AWS means.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use spillway_contracts::ErrorName;

/// A call to AWS that failed, after the SDK's own retries.
#[derive(Debug, thiserror::Error)]
#[error("{call} failed: {reason}")]
pub struct CallError {
    call: &'static str,
    code: Option<String>,
    status: Option<u16>,
    reason: String,
    is_unsendable: bool,
}

impl CallError {
    /// For `map_err`: the error of the API operation `call`, such as `PutObject`.
    pub fn of<E>(call: &'static str) -> impl FnOnce(SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        move |error| {
            let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
            let status = error.raw_response().map(|response| response.status().as_u16());
            let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
            let reason = match (&error, &code, message) {
                (_, Some(code), Some(message)) => format!("{code}: {message}"),
                (SdkError::DispatchFailure(_) | SdkError::TimeoutError(_), ..) => {
                    format!("there was no answer: {}", DisplayErrorContext(&error))
                }
                _ => DisplayErrorContext(&error).to_string(),
            };
            let is_unsendable = matches!(error, SdkError::ConstructionFailure(_));
            Self { call, code, status, reason, is_unsendable }
        }
    }

    /// A call that AWS did not answer in time.
    pub fn unanswered(call: &'static str) -> Self {
        let reason = "there was no answer in time".to_owned();
        Self { call, code: None, status: None, reason, is_unsendable: false }
    }

    /// A call that AWS answered, but not with what its documentation promises.
    pub fn unexpected(call: &'static str, reason: impl Into<String>) -> Self {
        Self { call, code: None, status: Some(200), reason: reason.into(), is_unsendable: false }
    }

    /// The error code that AWS answered with, such as `NoSuchKey`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The HTTP status that AWS answered with; `None` if it didn't answer.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether the SDK can't send such a call, as it is with a key of white space alone.
    pub fn is_unsendable(&self) -> bool {
        self.is_unsendable
    }

    /// Whether the reason has these words, where the code says too little.
    pub fn says(&self, words: &str) -> bool {
        self.reason.contains(words)
    }

    /// `ServiceUnavailable` if the same call may succeed later; otherwise `Internal`.
    pub fn name(&self) -> ErrorName {
        let throttled = self.code().is_some_and(|code| code.contains("Throttl") || code.contains("Exceeded"));
        match self.status {
            None if self.is_unsendable => ErrorName::Internal,
            None | Some(429 | 500..) => ErrorName::ServiceUnavailable,
            Some(_) if throttled || self.code() == Some("SlowDown") => ErrorName::ServiceUnavailable,
            Some(_) => ErrorName::Internal,
        }
    }
}
