//! Looks once whether the alarm is back to OK.
//!
//! Changes nothing; asked twice, it answers twice.

mod verdict;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::StateValue;
use jiff::Timestamp;
use spillway_aws::CallError;
use spillway_contracts::task::{WaitForAlarmOkRequest, WaitForAlarmOkResponse};
use spillway_contracts::{ErrorName, Failure};

#[derive(Debug)]
pub struct Deps {
    pub cloudwatch: Client,
    pub alarm_name: String,
}

/// Why the wait is over without an OK.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("by {deadline} the alarm should have been OK, but it has been in {state} since {state_since}: {reason}")]
    Deadline {
        /// When the run gave up.
        deadline: Timestamp,
        state: String,
        state_since: Timestamp,
        /// Why, in CloudWatch's words.
        reason: String,
    },
    /// The alarm did not go off, so it did not see the total at or above the threshold.
    #[error(
        "by {deadline} the alarm should have gone off and been OK again after {settled_at}, when the total had fallen, but it \
         has been in {state} since {state_since}; see whether size-tracking's log reaches the metric filter"
    )]
    DidNotGoOff {
        /// When the run gave up.
        deadline: Timestamp,
        /// When the total had fallen.
        settled_at: Timestamp,
        state: String,
        state_since: Timestamp,
    },
    /// The alarm can't be read.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let name = match &error {
            Error::Deadline { .. } => ErrorName::AlarmDeadlinePassed,
            Error::DidNotGoOff { .. } => ErrorName::AlarmDidNotGoOff,
            Error::Call(error) => error.name(),
        };
        Self { name, message: error.to_string() }
    }
}

/// Says what the alarm says.
pub async fn handle(
    deps: &Deps,
    request: WaitForAlarmOkRequest,
    now: Timestamp,
) -> Result<WaitForAlarmOkResponse, Error> {
    let answer = deps.cloudwatch.describe_alarms().alarm_names(&deps.alarm_name).send().await;
    let alarms = answer.map_err(CallError::of("DescribeAlarms"))?.metric_alarms.unwrap_or_default();
    let [alarm] = alarms.as_slice() else {
        return Err(CallError::unexpected("DescribeAlarms", format!("there is no alarm {}", deps.alarm_name)).into());
    };
    let state = alarm.state_value.as_ref().map_or("INSUFFICIENT_DATA", StateValue::as_str).to_owned();
    let changed_at = alarm.state_transitioned_timestamp.or(alarm.state_updated_timestamp);
    let since = changed_at.and_then(|at| at.to_millis().ok());
    let state_since = since.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or_default();
    let reason = alarm.state_reason.as_deref().unwrap_or_default();
    verdict::judge(&request, WaitForAlarmOkResponse { done: false, state, state_since }, reason, now)
}
