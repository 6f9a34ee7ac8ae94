//! The alarm on the total.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::StateValue;
use spillway_aws::CallError;

/// What a run has to know about the alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// The total at which it goes off, in bytes.
    pub threshold_bytes: u64,
    /// The length of one period, in seconds.
    pub period_seconds: u32,
}

pub async fn describe(cloudwatch: &Client, alarm_name: &str) -> Result<Alarm, CallError> {
    let answer = cloudwatch.describe_alarms().alarm_names(alarm_name).send().await;
    let alarms = answer.map_err(CallError::of("DescribeAlarms"))?.metric_alarms.unwrap_or_default();
    let incomplete = || CallError::unexpected("DescribeAlarms", format!("{alarm_name} has no threshold or period"));
    let [alarm] = alarms.as_slice() else {
        return Err(CallError::unexpected("DescribeAlarms", format!("there is no alarm {alarm_name}")));
    };
    Ok(Alarm {
        name: alarm_name.into(),
        state: alarm.state_value.as_ref().map_or("INSUFFICIENT_DATA", StateValue::as_str).into(),
        threshold_bytes: alarm.threshold.ok_or_else(incomplete)? as u64,
        period_seconds: alarm.period.and_then(|period| u32::try_from(period).ok()).ok_or_else(incomplete)?,
    })
}
