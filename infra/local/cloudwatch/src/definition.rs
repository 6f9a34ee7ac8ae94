//! What a deployed alarm watches for, and the datapoints that it sees.

use aws_sdk_cloudwatch::types::{ComparisonOperator, MetricAlarm, Statistic};
use jiff::Timestamp;

/// The shortest period, in seconds. CloudWatch's is ten; this one is for tests, which would otherwise spend most of their
/// time waiting for the end of a period.
pub const SHORTEST_PERIOD: i32 = 2;

/// CloudWatch takes no alarm that looks back further, in seconds.
const LONGEST_RANGE: i64 = 7 * 24 * 60 * 60;

const STATISTICS: [Statistic; 5] =
    [Statistic::Average, Statistic::Maximum, Statistic::Minimum, Statistic::SampleCount, Statistic::Sum];

/// Not the ones of anomaly detection.
const COMPARISONS: [ComparisonOperator; 4] = [
    ComparisonOperator::GreaterThanOrEqualToThreshold,
    ComparisonOperator::GreaterThanThreshold,
    ComparisonOperator::LessThanOrEqualToThreshold,
    ComparisonOperator::LessThanThreshold,
];

/// What an alarm watches for.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The length of one period, in seconds. Periods are aligned to the epoch.
    pub period_seconds: i64,
    /// How many periods are evaluated (N).
    pub evaluation_periods: usize,
    /// How many of them must breach (M).
    pub datapoints_to_alarm: usize,
    /// What becomes of a period's values.
    pub statistic: Statistic,
    /// When a datapoint breaches.
    pub comparison: ComparisonOperator,
    /// What it is compared with.
    pub threshold: f64,
    /// What a period without values counts as.
    pub missing: MissingData,
}

/// `TreatMissingData`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingData {
    /// Nothing is known.
    Missing,
    /// The state stays what it is.
    Ignore,
    /// It breaches.
    Breaching,
    /// It doesn't.
    NotBreaching,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// How much.
    pub value: f64,
}

/// A period's datapoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Datapoint {
    /// The period's start, in seconds since the epoch.
    pub(crate) start: i64,
    pub(crate) value: f64,
}

impl Definition {
    /// The definition of a deployed alarm; the error says what of it isn't evaluated here.
    pub fn of(alarm: &MetricAlarm) -> Result<Self, String> {
        let lacks = |what: &str| format!("it has no {what}");
        // MiniStack takes any number for these, where CloudWatch refuses the alarm.
        let period = alarm.period().ok_or_else(|| lacks("Period"))?;
        if !(matches!(period, SHORTEST_PERIOD | 10 | 20 | 30) || (period > 0 && period % 60 == 0)) {
            return Err(format!("Period is {period}, not 10, 20, 30 or a multiple of 60"));
        }
        let periods = alarm.evaluation_periods().ok_or_else(|| lacks("EvaluationPeriods"))?;
        let to_alarm = alarm.datapoints_to_alarm().unwrap_or(periods);
        if !(1..=periods).contains(&to_alarm) || i64::from(periods) * i64::from(period) > LONGEST_RANGE {
            return Err(format!("DatapointsToAlarm is {to_alarm}, and EvaluationPeriods is {periods}"));
        }
        if let Some(extended) = alarm.extended_statistic() {
            // MiniStack says Average beside it.
            return Err(format!("ExtendedStatistic is {extended}"));
        }
        let statistic = alarm.statistic().cloned().ok_or_else(|| lacks("Statistic"))?;
        if !STATISTICS.contains(&statistic) {
            return Err(format!("Statistic is {statistic}"));
        }
        let comparison = alarm.comparison_operator().cloned().ok_or_else(|| lacks("ComparisonOperator"))?;
        if !COMPARISONS.contains(&comparison) {
            return Err(format!("ComparisonOperator is {comparison}"));
        }
        Ok(Self {
            period_seconds: period.into(),
            evaluation_periods: periods as usize,
            datapoints_to_alarm: to_alarm as usize,
            statistic,
            comparison,
            threshold: alarm.threshold().ok_or_else(|| lacks("Threshold"))?,
            missing: match alarm.treat_missing_data() {
                None | Some("missing") => MissingData::Missing,
                Some("ignore") => MissingData::Ignore,
                Some("breaching") => MissingData::Breaching,
                Some("notBreaching") => MissingData::NotBreaching,
                Some(other) => return Err(format!("TreatMissingData is {other}")),
            },
        })
    }

