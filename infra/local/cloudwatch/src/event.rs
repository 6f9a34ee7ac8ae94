//! What an alarm tells its Lambda action ("Invoke a Lambda function from an alarm").

use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::alarm::Verdict;

/// The event of a change from the state that `alarm` was described in to that of `verdict`.
pub fn alarm_event(alarm: &MetricAlarm, verdict: &Verdict, at: Timestamp) -> Value {
    let arn = alarm.alarm_arn().unwrap_or_default();
    let mut parts = arn.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let previous_at = alarm.state_updated_timestamp().and_then(|at| at.to_millis().ok());
    let previous_at = previous_at.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or_default();
    let dimensions: serde_json::Map<String, Value> = alarm
        .dimensions()
        .iter()
        .map(|dimension| (dimension.name().unwrap_or_default().to_owned(), json!(dimension.value())))
        .collect();
    let mut event = json!({
        "source": "aws.cloudwatch",
        "alarmArn": arn,
        "accountId": account,
        "time": time(at),
        "region": region,
        "alarmData": {
            "alarmName": alarm.alarm_name(),
            "state": {
                "value": verdict.state.as_str(),
                "reason": verdict.reason,
                "reasonData": verdict.reason_data.to_string(),
                "timestamp": time(at),
            },
            "previousState": {
                "value": alarm.state_value().map_or("INSUFFICIENT_DATA", StateValue::as_str),
                "reason": alarm.state_reason(),
                "reasonData": alarm.state_reason_data(),
                "timestamp": time(previous_at),
            },
            "configuration": {
                "description": alarm.alarm_description(),
                "metrics": [{
                    "id": "m1",
                    "metricStat": {
                        "metric": { "namespace": alarm.namespace(), "name": alarm.metric_name(), "dimensions": dimensions },
                        "period": alarm.period(),
                        "stat": alarm.statistic().map(|statistic| statistic.as_str()),
                    },
                    "returnData": true,
                }],
            },
        },
    });
    // A state that has none leaves it out, like a new alarm's.
    if alarm.state_reason_data().is_none() {
        event["alarmData"]["previousState"].as_object_mut().map(|state| state.remove("reasonData"));
    }
    event
}

/// As the documentation's example has it: `2023-08-04T12:36:15.490+0000`.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::primitives::DateTime;
    use spillway_contracts::alarm::AlarmEvent;

    use super::*;

    #[test]
    fn the_event_is_the_documented_one() {
        let alarm = MetricAlarm::builder()
            .alarm_name("total")
            .alarm_arn("arn:aws:cloudwatch:us-east-1:000000000000:alarm:total")
            .namespace("Spillway")
            .metric_name("CurrentTotalSize")
            .period(10)
            .state_value(StateValue::Ok)
            .state_reason("before")
            .state_updated_timestamp(DateTime::from_millis(1_790_000_000_250))
            .build();
        let verdict =
            Verdict { state: StateValue::Alarm, reason: "why".to_owned(), reason_data: json!({ "version": "1.0" }) };
        let event = alarm_event(&alarm, &verdict, Timestamp::from_millisecond(1_790_000_010_500).unwrap());
        assert_eq!(
            event,
            json!({
                "source": "aws.cloudwatch",
                "alarmArn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:total",
                "accountId": "000000000000",
                "time": "2026-09-21T14:13:30.500+0000",
                "region": "us-east-1",
                "alarmData": {
                    "alarmName": "total",
                    "state": {
                        "value": "ALARM", "reason": "why", "reasonData": "{\"version\":\"1.0\"}",
                        "timestamp": "2026-09-21T14:13:30.500+0000",
                    },
                    "previousState": {
                        "value": "OK", "reason": "before", "timestamp": "2026-09-21T14:13:20.250+0000",
                    },
                    "configuration": {
                        "description": null,
                        "metrics": [{
                            "id": "m1",
                            "metricStat": {
                                "metric": { "namespace": "Spillway", "name": "CurrentTotalSize", "dimensions": {} },
                                "period": 10,
                                "stat": null,
                            },
                            "returnData": true,
                        }],
                    },
                },
            })
        );
        serde_json::from_value::<AlarmEvent>(event).unwrap();
    }
}
