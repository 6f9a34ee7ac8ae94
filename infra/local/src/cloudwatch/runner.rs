//! Does what CloudWatch would: at the end of each period, applies the deployed metric filters to the log groups, and
//! evaluates the alarms on their metrics.
//!
//! Nothing is kept between two evaluations: each reads the lines of its range again, so that none counts twice and a late
//! one still counts. CloudWatch evaluates alarms with a period below a minute every ten seconds, and the others every
//! minute.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use aws_sdk_cloudwatchlogs::types::MetricFilter;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use jiff::Timestamp;

use super::alarm::{Definition, Verdict};
use super::event::alarm_event;
use super::metric::{self, Metric};
use super::permission::{ALARMS_PRINCIPAL, permits};
use super::source::Source;
use crate::error::CallError;

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

/// Why an alarm or its action isn't what CloudWatch would make of it.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// MiniStack doesn't answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A filter or an alarm that can't be evaluated here.
    #[error("{name} can't be evaluated locally: {reason}")]
    Unsupported {
        /// The filter or the alarm.
        name: String,
        /// Why.
        reason: String,
    },
    /// AWS would refuse the invocation.
    #[error("{function} doesn't permit {ALARMS_PRINCIPAL} to invoke it for {alarm_arn}, so the alarm's action fails")]
    Refused {
        /// The function.
        function: String,
        /// The alarm.
        alarm_arn: String,
    },
}

/// Evaluates until it is dropped. `problem` hears of what goes wrong, once as long as it stays the same.
pub async fn run(clients: Clients, problem: impl Fn(&Problem)) {
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

/// Waits until a multiple of ten seconds has settled, and gives that moment.
async fn until_next_evaluation() -> Timestamp {
    let settling = SETTLING.as_millis() as i64;
    let next = ((Timestamp::now().as_millisecond() - settling).div_euclid(10_000) + 1) * 10_000;
    let wait = next + settling - Timestamp::now().as_millisecond();
    tokio::time::sleep(Duration::from_millis(wait.max(0) as u64)).await;
    Timestamp::from_millisecond(next).unwrap_or_else(|_| Timestamp::now())
}

impl Clients {
    /// Evaluates what is due at `now`. What goes wrong with one alarm or filter keeps no other from its evaluation.
    async fn evaluate_all(&self, now: Timestamp) -> Vec<Problem> {
        let (filters, alarms) = match self.deployed().await {
            Ok(deployed) => deployed,
            Err(error) => return vec![error.into()],
        };
        let mut problems = Vec::new();
        for alarm in &alarms {
            let sources: Vec<&MetricFilter> = filters.iter().filter(|filter| metric::feeds(filter, alarm)).collect();
            let due = alarm.period().is_some_and(|period| period < 60) || now.as_second() % 60 == 0;
            if due && !sources.is_empty() {
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
        let filters = filters.collect::<Result<_, _>>().await.map_err(CallError::to("describe the metric filters"))?;
        let alarms = self.cloudwatch.describe_alarms().into_paginator().send();
        let pages: Vec<_> = alarms.collect::<Result<_, _>>().await.map_err(CallError::to("describe the alarms"))?;
        Ok((filters, pages.into_iter().flat_map(|page| page.metric_alarms.unwrap_or_default()).collect()))
    }

    /// What goes wrong after the state has changed is given back beside it.
    async fn evaluate(
        &self,
        alarm: &MetricAlarm,
        filters: &[&MetricFilter],
        now: Timestamp,
    ) -> Result<Vec<Problem>, Problem> {
        let unsupported = |reason| Problem::Unsupported { name: name(alarm.alarm_name()), reason };
        let definition = Definition::of(alarm).map_err(unsupported)?;
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
    async fn enter(&self, alarm: &MetricAlarm, verdict: &Verdict) -> Result<Vec<Problem>, Problem> {
        let event = alarm_event(alarm, verdict, Timestamp::now()).to_string();
        let request = self.cloudwatch.set_alarm_state().set_alarm_name(alarm.alarm_name.clone());
        let request = request.state_value(verdict.state.clone()).state_reason(&verdict.reason);
        let request = request.state_reason_data(verdict.reason_data.to_string());
        request.send().await.map_err(CallError::to("set the alarm's state"))?;
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
    async fn invoke(&self, function: &str, alarm_arn: &str, event: &str) -> Result<(), Problem> {
        let policy = match self.lambda.get_policy().function_name(function).send().await {
            Ok(answer) => answer.policy.unwrap_or_default(),
            Err(error) => match CallError::to("give the function's policy")(error) {
                // It has none.
                error if error.code() == Some("ResourceNotFoundException") => String::new(),
                error => return Err(error.into()),
            },
        };
        let policy = serde_json::from_str(&policy).unwrap_or_default();
        if !permits(&policy, alarm_arn) {
            return Err(Problem::Refused { function: function.to_owned(), alarm_arn: alarm_arn.to_owned() });
        }
        let request = self.lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
        let sent = request.payload(Blob::new(event)).send().await;
        sent.map(drop).map_err(|error| CallError::to("invoke the alarm's action")(error).into())
    }

    async fn publish(&self, metric: &Metric<'_>, now: Timestamp) -> Result<(), Problem> {
        let Some(start) = metric.period_to_publish(now) else { return Ok(()) };
        let mut samples = Vec::new();
        for filter in &metric.filters {
            samples.extend(Source::of(filter)?.samples(&self.logs, start, start + metric.period_seconds).await?);
        }
        let Some(datum) = metric.datum(&samples, start) else { return Ok(()) };
        let request = self.cloudwatch.put_metric_data().namespace(metric.namespace).metric_data(datum);
        request.send().await.map(drop).map_err(|error| CallError::to("put the metric")(error).into())
    }
}

/// What a problem calls it.
pub(super) fn name(name: Option<&str>) -> String {
    name.unwrap_or_default().to_owned()
}
