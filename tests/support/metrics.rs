//! The metrics of a live stack.

use spillway_cloudwatch::filter::{MetricValue, Pattern};

use crate::Stack;

impl Stack {
    /// The values that the deployed metric filters make of what a function has logged so far.
    pub async fn metric(&self, metric: &str, function: &str) -> Vec<f64> {
        let filters = self.logs.describe_metric_filters().send().await.expect("metric filters").metric_filters;
        let transformations = filters.unwrap_or_default().into_iter().flat_map(|filter| {
            let pattern = Pattern::parse(filter.filter_pattern().unwrap_or_default()).expect("a pattern");
            filter.metric_transformations.unwrap_or_default().into_iter().map(move |it| (pattern.clone(), it))
        });
        let (pattern, transformation) =
            transformations.into_iter().find(|(_, it)| it.metric_name() == metric).expect("a filter feeds the metric");
        let value = MetricValue::parse(transformation.metric_value()).expect("a value");
        let lines = self.log_lines(function).await;
        lines.iter().filter(|line| pattern.matches(line)).filter_map(|line| value.of(line)).collect()
    }
}
