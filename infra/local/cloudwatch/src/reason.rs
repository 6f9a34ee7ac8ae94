//! Why an alarm is in its state, in the words that CloudWatch has for it.

use aws_sdk_cloudwatch::types::{ComparisonOperator, StateValue};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::definition::{Datapoint, Definition, MissingData};

/// In words.
pub(crate) fn text(alarm: &Definition, state: &StateValue, seen: &[Datapoint]) -> String {
    if seen.is_empty() {
        return of_silence(alarm);
    }
    let crosses = |point: &&Datapoint| alarm.breaches(point.value) == (*state == StateValue::Alarm);
    let count = seen.iter().filter(crosses).count();
    let points: Vec<String> =
        seen.iter().map(|point| format!("{:?} ({})", point.value, day_first(point.start))).collect();
    let comparison = match alarm.comparison {
        ComparisonOperator::GreaterThanThreshold => "greater than",
        ComparisonOperator::LessThanThreshold => "less than",
        ComparisonOperator::LessThanOrEqualToThreshold => "less than or equal to",
        _ => "greater than or equal to",
    };
    let (not, minimum, transition) = match state {
        StateValue::Alarm => ("", alarm.datapoints_to_alarm, "OK -> ALARM"),
        _ => ("not ", alarm.evaluation_periods + 1 - alarm.datapoints_to_alarm, "ALARM -> OK"),
    };
    format!(
        "Threshold Crossed: {count} out of the last {} datapoints [{}] {} {not}{comparison} the threshold ({:?}) \
             (minimum {minimum} {} for {transition} transition).",
        alarm.evaluation_periods,
        points.join(", "),
        plural(count, "was", "were"),
        alarm.threshold,
        plural(minimum, "datapoint", "datapoints"),
    )
}

/// In JSON.
pub(crate) fn data(alarm: &Definition, seen: &[Datapoint], now: Timestamp) -> Value {
    let evaluated = seen.iter().map(|point| json!({ "timestamp": iso(point.start), "value": point.value }));
    let mut data = json!({
        "version": "1.0",
        "queryDate": iso(now.as_second()),
        "statistic": alarm.statistic.as_str(),
        "period": alarm.period_seconds,
        "recentDatapoints": seen.iter().rev().map(|point| point.value).collect::<Vec<_>>(),
        "threshold": alarm.threshold,
        "evaluatedDatapoints": evaluated.collect::<Vec<_>>(),
    });
    // CloudWatch leaves it out when there is no datapoint.
    if let Some(oldest) = seen.last() {
        data["startDate"] = iso(oldest.start).into();
    }
    data
}

/// When no datapoint is in the range.
fn of_silence(alarm: &Definition) -> String {
    let periods = alarm.evaluation_periods;
    let treated = match alarm.missing {
        MissingData::Missing | MissingData::Ignore => {
            return format!(
                "Insufficient Data: {periods} {} unknown.",
                plural(periods, "datapoint was", "datapoints were")
            );
        }
        MissingData::Breaching => "Breaching",
        MissingData::NotBreaching => "NonBreaching",
    };
    format!(
        "Threshold Crossed: no datapoints were received for {periods} {} and {periods} missing {} treated as [{treated}].",
        plural(periods, "period", "periods"),
        plural(periods, "datapoint was", "datapoints were"),
    )
}

fn plural(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

fn day_first(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or_default().strftime("%d/%m/%y %H:%M:%S").to_string()
}

fn iso(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::types::Statistic;

    use super::*;
    use crate::definition::Sample;

    /// At 20 and above, in `evaluation_periods` of ten seconds.
    fn definition(evaluation_periods: usize, missing: MissingData) -> Definition {
        Definition {
            period_seconds: 10,
            evaluation_periods,
            datapoints_to_alarm: evaluation_periods,
            statistic: Statistic::Maximum,
            comparison: ComparisonOperator::GreaterThanOrEqualToThreshold,
            threshold: 20.0,
            missing,
        }
    }

    fn sample(second: i64, value: f64) -> Sample {
        Sample { at: Timestamp::from_second(1_790_000_000 + second).unwrap(), value }
    }

    #[track_caller]
    fn check(alarm: &Definition, samples: &[Sample], second: i64, expect: &str) {
        assert_eq!(alarm.evaluate(&StateValue::Ok, samples, sample(second, 0.0).at).reason, expect);
    }

    #[test]
    fn silence_is_said_to_be_treated_as_the_alarm_wants() {
        check(&definition(1, MissingData::Missing), &[], 0, "Insufficient Data: 1 datapoint was unknown.");
        check(&definition(3, MissingData::Missing), &[], 0, "Insufficient Data: 3 datapoints were unknown.");
        check(
            &definition(1, MissingData::Breaching),
            &[],
            0,
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [Breaching].",
        );
        check(
            &definition(3, MissingData::NotBreaching),
            &[],
            0,
            "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as \
             [NonBreaching].",
        );
    }

    #[test]
    fn recovery_names_the_datapoints_that_do_not_breach() {
        check(
            &definition(1, MissingData::Ignore),
            &[sample(1, 46.0), sample(11, 18.0)],
            20,
            "Threshold Crossed: 1 out of the last 1 datapoints [18.0 (21/09/26 14:13:30)] was not greater than or equal to \
             the threshold (20.0) (minimum 1 datapoint for ALARM -> OK transition).",
        );
    }

    #[test]
    fn the_reason_is_in_cloudwatchs_words() {
        let alarm = definition(1, MissingData::Ignore);
        let verdict = alarm.evaluate(&StateValue::Ok, &[sample(1, 46.0)], sample(10, 0.0).at);
        assert_eq!(
            verdict.reason,
            "Threshold Crossed: 1 out of the last 1 datapoints [46.0 (21/09/26 14:13:20)] was greater than or equal to \
             the threshold (20.0) (minimum 1 datapoint for OK -> ALARM transition)."
        );
        assert_eq!(
            verdict.reason_data,
            json!({
                "version": "1.0", "queryDate": "2026-09-21T14:13:30.000+0000", "startDate": "2026-09-21T14:13:20.000+0000",
                "statistic": "Maximum", "period": 10, "recentDatapoints": [46.0], "threshold": 20.0,
                "evaluatedDatapoints": [{ "timestamp": "2026-09-21T14:13:20.000+0000", "value": 46.0 }],
            })
        );
    }
}
