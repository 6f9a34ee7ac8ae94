//! What an alarm makes of its datapoints, as CloudWatch documents it ("Using Amazon CloudWatch alarms", "Configuring
//! how alarms treat missing data").

use aws_sdk_cloudwatch::types::StateValue;
use jiff::Timestamp;
use serde_json::Value;

use crate::definition::{Datapoint, Definition, MissingData, Sample};
use crate::reason;

/// The state that an evaluation comes to, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub state: StateValue,
    /// Why, in CloudWatch's words.
    pub reason: String,
    /// Why, in JSON.
    pub reason_data: Value,
}

impl Definition {
    /// The state that `samples` lead to at `now`. Only complete periods count.
    pub fn evaluate(&self, current: &StateValue, samples: &[Sample], now: Timestamp) -> Verdict {
        let points = self.datapoints(samples, now);
        let pattern: Vec<Option<bool>> =
            points.iter().map(|point| point.map(|point| self.breaches(point.value))).collect();
        let state = self.judge(current, &pattern);
        let seen: Vec<Datapoint> = points.into_iter().flatten().take(self.evaluation_periods).collect();
        Verdict { reason: reason::text(self, &state, &seen), reason_data: reason::data(self, &seen, now), state }
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
    use aws_sdk_cloudwatch::types::{ComparisonOperator, Statistic};

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
}
