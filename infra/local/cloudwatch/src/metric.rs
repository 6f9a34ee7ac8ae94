//! The metrics that filters feed, and what is published of them.
//!
//! MiniStack evaluates every alarm by itself whenever any metric is put: over the values that are not older than the
//! alarm's periods, whichever period they belong to, which shows OK too early. So a period is put only when it is too old
//! for that with every alarm on the metric. An alarm that is deployed later and looks back further sees it all the same,
//! until its first evaluation here.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{MetricAlarm, MetricDatum, StandardUnit, StatisticSet};
use aws_sdk_cloudwatchlogs::types::MetricFilter;
use jiff::Timestamp;

use crate::definition::{SHORTEST_PERIOD, Sample};

/// A metric that at least one filter feeds.
#[derive(Debug)]
pub(crate) struct Metric<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) filters: Vec<&'a MetricFilter>,
    /// The shortest period of its alarms, or a minute, which is what metric filters have on AWS.
    pub(crate) period_seconds: i64,
    /// How far back MiniStack looks for one of its alarms.
    look_back_seconds: i64,
}

/// Whether the filter's metric is the alarm's. A filter's metric has no dimensions here.
pub(crate) fn feeds(filter: &MetricFilter, alarm: &MetricAlarm) -> bool {
    alarm.dimensions().is_empty()
        && names(filter)
            .any(|(namespace, name)| alarm.namespace() == Some(namespace) && alarm.metric_name() == Some(name))
}

/// The metrics of all filters.
pub(crate) fn all<'a>(filters: &'a [MetricFilter], alarms: &[MetricAlarm]) -> Vec<Metric<'a>> {
    let mut metrics: Vec<Metric> = Vec::new();
    for filter in filters {
        for (namespace, name) in names(filter) {
            match metrics.iter_mut().find(|metric| (metric.namespace, metric.name) == (namespace, name)) {
                Some(metric) => metric.filters.push(filter),
                None => metrics.push(Metric::new(namespace, name, filter, alarms)),
            }
        }
    }
    metrics
}

fn names(filter: &MetricFilter) -> impl Iterator<Item = (&str, &str)> {
    filter.metric_transformations().iter().map(|it| (it.metric_namespace(), it.metric_name()))
}

impl<'a> Metric<'a> {
    fn new(namespace: &'a str, name: &'a str, filter: &'a MetricFilter, alarms: &[MetricAlarm]) -> Self {
        // MiniStack doesn't heed an alarm's dimensions.
        let own = |alarm: &&MetricAlarm| alarm.namespace() == Some(namespace) && alarm.metric_name() == Some(name);
        let period = |alarm: &MetricAlarm| i64::from(alarm.period().unwrap_or(60).max(SHORTEST_PERIOD));
        let look_back = |alarm| period(alarm) * i64::from(alarm.evaluation_periods().unwrap_or(1));
        Self {
            namespace,
            name,
            filters: vec![filter],
            period_seconds: alarms.iter().filter(own).map(period).min().unwrap_or(60),
            look_back_seconds: alarms.iter().filter(own).map(look_back).max().unwrap_or(0),
        }
    }

    /// The start of the period that is to be published at `now`, if one is.
    pub(crate) fn period_to_publish(&self, now: Timestamp) -> Option<i64> {
        let now = now.as_second();
        let newest = now - self.look_back_seconds.max(self.period_seconds);
        (now % self.period_seconds == 0).then_some(newest.div_euclid(self.period_seconds) * self.period_seconds)
    }

