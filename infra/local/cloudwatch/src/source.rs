//! A deployed metric filter, as the source of a metric's values.

use aws_sdk_cloudwatchlogs::types::{FilteredLogEvent, MetricFilter};
use jiff::Timestamp;
use spillway_aws::CallError;

use crate::definition::Sample;
use crate::error::EvaluationError;
use crate::filter::{MetricValue, Pattern, PatternError};

/// The most lines that one answer has.
const MOST_LINES: i32 = 10_000;

/// What a filter makes values of.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    name: Option<&'a str>,
    log_group: &'a str,
    pattern: Pattern,
    value: MetricValue,
}

impl<'a> Source<'a> {
    /// What the filter says, if it says nothing that isn't done here.
    pub(crate) fn of(filter: &'a MetricFilter) -> Result<Self, EvaluationError> {
        Self::read(filter).map_err(EvaluationError::unsupported(filter.filter_name()))
    }

    fn read(filter: &'a MetricFilter) -> Result<Self, String> {
        let [transformation] = filter.metric_transformations() else {
            return Err("it must have one transformation".to_owned());
        };
        if transformation.default_value().is_some() {
            return Err("it has a DefaultValue".to_owned());
        }
        if transformation.dimensions().is_some_and(|dimensions| !dimensions.is_empty()) {
            return Err("it has dimensions".to_owned());
        }
        let text = |error: PatternError| error.to_string();
        Ok(Self {
            name: filter.filter_name(),
            log_group: filter.log_group_name().unwrap_or_default(),
            pattern: Pattern::parse(filter.filter_pattern().unwrap_or_default()).map_err(text)?,
            value: MetricValue::parse(transformation.metric_value()).map_err(text)?,
        })
    }

    /// The values of the lines that are stamped from `start` to before `end`, in seconds since the epoch.
    pub(crate) async fn samples(
        &self,
        logs: &aws_sdk_cloudwatchlogs::Client,
        start: i64,
        end: i64,
    ) -> Result<Vec<Sample>, EvaluationError> {
        let mut samples = Vec::new();
        let mut windows = vec![(start * 1000, end * 1000)];
        while let Some((start, end)) = windows.pop() {
            // MiniStack ignores JSON patterns here, so that all lines come.
            let request = logs.filter_log_events().log_group_name(self.log_group).limit(MOST_LINES);
            let answer = request.start_time(start).end_time(end - 1).send().await;
            let lines = answer.map_err(CallError::of("FilterLogEvents"))?.events.unwrap_or_default();
            // There is no next page in MiniStack: what is beyond the limit is in a narrower window.
            if lines.len() < MOST_LINES as usize {
                samples.extend(lines.iter().filter_map(|line| self.sample(line)));
            } else if end - start > 1 {
                let middle = start + (end - start) / 2;
                windows.extend([(start, middle), (middle, end)]);
            } else {
                let reason = format!("{} has {MOST_LINES} lines or more in one millisecond", self.log_group);
                return Err(EvaluationError::unsupported(self.name)(reason));
            }
        }
        Ok(samples)
    }

    /// What the line adds to the metric, stamped like the line.
    fn sample(&self, line: &FilteredLogEvent) -> Option<Sample> {
        let json = serde_json::from_str(line.message()?).ok()?;
        let at = Timestamp::from_millisecond(line.timestamp()?).ok()?;
        let value = self.pattern.matches(&json).then(|| self.value.of(&json))??;
        Some(Sample { at, value })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatchlogs::types::MetricTransformation;
    use aws_sdk_cloudwatchlogs::types::builders::MetricTransformationBuilder;

    use super::*;

    fn transformation(value: &str) -> MetricTransformationBuilder {
        MetricTransformation::builder().metric_namespace("Spillway").metric_name("Total").metric_value(value)
    }

    fn filter(pattern: &str, transformation: MetricTransformationBuilder) -> MetricFilter {
        let filter = MetricFilter::builder().filter_name("total").log_group_name("group").filter_pattern(pattern);
        filter.metric_transformations(transformation.build().unwrap()).build()
    }

    #[track_caller]
    fn check(value: &str, message: &str, expect: Option<f64>) {
        let filter = filter("{ $.total_size = * }", transformation(value));
        let line = FilteredLogEvent::builder().message(message).timestamp(1_790_000_000_250).build();
        let at = Timestamp::from_millisecond(1_790_000_000_250).unwrap();
        let expect = expect.map(|value| Sample { at, value });
        assert_eq!(Source::of(&filter).unwrap().sample(&line), expect);
    }

    #[track_caller]
    fn refused(filter: &MetricFilter, reason: &str) {
        let message = Source::of(filter).unwrap_err().to_string();
        assert_eq!(message, format!("total can't be evaluated locally: {reason}"));
    }

    #[test]
    fn a_matching_line_gives_a_value() {
        check("$.total_size", r#"{"total_size":46}"#, Some(46.0));
        check("1", r#"{"total_size":46}"#, Some(1.0));
        check("$.object_count", r#"{"total_size":46}"#, None);
        check("1", r#"{"total":46}"#, None);
        check("1", "START RequestId: 1", None);
        check("1", r#"{"total_size":46"#, None);
    }

    #[test]
    fn what_would_be_left_out_is_refused() {
        let pattern = "{ $.total_size = * }";
        refused(&filter(pattern, transformation("$.total_size").default_value(0.0)), "it has a DefaultValue");
        let dimensions = transformation("$.total_size").dimensions("Bucket", "$.bucket_name");
        refused(&filter(pattern, dimensions), "it has dimensions");
        let reason =
            "the filter pattern \"ERROR\" can't be applied locally: only JSON patterns (in braces) are supported";
        refused(&filter("ERROR", transformation("1")), reason);
    }
}
