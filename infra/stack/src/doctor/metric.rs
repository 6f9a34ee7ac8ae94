//! The metric filter that makes the metric of the total.

use aws_sdk_cloudwatchlogs::types::MetricFilter;
use spillway_aws::CallError;

use super::finding::{Finding, Judgement};
use super::subject::Subject;

const PATTERN: &str = "{ $.total_size = * }";
const VALUE: &str = "$.total_size";

pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let (group, name) = (subject.resource("SizeTrackingLogGroup"), subject.resource("TotalSizeFilter"));
    let request = subject.logs.describe_metric_filters().log_group_name(group).into_paginator().items().send();
    let seen = request.collect::<Result<Vec<_>, _>>().await.map_err(CallError::of("DescribeMetricFilters"));
    let seen = match seen {
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(Vec::new()),
        seen => seen,
    };
    let (namespace, metric) = (subject.namespace(), subject.parameter("MetricName"));
    let fix = || {
        let metric = format!("metricNamespace={namespace},metricName={metric},metricValue={VALUE}");
        let put = ["logs", "put-metric-filter", "--log-group-name", group, "--filter-name", name];
        subject.aws(&[&put[..], &["--filter-pattern", PATTERN, "--metric-transformations", &metric]].concat())
    };
    vec![Finding::of("metric filter", format!("{name} of {group}"), seen, |filters| {
        judge(filters.iter().find(|it| it.filter_name() == Some(name)), &namespace, metric, fix)
    })]
}

fn judge(filter: Option<&MetricFilter>, namespace: &str, metric: &str, fix: impl FnOnce() -> String) -> Judgement {
    let Some(filter) = filter else { return Judgement::wrong("the log group has no such filter", fix()) };
    let [transformation] = filter.metric_transformations() else {
        return Judgement::wrong("it makes no metric, or several", fix());
    };
    let mut wrongs = Vec::new();
    let mut compare = |what: &str, is: &str, should: &str| {
        if is != should {
            wrongs.push(format!("its {what} is {is}, not {should}"));
        }
    };
    compare("pattern", filter.filter_pattern().unwrap_or("none"), PATTERN);
    compare("namespace", transformation.metric_namespace(), namespace);
    compare("metric", transformation.metric_name(), metric);
    compare("value", transformation.metric_value(), VALUE);
    if let Some(default) = transformation.default_value() {
        wrongs.push(format!("every other line counts as a total of {default}"));
    }
    Judgement::of(&wrongs, format!("{namespace} {metric}"), fix)
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatchlogs::types::MetricTransformation;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, metric: &str, default: Option<f64>, expect: Judgement) {
        let transformation = MetricTransformation::builder().metric_namespace("Spillway/s").metric_name(metric);
        let transformation = transformation.metric_value(VALUE).set_default_value(default).build().unwrap();
        let filter = MetricFilter::builder().filter_pattern(pattern).metric_transformations(transformation).build();
        assert_eq!(judge(Some(&filter), "Spillway/s", "Total", || "fix".to_owned()), expect);
    }

    #[test]
    fn a_filter_finds_the_total_and_nothing_else() {
        check(PATTERN, "Total", None, Judgement::healthy("Spillway/s Total"));
        let wrong = "its pattern is ERROR, not { $.total_size = * }; its metric is Size, not Total";
        check("ERROR", "Size", None, Judgement::wrong(wrong, "fix"));
        check(PATTERN, "Total", Some(0.0), Judgement::wrong("every other line counts as a total of 0", "fix"));
        let gone = judge(None, "Spillway/s", "Total", || "fix".to_owned());
        assert_eq!(gone, Judgement::wrong("the log group has no such filter", "fix"));
    }
}
