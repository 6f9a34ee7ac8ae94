//! The alarm on the total, which acts when it goes off and not while it goes on.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::StateValue;
use jiff::{SignedDuration, Timestamp};
use spillway_aws::CallError;
use spillway_contracts::usage::AlarmStanding;

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
        match self.standing().await {
            Ok(standing) => {
                let went_off = standing.filter(|it| it.state == StateValue::Alarm.as_str()).and_then(|it| it.since);
                went_off.is_some_and(|at| now.duration_since(at) > UNDER_WAY)
            }
            Err(error) => {
                tracing::warn!(%error, "the alarm's state is not known, so the schedule waits for it");
                false
            }
        }
    }

    /// What CloudWatch says of it; nothing if there is no such alarm.
    pub async fn standing(&self) -> Result<Option<AlarmStanding>, CallError> {
        let answer = self.cloudwatch.describe_alarms().alarm_names(&self.name).send().await;
        let alarms = answer.map_err(CallError::of("DescribeAlarms"))?.metric_alarms.unwrap_or_default();
        let Some(alarm) = alarms.into_iter().next() else { return Ok(None) };
        let changed_at = alarm.state_transitioned_timestamp.or(alarm.state_updated_timestamp);
        let since = changed_at.and_then(|at| at.to_millis().ok()).and_then(|at| Timestamp::from_millisecond(at).ok());
        let state = alarm.state_value.as_ref().map_or("INSUFFICIENT_DATA", StateValue::as_str).to_owned();
        Ok(Some(AlarmStanding { name: self.name.clone(), state, since }))
    }
}
