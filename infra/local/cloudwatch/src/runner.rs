//! Does what CloudWatch would: at the end of each period, applies the deployed metric filters to the log groups, and
//! evaluates the alarms on their metrics.
//!
//! Nothing is kept between two evaluations: each reads the lines of its range again, so that none counts twice and a late
//! one still counts. CloudWatch evaluates alarms with a period below a minute every ten seconds, and the others every
//! minute; those with a period that only exists here are evaluated at the end of each.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use aws_sdk_cloudwatchlogs::types::MetricFilter;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use jiff::Timestamp;
use spillway_aws::CallError;

use crate::alarm::Verdict;
use crate::definition::{Definition, SHORTEST_PERIOD};
use crate::error::EvaluationError;
use crate::event::alarm_event;
use crate::metric::{self, Metric};
use crate::permission::permits;
use crate::source::Source;

/// Between the end of a period and its evaluation: lines that were written before it have arrived by then.
const SETTLING: Duration = Duration::from_millis(500);

/// What it works with.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Has the metric filters and the lines.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Has the alarms.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// Has the alarms' actions.
    pub lambda: aws_sdk_lambda::Client,
}

/// Evaluates until it is dropped. `problem` hears of what goes wrong, once as long as it stays the same.
pub async fn run(clients: Clients, problem: impl Fn(&EvaluationError)) {
    let mut told = HashSet::new();
    loop {
        let now = until_next_evaluation().await;
        let problems = clients.evaluate_all(now).await;
        let mut seen = HashSet::new();
        for it in &problems {
            // One filter can be in the way of its alarms and of its metric.
            if seen.insert(it.to_string()) && !told.contains(&it.to_string()) {
                problem(it);
            }
        }
        told = seen;
    }
}

/// Waits until the end of a shortest period has settled, and gives that moment.
async fn until_next_evaluation() -> Timestamp {
    let (settling, period) = (SETTLING.as_millis() as i64, i64::from(SHORTEST_PERIOD) * 1000);
    let next = ((Timestamp::now().as_millisecond() - settling).div_euclid(period) + 1) * period;
    let wait = next + settling - Timestamp::now().as_millisecond();
    tokio::time::sleep(Duration::from_millis(wait.max(0) as u64)).await;
    Timestamp::from_millisecond(next).unwrap_or_else(|_| Timestamp::now())
}

/// Whether CloudWatch would evaluate the alarm at `now`.
fn is_due(alarm: &MetricAlarm, now: Timestamp) -> bool {
    let interval = match alarm.period().unwrap_or(60) {
        period @ SHORTEST_PERIOD..10 => period,
        10..60 => 10,
        _ => 60,
    };
    now.as_second() % i64::from(interval) == 0
}

impl Clients {
    /// Evaluates what is due at `now`. What goes wrong with one alarm or filter keeps no other from its evaluation.
    async fn evaluate_all(&self, now: Timestamp) -> Vec<EvaluationError> {
        let (filters, alarms) = match self.deployed().await {
            Ok(deployed) => deployed,
            Err(error) => return vec![error.into()],
        };
        let mut problems = Vec::new();
        for alarm in &alarms {
            let sources: Vec<&MetricFilter> = filters.iter().filter(|filter| metric::feeds(filter, alarm)).collect();
            if is_due(alarm, now) && !sources.is_empty() {
                problems.extend(self.evaluate(alarm, &sources, now).await.unwrap_or_else(|error| vec![error]));
            }
        }
        for metric in metric::all(&filters, &alarms) {
            if let Err(error) = self.publish(&metric, now).await {
                problems.push(error);
            }
        }
        problems
    }

    async fn deployed(&self) -> Result<(Vec<MetricFilter>, Vec<MetricAlarm>), CallError> {
        let filters = self.logs.describe_metric_filters().into_paginator().items().send();
        let filters = filters.collect::<Result<_, _>>().await.map_err(CallError::of("DescribeMetricFilters"))?;
        let alarms = self.cloudwatch.describe_alarms().into_paginator().send();
        let pages: Vec<_> = alarms.collect::<Result<_, _>>().await.map_err(CallError::of("DescribeAlarms"))?;
        Ok((filters, pages.into_iter().flat_map(|page| page.metric_alarms.unwrap_or_default()).collect()))
    }