    /// How many periods are looked at to find `evaluation_periods` datapoints: documented as 5 for 3.
    pub fn range(&self) -> usize {
        self.evaluation_periods + 2
    }

    /// The datapoints of the range, newest first; `None` where a period has no value.
    pub(crate) fn datapoints(&self, samples: &[Sample], now: Timestamp) -> Vec<Option<Datapoint>> {
        let current = now.as_second().div_euclid(self.period_seconds);
        let datapoint = |age: usize| {
            let start = (current - 1 - age as i64) * self.period_seconds;
            let within =
                |sample: &&Sample| sample.at.as_second().div_euclid(self.period_seconds) * self.period_seconds == start;
            let values: Vec<f64> = samples.iter().filter(within).map(|sample| sample.value).collect();
            (!values.is_empty()).then(|| Datapoint { start, value: self.summarise(&values) })
        };
        (0..self.range()).map(datapoint).collect()
    }

    fn summarise(&self, values: &[f64]) -> f64 {
        let sum: f64 = values.iter().sum();
        match self.statistic {
            Statistic::Minimum => values.iter().copied().fold(f64::INFINITY, f64::min),
            Statistic::Maximum => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Statistic::Sum => sum,
            Statistic::SampleCount => values.len() as f64,
            _ => sum / values.len() as f64,
        }
    }

    pub(crate) fn breaches(&self, value: f64) -> bool {
        match self.comparison {
            ComparisonOperator::GreaterThanThreshold => value > self.threshold,
            ComparisonOperator::LessThanThreshold => value < self.threshold,
            ComparisonOperator::LessThanOrEqualToThreshold => value <= self.threshold,
            _ => value >= self.threshold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> Definition {
        Definition {
            period_seconds: 10,
            evaluation_periods: 1,
            datapoints_to_alarm: 1,
            statistic: Statistic::Maximum,
            comparison: ComparisonOperator::GreaterThanOrEqualToThreshold,
            threshold: 20.0,
            missing: MissingData::Ignore,
        }
    }

    #[track_caller]
    fn refused(alarm: aws_sdk_cloudwatch::types::builders::MetricAlarmBuilder, reason: &str) {
        assert_eq!(Definition::of(&alarm.build()), Err(reason.to_owned()));
    }

    #[test]
    fn a_definition_that_cloudwatch_or_the_runner_does_not_take_is_refused() {
        let alarm = || {
            let alarm = MetricAlarm::builder().period(10).evaluation_periods(1).statistic(Statistic::Maximum);
            alarm.comparison_operator(ComparisonOperator::GreaterThanThreshold).threshold(20.0)
        };
        assert!(Definition::of(&alarm().build()).is_ok());
        refused(alarm().period(0), "Period is 0, not 10, 20, 30 or a multiple of 60");
        refused(alarm().period(-60), "Period is -60, not 10, 20, 30 or a multiple of 60");
        refused(alarm().evaluation_periods(0), "DatapointsToAlarm is 0, and EvaluationPeriods is 0");
        refused(
            alarm().evaluation_periods(2).datapoints_to_alarm(3),
            "DatapointsToAlarm is 3, and EvaluationPeriods is 2",
        );
        refused(
            alarm().evaluation_periods(i32::MAX),
            "DatapointsToAlarm is 2147483647, and EvaluationPeriods is 2147483647",
        );
        refused(alarm().statistic(Statistic::Average).extended_statistic("p99"), "ExtendedStatistic is p99");
        refused(
            alarm().comparison_operator(ComparisonOperator::LessThanLowerThreshold),
            "ComparisonOperator is LessThanLowerThreshold",
        );
        refused(alarm().treat_missing_data("sometimes"), "TreatMissingData is sometimes");
        refused(MetricAlarm::builder(), "it has no Period");
    }

    #[test]
    fn a_statistic_makes_one_datapoint_of_a_period() {
        for (statistic, expect) in STATISTICS.into_iter().zip([4.0, 6.0, 2.0, 3.0, 12.0]) {
            assert_eq!(Definition { statistic, ..definition() }.summarise(&[4.0, 2.0, 6.0]), expect);
        }
    }

    #[test]
    fn a_value_at_the_threshold_breaches_where_the_operator_says_equal() {
        for (comparison, expect) in COMPARISONS.into_iter().zip([
            [false, true, true],
            [false, false, true],
            [true, true, false],
            [true, false, false],
        ]) {
            let alarm = Definition { comparison, ..definition() };
            assert_eq!([19.0, 20.0, 21.0].map(|value| alarm.breaches(value)), expect);
        }
    }
}