    /// What is put for the period from `start`, stamped with it as AWS does; nothing if it has no value.
    pub(crate) fn datum(&self, samples: &[Sample], start: i64) -> Option<MetricDatum> {
        let values = || samples.iter().map(|sample| sample.value);
        let set = StatisticSet::builder()
            .sample_count(samples.len() as f64)
            .sum(values().sum())
            .minimum(values().reduce(f64::min)?)
            .maximum(values().reduce(f64::max)?);
        let datum = MetricDatum::builder().metric_name(self.name).timestamp(DateTime::from_secs(start));
        Some(datum.statistic_values(set.build()).unit(StandardUnit::None).build())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::types::Dimension;
    use aws_sdk_cloudwatchlogs::types::MetricTransformation;

    use super::*;

    fn filter(metric: &str) -> MetricFilter {
        let transformation = MetricTransformation::builder().metric_namespace("Spillway").metric_name(metric);
        let transformation = transformation.metric_value("$.total_size").build().unwrap();
        MetricFilter::builder().filter_name(metric).metric_transformations(transformation).build()
    }

    fn alarm(metric: &str, period: i32, periods: i32) -> MetricAlarm {
        let alarm = MetricAlarm::builder().namespace("Spillway").metric_name(metric);
        alarm.period(period).evaluation_periods(periods).build()
    }

    /// `expect` is the period, and the start of what is published at 1,790,000,040, which is a full minute.
    #[track_caller]
    fn check(alarms: &[MetricAlarm], expect: (i64, i64)) {
        let filters = [filter("Total")];
        let metrics = all(&filters, alarms);
        let [metric] = metrics.as_slice() else { panic!("{metrics:?}") };
        let start = metric.period_to_publish(Timestamp::from_second(1_790_000_040).unwrap());
        assert_eq!((metric.period_seconds, start), (expect.0, Some(expect.1)));
    }

    #[test]
    fn a_period_is_published_when_it_is_too_old_for_ministacks_own_evaluation() {
        check(&[], (60, 1_789_999_980));
        check(&[alarm("Other", 10, 3)], (60, 1_789_999_980));
        check(&[alarm("Total", 10, 1)], (10, 1_790_000_030));
        check(&[alarm("Total", 10, 3)], (10, 1_790_000_010));
        check(&[alarm("Total", 60, 2), alarm("Total", 10, 1)], (10, 1_789_999_920));
    }

    #[test]
    fn nothing_is_published_within_a_period() {
        let filters = [filter("Total")];
        let metrics = all(&filters, &[alarm("Total", 20, 1)]);
        assert_eq!(metrics[0].period_to_publish(Timestamp::from_second(1_790_000_050).unwrap()), None);
    }

    #[test]
    fn filters_of_the_same_metric_are_published_together() {
        let filters = [filter("Total"), filter("Other"), filter("Total")];
        let metrics = all(&filters, &[]);
        let counts: Vec<_> = metrics.iter().map(|metric| (metric.name, metric.filters.len())).collect();
        assert_eq!(counts, [("Total", 2), ("Other", 1)]);
    }

    #[test]
    fn a_period_is_one_statistic_set_stamped_with_its_start() {
        let filters = [filter("Total")];
        let metrics = all(&filters, &[]);
        let samples = [46.0, 18.0].map(|value| Sample { at: Timestamp::UNIX_EPOCH, value });
        let set = StatisticSet::builder().sample_count(2.0).sum(64.0).minimum(18.0).maximum(46.0).build();
        let datum = MetricDatum::builder().metric_name("Total").timestamp(DateTime::from_secs(60));
        let expect = datum.statistic_values(set).unit(StandardUnit::None).build();
        assert_eq!(metrics[0].datum(&samples, 60), Some(expect));
        assert_eq!(metrics[0].datum(&[], 60), None);
    }

    #[test]
    fn an_alarm_with_dimensions_is_fed_by_no_filter() {
        assert!(feeds(&filter("Total"), &alarm("Total", 10, 1)));
        assert!(!feeds(&filter("Other"), &alarm("Total", 10, 1)));
        let mut alarm = alarm("Total", 10, 1);
        alarm.dimensions = Some(vec![Dimension::builder().name("Bucket").value("b").build()]);
        assert!(!feeds(&filter("Total"), &alarm));
    }
}