    /// What goes wrong after the state has changed is given back beside it.
    async fn evaluate(
        &self,
        alarm: &MetricAlarm,
        filters: &[&MetricFilter],
        now: Timestamp,
    ) -> Result<Vec<EvaluationError>, EvaluationError> {
        let definition = Definition::of(alarm).map_err(EvaluationError::unsupported(alarm.alarm_name()))?;
        let end = now.as_second().div_euclid(definition.period_seconds) * definition.period_seconds;
        let start = end - definition.range() as i64 * definition.period_seconds;
        let mut samples = Vec::new();
        for filter in filters {
            samples.extend(Source::of(filter)?.samples(&self.logs, start, end).await?);
        }
        let current = alarm.state_value().cloned().unwrap_or(StateValue::InsufficientData);
        let verdict = definition.evaluate(&current, &samples, now);
        if verdict.state == current { Ok(Vec::new()) } else { self.enter(alarm, &verdict).await }
    }

    /// Has everybody see the new state, and does what the alarm does on entering it.
    ///
    /// MiniStack then tells the SNS topics among the actions, which are none of the runner's business.
    async fn enter(&self, alarm: &MetricAlarm, verdict: &Verdict) -> Result<Vec<EvaluationError>, EvaluationError> {
        let event = alarm_event(alarm, verdict, Timestamp::now()).to_string();
        let request = self.cloudwatch.set_alarm_state().set_alarm_name(alarm.alarm_name.clone());
        let request = request.state_value(verdict.state.clone()).state_reason(&verdict.reason);
        let request = request.state_reason_data(verdict.reason_data.to_string());
        request.send().await.map_err(CallError::of("SetAlarmState"))?;
        let actions = match verdict.state {
            _ if alarm.actions_enabled() == Some(false) => return Ok(Vec::new()),
            StateValue::Alarm => alarm.alarm_actions(),
            StateValue::Ok => alarm.ok_actions(),
            _ => alarm.insufficient_data_actions(),
        };
        let mut problems = Vec::new();
        for function in actions.iter().filter(|arn| arn.starts_with("arn:aws:lambda:")) {
            if let Err(error) = self.invoke(function, alarm.alarm_arn().unwrap_or_default(), &event).await {
                problems.push(error);
            }
        }
        Ok(problems)
    }

    /// Root may invoke any function, CloudWatch only where the function's policy says so.
    async fn invoke(&self, function: &str, alarm_arn: &str, event: &str) -> Result<(), EvaluationError> {
        let policy = match self.lambda.get_policy().function_name(function).send().await {
            Ok(answer) => answer.policy.unwrap_or_default(),
            Err(error) => match CallError::of("GetPolicy")(error) {
                // It has none.
                error if error.code() == Some("ResourceNotFoundException") => String::new(),
                error => return Err(error.into()),
            },
        };
        let policy = serde_json::from_str(&policy).unwrap_or_default();
        if !permits(&policy, alarm_arn) {
            return Err(EvaluationError::Refused { function: function.to_owned(), alarm_arn: alarm_arn.to_owned() });
        }
        let request = self.lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
        let sent = request.payload(Blob::new(event)).send().await;
        sent.map(drop).map_err(|error| CallError::of("Invoke")(error).into())
    }

    async fn publish(&self, metric: &Metric<'_>, now: Timestamp) -> Result<(), EvaluationError> {
        let Some(start) = metric.period_to_publish(now) else { return Ok(()) };
        let mut samples = Vec::new();
        for filter in &metric.filters {
            samples.extend(Source::of(filter)?.samples(&self.logs, start, start + metric.period_seconds).await?);
        }
        let Some(datum) = metric.datum(&samples, start) else { return Ok(()) };
        let request = self.cloudwatch.put_metric_data().namespace(metric.namespace).metric_data(datum);
        request.send().await.map(drop).map_err(|error| CallError::of("PutMetricData")(error).into())
    }
}
