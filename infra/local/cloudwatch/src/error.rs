//! Why an alarm or its action isn't what CloudWatch would make of it.

use spillway_aws::CallError;

use crate::permission::ALARMS_PRINCIPAL;

/// Why an alarm or its action isn't what CloudWatch would make of it.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// MiniStack doesn't answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A filter or an alarm that can't be evaluated here.
    #[error("{name} can't be evaluated locally: {reason}")]
    Unsupported {
        /// The filter or the alarm.
        name: String,
        reason: String,
    },
    #[error("{function} doesn't permit {ALARMS_PRINCIPAL} to invoke it for {alarm_arn}, so the alarm's action fails")]
    Refused { function: String, alarm_arn: String },
}

impl EvaluationError {
    /// For `map_err`: a filter or an alarm, by its name, that can't be evaluated for the reason given.
    pub(crate) fn unsupported(name: Option<&str>) -> impl FnOnce(String) -> Self {
        move |reason| Self::Unsupported { name: name.unwrap_or_default().to_owned(), reason }
    }
}
