//! The alarm on the total, which acts when it goes off and not while it goes on.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use jiff::{SignedDuration, Timestamp};
use spillway_aws::CallError;

/// How long CloudWatch may take from the alarm's going off to the invocation of the cleaner.
const UNDER_WAY: SignedDuration = SignedDuration::from_mins(1);

#[derive(Debug)]
pub struct TotalSizeAlarm {
    pub cloudwatch: Client,
    pub name: String,
}

impl TotalSizeAlarm {
    /// Whether it has gone off for so long that it won't invoke the cleaner any more: not before it has been OK again, which it
    /// never is while the bucket is filled up again within each of its periods. If CloudWatch can't be asked, it may still.
    pub async fn has_spoken(&self, now: Timestamp) -> bool {
        match self.describe().await {
            Ok(alarm) => alarm.as_ref().and_then(went_off).is_some_and(|at| now.duration_since(at) > UNDER_WAY),
            Err(error) => {
                tracing::warn!(%error, "the alarm's state is not known, so the schedule waits for it");
                false
            }
        }
    }

    async fn describe(&self) -> Result<Option<MetricAlarm>, CallError> {
        let answer = self.cloudwatch.describe_alarms().alarm_names(&self.name).send().await;
        Ok(answer.map_err(CallError::of("DescribeAlarms"))?.metric_alarms.unwrap_or_default().pop())
    }
}

/// Since when the alarm has been in ALARM, if it is.
fn went_off(alarm: &MetricAlarm) -> Option<Timestamp> {
    alarm.state_value.as_ref().filter(|state| **state == StateValue::Alarm)?;
    let at = alarm.state_transitioned_timestamp.or(alarm.state_updated_timestamp)?;
    Timestamp::from_millisecond(at.to_millis().ok()?).ok()
}
