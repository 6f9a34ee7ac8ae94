//! What an alarm makes of its datapoints, as CloudWatch documents it ("Using Amazon CloudWatch alarms", "Configuring
//! how alarms treat missing data").

use aws_sdk_cloudwatch::types::{ComparisonOperator, MetricAlarm, StateValue, Statistic};
use jiff::Timestamp;
use serde_json::Value;

use super::reason;

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

/// A value of the metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// How much.
    pub value: f64,
}

/// The state that an evaluation comes to, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The state.
    pub state: StateValue,
    /// Why, in CloudWatch's words.
    pub reason: String,
    /// Why, in JSON.
    pub reason_data: Value,
}

/// A period's datapoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Datapoint {
    /// The period's start, in seconds since the epoch.
    pub(super) start: i64,
    pub(super) value: f64,
}

impl Definition {
    /// The definition of a deployed alarm; the error says what of it isn't evaluated here.
    pub fn of(alarm: &MetricAlarm) -> Result<Self, String> {
        let lacks = |what: &str| format!("it has no {what}");
        // MiniStack takes any number for these, where CloudWatch refuses the alarm.
        let period = alarm.period().ok_or_else(|| lacks("Period"))?;
        if !(matches!(period, 10 | 20 | 30) || (period > 0 && period % 60 == 0)) {
            return Err(format!("Period is {period}, not 10, 20, 30 or a multiple of 60"));
        }
        let periods = alarm.evaluation_periods().ok_or_else(|| lacks("EvaluationPeriods"))?;
        let to_alarm = alarm.datapoints_to_alarm().unwrap_or(periods);
        if !(1..=periods).contains(&to_alarm) || i64::from(periods) * i64::from(period) > LONGEST_RANGE {
            return Err(format!("it wants {to_alarm} of {periods} periods"));
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

    /// The state that `samples` lead to at `now`. Only complete periods count.
    pub fn evaluate(&self, current: &StateValue, samples: &[Sample], now: Timestamp) -> Verdict {
        let points = self.datapoints(samples, now);
        let pattern: Vec<Option<bool>> =
            points.iter().map(|point| point.map(|point| self.breaches(point.value))).collect();
        let state = self.judge(current, &pattern);
        let seen: Vec<Datapoint> = points.into_iter().flatten().take(self.evaluation_periods).collect();
        Verdict { reason: reason::text(self, &state, &seen), reason_data: reason::data(self, &seen, now), state }
    }

    /// The datapoints of the range, newest first; `None` where a period has no value.
    fn datapoints(&self, samples: &[Sample], now: Timestamp) -> Vec<Option<Datapoint>> {
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

    pub(super) fn breaches(&self, value: f64) -> bool {
        match self.comparison {
            ComparisonOperator::GreaterThanThreshold => value > self.threshold,
            ComparisonOperator::LessThanThreshold => value < self.threshold,
            ComparisonOperator::LessThanOrEqualToThreshold => value <= self.threshold,
            _ => value >= self.threshold,
        }
    }

    /// The state for a range of periods, newest first: whether each breaches, `None` where data is missing.
    fn judge(&self, current: &StateValue, range: &[Option<bool>]) -> StateValue {
        let (wanted, to_alarm) = (self.evaluation_periods, self.datapoints_to_alarm);
        let real: Vec<bool> = range.iter().flatten().copied().take(wanted).collect();
        let breaching = real.iter().filter(|breaches| **breaches).count();
        let verdict = |alarm: bool| if alarm { StateValue::Alarm } else { StateValue::Ok };
        if real.len() == wanted || breaching >= to_alarm {
            return verdict(breaching >= to_alarm);
        }
        if real.is_empty() {
            return match self.missing {
                MissingData::Missing => StateValue::InsufficientData,
                MissingData::Ignore => current.clone(),
                MissingData::Breaching => StateValue::Alarm,
                MissingData::NotBreaching => StateValue::Ok,
            };
        }
        // Too few datapoints: missing ones are filled in. A range in which nothing contradicts the alarm alarms early,
        // but not before its oldest datapoint is as old as the datapoints to alarm ("premature alarm state").
        let contradicted = breaching < real.len();
        let ripe = range.iter().rposition(Option::is_some).is_some_and(|oldest| oldest + 1 >= to_alarm);
        match self.missing {
            MissingData::NotBreaching => StateValue::Ok,
            MissingData::Breaching if contradicted => verdict(breaching + wanted - real.len() >= to_alarm),
            MissingData::Missing | MissingData::Ignore if contradicted => StateValue::Ok,
            MissingData::Missing | MissingData::Breaching if ripe => StateValue::Alarm,
            MissingData::Missing | MissingData::Ignore | MissingData::Breaching => current.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use MissingData::{Breaching, Ignore, Missing, NotBreaching};

    fn definition(evaluation_periods: usize, datapoints_to_alarm: usize, missing: MissingData) -> Definition {
        Definition {
            period_seconds: 10,
            evaluation_periods,
            datapoints_to_alarm,
            statistic: Statistic::Maximum,
            comparison: ComparisonOperator::GreaterThanOrEqualToThreshold,
            threshold: 20.0,
            missing,
        }
    }

    /// `range` as CloudWatch's tables write it, newest right: `X` breaches, `0` doesn't, `-` is missing. `expect` is
    /// for missing, ignore, breaching and notBreaching, `r` where the state is retained, which is tried with each.
    #[track_caller]
    fn check(n: usize, m: usize, range: &str, expect: [char; 4]) {
        let pattern: Vec<Option<bool>> =
            range.chars().rev().map(|datapoint| (datapoint != '-').then_some(datapoint == 'X')).collect();
        for (missing, expect) in [Missing, Ignore, Breaching, NotBreaching].into_iter().zip(expect) {
            for current in [StateValue::Ok, StateValue::Alarm, StateValue::InsufficientData] {
                let expect = match expect {
                    'O' => StateValue::Ok,
                    'A' => StateValue::Alarm,
                    'I' => StateValue::InsufficientData,
                    _ => current.clone(),
                };
                let definition = definition(n, m, missing);
                assert_eq!(definition.range(), range.len());
                assert_eq!(definition.judge(&current, &pattern), expect, "{range} with {missing:?} in {current:?}");
            }
        }
    }

    #[test]
    fn three_of_three_as_documented() {
        check(3, 3, "0-X-X", ['O', 'O', 'O', 'O']);
        check(3, 3, "0----", ['O', 'O', 'O', 'O']);
        check(3, 3, "-----", ['I', 'r', 'A', 'O']);
        check(3, 3, "0XX-X", ['A', 'A', 'A', 'A']);
        check(3, 3, "--X--", ['A', 'r', 'A', 'O']);
    }

    #[test]
    fn two_of_three_as_documented() {
        check(3, 2, "0-X-X", ['A', 'A', 'A', 'A']);
        check(3, 2, "00X0X", ['A', 'A', 'A', 'A']);
        check(3, 2, "0-X--", ['O', 'O', 'A', 'O']);
        check(3, 2, "----0", ['O', 'O', 'A', 'O']);
        check(3, 2, "---X-", ['A', 'r', 'A', 'O']);
    }

    #[test]
    fn a_premature_alarm_is_held_back() {
        check(3, 3, "----X", ['r', 'r', 'r', 'O']);
        check(3, 3, "---X-", ['r', 'r', 'r', 'O']);
    }

    #[test]
    fn of_one_period_the_newest_datapoint_in_range_decides() {
        check(1, 1, "0-X", ['A', 'A', 'A', 'A']);
        check(1, 1, "X0-", ['O', 'O', 'O', 'O']);
        check(1, 1, "X--", ['A', 'A', 'A', 'A']);
        check(1, 1, "---", ['I', 'r', 'A', 'O']);
    }

    fn sample(second: i64, value: f64) -> Sample {
        Sample { at: Timestamp::from_second(1_790_000_000 + second).unwrap(), value }
    }

    #[test]
    fn only_complete_periods_count_and_their_statistic_is_compared() {
        let alarm = definition(1, 1, Ignore);
        let samples = [sample(1, 18.0), sample(2, 46.0), sample(3, 18.0), sample(11, 18.0)];
        let at = |second| alarm.evaluate(&StateValue::Ok, &samples, sample(second, 0.0).at).state;
        assert_eq!(at(9), StateValue::Ok);
        assert_eq!(at(10), StateValue::Alarm);
        assert_eq!(at(19), StateValue::Alarm);
        assert_eq!(at(20), StateValue::Ok);
        assert_eq!(at(120), StateValue::Ok);
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
        refused(alarm().evaluation_periods(0), "it wants 0 of 0 periods");
        refused(alarm().evaluation_periods(2).datapoints_to_alarm(3), "it wants 3 of 2 periods");
        refused(alarm().evaluation_periods(i32::MAX), "it wants 2147483647 of 2147483647 periods");
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
            assert_eq!(Definition { statistic, ..definition(1, 1, Ignore) }.summarise(&[4.0, 2.0, 6.0]), expect);
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
            let alarm = Definition { comparison, ..definition(1, 1, Ignore) };
            assert_eq!([19.0, 20.0, 21.0].map(|value| alarm.breaches(value)), expect);
        }
    }
}
