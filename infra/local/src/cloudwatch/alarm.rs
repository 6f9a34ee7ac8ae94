//! What an alarm makes of its datapoints, as CloudWatch documents it ("Using Amazon CloudWatch alarms", "Configuring
//! how alarms treat missing data").

use aws_sdk_cloudwatch::types::{ComparisonOperator, MetricAlarm, StateValue, Statistic};
use jiff::Timestamp;
use serde_json::{Value, json};

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
struct Datapoint {
    start: i64,
    value: f64,
}

impl Definition {
    /// The definition of a deployed alarm; the error says what of it isn't evaluated here.
    pub fn of(alarm: &MetricAlarm) -> Result<Self, String> {
        let lacks = |what: &str| format!("it has no {what}");
        let periods = alarm.evaluation_periods().ok_or_else(|| lacks("EvaluationPeriods"))? as usize;
        Ok(Self {
            period_seconds: alarm.period().ok_or_else(|| lacks("Period"))?.into(),
            evaluation_periods: periods,
            datapoints_to_alarm: alarm.datapoints_to_alarm().map_or(periods, |count| count as usize),
            statistic: alarm.statistic().cloned().ok_or_else(|| lacks("Statistic"))?,
            comparison: alarm.comparison_operator().cloned().ok_or_else(|| lacks("ComparisonOperator"))?,
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
        Verdict { reason: self.reason(&state, &seen), reason_data: self.reason_data(&seen, now), state }
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

    fn breaches(&self, value: f64) -> bool {
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

    fn reason(&self, state: &StateValue, seen: &[Datapoint]) -> String {
        if seen.is_empty() {
            return format!("Insufficient Data: {} datapoints were unknown.", self.evaluation_periods);
        }
        let crosses = |point: &&Datapoint| self.breaches(point.value) == (*state == StateValue::Alarm);
        let count = seen.iter().filter(crosses).count();
        let points: Vec<String> =
            seen.iter().map(|point| format!("{:?} ({})", point.value, day_first(point.start))).collect();
        let comparison = match self.comparison {
            ComparisonOperator::GreaterThanThreshold => "greater than",
            ComparisonOperator::LessThanThreshold => "less than",
            ComparisonOperator::LessThanOrEqualToThreshold => "less than or equal to",
            _ => "greater than or equal to",
        };
        let (not, minimum, transition) = match state {
            StateValue::Alarm => ("", self.datapoints_to_alarm, "OK -> ALARM"),
            _ => ("not ", self.evaluation_periods + 1 - self.datapoints_to_alarm, "ALARM -> OK"),
        };
        let plural = |count: usize, one: &'static str, many: &'static str| if count == 1 { one } else { many };
        format!(
            "Threshold Crossed: {count} out of the last {} datapoints [{}] {} {not}{comparison} the threshold ({:?}) \
             (minimum {minimum} {} for {transition} transition).",
            self.evaluation_periods,
            points.join(", "),
            plural(count, "was", "were"),
            self.threshold,
            plural(minimum, "datapoint", "datapoints"),
        )
    }

    fn reason_data(&self, seen: &[Datapoint], now: Timestamp) -> Value {
        let evaluated = seen.iter().map(|point| json!({ "timestamp": iso(point.start), "value": point.value }));
        json!({
            "version": "1.0",
            "queryDate": iso(now.as_second()),
            "startDate": seen.last().map(|oldest| iso(oldest.start)),
            "statistic": self.statistic.as_str(),
            "period": self.period_seconds,
            "recentDatapoints": seen.iter().rev().map(|point| point.value).collect::<Vec<_>>(),
            "threshold": self.threshold,
            "evaluatedDatapoints": evaluated.collect::<Vec<_>>(),
        })
    }
}

fn day_first(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or_default().strftime("%d/%m/%y %H:%M:%S").to_string()
}

fn iso(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
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

    #[test]
    fn the_reason_is_in_cloudwatchs_words() {
        let alarm = definition(1, 1, Ignore);
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
