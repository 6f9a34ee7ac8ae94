//! Does what CloudWatch would: at the end of each period, applies the deployed metric filters to the log groups, and
//! evaluates the alarms on their metrics.
//!
//! Nothing is kept between two evaluations: each reads the lines of its range again. CloudWatch evaluates alarms with a
//! period below a minute every ten seconds, and the others every minute.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{MetricAlarm, MetricDatum, StandardUnit, StateValue, StatisticSet};
use aws_sdk_cloudwatchlogs::types::MetricFilter;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use jiff::Timestamp;

use super::alarm::{Definition, Sample, Verdict};
use super::event::alarm_event;
use super::filter::{Pattern, Selector};
use crate::error::CallError;

/// Between the end of a period and its evaluation: lines that were written before it have arrived by then.
const SETTLING: Duration = Duration::from_millis(500);

/// Who may invoke a function for an alarm.
const ALARMS_PRINCIPAL: &str = "lambda.alarms.cloudwatch.amazonaws.com";

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
    let mut runner = Runner { clients, published: HashMap::new() };
    let mut last = String::new();
    loop {
        let now = until_next_evaluation().await;
        match runner.evaluate_all(now).await {
            Ok(()) => last.clear(),
            Err(error) if error.to_string() == last => {}
            Err(error) => {
                problem(&error);
                last = error.to_string();
            }
        }
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

struct Runner {
    clients: Clients,
    /// The start of the newest period that was published of each alarm's metric.
    published: HashMap<String, i64>,
}

impl Runner {
    async fn evaluate_all(&mut self, now: Timestamp) -> Result<(), Problem> {
        let filters = self.clients.logs.describe_metric_filters().send().await;
        let filters = filters.map_err(CallError::to("describe the metric filters"))?.metric_filters.unwrap_or_default();
        let alarms = self.clients.cloudwatch.describe_alarms().send().await;
        let alarms = alarms.map_err(CallError::to("describe the alarms"))?.metric_alarms.unwrap_or_default();
        for alarm in &alarms {
            let due = alarm.period().is_some_and(|period| period < 60 || now.as_second() % 60 == 0);
            let sources: Vec<&MetricFilter> = filters.iter().filter(|filter| feeds(filter, alarm)).collect();
            if due && !sources.is_empty() {
                self.evaluate(alarm, &sources, now).await?;
            }
        }
        Ok(())
    }

    async fn evaluate(
        &mut self,
        alarm: &MetricAlarm,
        filters: &[&MetricFilter],
        now: Timestamp,
    ) -> Result<(), Problem> {
        let name = alarm.alarm_name().unwrap_or_default();
        let definition =
            Definition::of(alarm).map_err(|reason| Problem::Unsupported { name: name.to_owned(), reason })?;
        let mut samples = Vec::new();
        for filter in filters {
            samples.extend(self.samples(filter, &definition, now).await?);
        }
        let current = alarm.state_value().cloned().unwrap_or(StateValue::InsufficientData);
        let verdict = definition.evaluate(&current, &samples, now);
        if verdict.state != current {
            self.enter(alarm, &verdict).await?;
        }
        self.publish(alarm, &definition, &samples, now).await
    }

    /// What the lines of the alarm's range say, read period by period because an answer has 10,000 lines at most.
    async fn samples(&self, filter: &MetricFilter, alarm: &Definition, now: Timestamp) -> Result<Vec<Sample>, Problem> {
        let unsupported =
            |reason: String| Problem::Unsupported { name: filter.filter_name().unwrap_or_default().to_owned(), reason };
        let pattern = Pattern::parse(filter.filter_pattern().unwrap_or_default());
        let pattern = pattern.map_err(|error| unsupported(error.to_string()))?;
        let [transformation] = filter.metric_transformations() else {
            return Err(unsupported("it must have one transformation".to_owned()));
        };
        if transformation.default_value().is_some() {
            return Err(unsupported("it has a DefaultValue".to_owned()));
        }
        let value = Selector::parse(transformation.metric_value()).map_err(|error| unsupported(error.to_string()))?;
        let period = alarm.period_seconds * 1000;
        let mut samples = Vec::new();
        for age in 1..=alarm.range() as i64 {
            let start = (now.as_millisecond().div_euclid(period) - age) * period;
            let request = self.clients.logs.filter_log_events().set_log_group_name(filter.log_group_name.clone());
            // MiniStack ignores JSON patterns here, so that all lines come.
            let lines = request.start_time(start).end_time(start + period - 1).send().await;
            for line in lines.map_err(CallError::to("give the log lines"))?.events() {
                let Ok(json) = serde_json::from_str(line.message().unwrap_or_default()) else { continue };
                let at = line.timestamp().and_then(|at| Timestamp::from_millisecond(at).ok());
                if pattern.matches(&json)
                    && let (Some(at), Some(value)) = (at, value.number(&json))
                {
                    samples.push(Sample { at, value });
                }
            }
        }
        Ok(samples)
    }

    /// Has everybody see the new state, and does what the alarm does on entering it.
    ///
    /// MiniStack then tells the SNS topics among the actions, which are none of the runner's business.
    async fn enter(&self, alarm: &MetricAlarm, verdict: &Verdict) -> Result<(), Problem> {
        let event = alarm_event(alarm, verdict, Timestamp::now()).to_string();
        let request = self.clients.cloudwatch.set_alarm_state().set_alarm_name(alarm.alarm_name.clone());
        let request = request.state_value(verdict.state.clone()).state_reason(&verdict.reason);
        request
            .state_reason_data(verdict.reason_data.to_string())
            .send()
            .await
            .map_err(CallError::to("set the alarm's state"))?;
        let actions = match verdict.state {
            _ if alarm.actions_enabled() == Some(false) => return Ok(()),
            StateValue::Alarm => alarm.alarm_actions(),
            StateValue::Ok => alarm.ok_actions(),
            _ => alarm.insufficient_data_actions(),
        };
        for function in actions.iter().filter(|arn| arn.starts_with("arn:aws:lambda:")) {
            self.require_permission(function, alarm.alarm_arn().unwrap_or_default()).await?;
            let request = self.clients.lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
            request
                .payload(Blob::new(event.as_str()))
                .send()
                .await
                .map_err(CallError::to("invoke the alarm's action"))?;
        }
        Ok(())
    }

    /// Root may invoke any function, CloudWatch only where the function's policy says so.
    async fn require_permission(&self, function: &str, alarm_arn: &str) -> Result<(), Problem> {
        let policy = self.clients.lambda.get_policy().function_name(function).send().await;
        let policy = policy.map_err(CallError::to("give the function's policy"))?.policy.unwrap_or_default();
        let policy: serde_json::Value = serde_json::from_str(&policy).unwrap_or_default();
        let permits = |statement: &serde_json::Value| {
            statement["Effect"] == "Allow"
                && statement["Principal"]["Service"] == ALARMS_PRINCIPAL
                && statement["Condition"]["ArnLike"]["AWS:SourceArn"] == alarm_arn
        };
        if policy["Statement"].as_array().is_some_and(|statements| statements.iter().any(permits)) {
            return Ok(());
        }
        Err(Problem::Refused { function: function.to_owned(), alarm_arn: alarm_arn.to_owned() })
    }

    /// Has dashboards see the metric.
    ///
    /// MiniStack evaluates an alarm by itself whenever a metric is put, over what is not older than its periods, which
    /// shows OK too early. So a period is put only when it is older than that, stamped with its start as AWS does.
    async fn publish(
        &mut self,
        alarm: &MetricAlarm,
        definition: &Definition,
        samples: &[Sample],
        now: Timestamp,
    ) -> Result<(), Problem> {
        let (Some(namespace), Some(metric)) = (alarm.namespace(), alarm.metric_name()) else { return Ok(()) };
        let period = definition.period_seconds;
        let start = (now.as_second().div_euclid(period) - definition.evaluation_periods as i64) * period;
        let within = |sample: &&Sample| sample.at.as_second().div_euclid(period) * period == start;
        let values: Vec<f64> = samples.iter().filter(within).map(|sample| sample.value).collect();
        let newest = self.published.entry(format!("{namespace}/{metric}")).or_insert(i64::MIN);
        if values.is_empty() || start <= *newest {
            return Ok(());
        }
        let set = StatisticSet::builder()
            .sample_count(values.len() as f64)
            .sum(values.iter().sum())
            .minimum(values.iter().copied().fold(f64::INFINITY, f64::min))
            .maximum(values.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        let datum = MetricDatum::builder().metric_name(metric).timestamp(DateTime::from_secs(start));
        let datum = datum.statistic_values(set.build()).unit(StandardUnit::None).build();
        let request = self.clients.cloudwatch.put_metric_data().namespace(namespace).metric_data(datum);
        request.send().await.map_err(CallError::to("put the metric"))?;
        *newest = start;
        Ok(())
    }
}

/// Whether the filter's metric is the alarm's.
fn feeds(filter: &MetricFilter, alarm: &MetricAlarm) -> bool {
    filter.metric_transformations().iter().any(|transformation| {
        Some(transformation.metric_namespace()) == alarm.namespace()
            && Some(transformation.metric_name()) == alarm.metric_name()
    })
}
