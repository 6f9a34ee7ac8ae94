//! How long events wait before the ledger.

use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use aws_smithy_types::DateTime;
use jiff::{SignedDuration, Timestamp};
use spillway_aws::{CallError, ConfigError, variable};

/// SQS tells CloudWatch of a queue every minute, and may take a quarter of an hour to begin with it again after the queue was
/// idle.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// The tracking queue, as CloudWatch knows it.
#[derive(Clone, Debug)]
pub struct Queue {
    cloudwatch: aws_sdk_cloudwatch::Client,
    name: String,
}

impl Queue {
    /// The queue `TRACKING_QUEUE_NAME`.
    pub fn from_env(aws: &aws_config::SdkConfig) -> Result<Self, ConfigError> {
        Ok(Self::new(aws_sdk_cloudwatch::Client::new(aws), variable("TRACKING_QUEUE_NAME")?))
    }

    pub fn new(cloudwatch: aws_sdk_cloudwatch::Client, name: String) -> Self {
        Self { cloudwatch, name }
    }

    /// How old the oldest event in it has been lately. Of an empty queue there are no figures.
    pub async fn age(&self, now: Timestamp) -> Result<SignedDuration, CallError> {
        let request = self
            .cloudwatch
            .get_metric_statistics()
            .namespace("AWS/SQS")
            .metric_name("ApproximateAgeOfOldestMessage")
            .dimensions(Dimension::builder().name("QueueName").value(&self.name).build())
            .statistics(Statistic::Maximum)
            .period(60)
            .start_time(DateTime::from_secs((now - WINDOW).as_second()))
            .end_time(DateTime::from_secs(now.as_second() + 1));
        let answer = request.send().await.map_err(CallError::of("GetMetricStatistics"))?;
        let ages = answer.datapoints().iter().filter_map(|point| point.maximum());
        let oldest = ages.fold(0.0, f64::max);
        Ok(SignedDuration::from_secs_f64(oldest))
    }
}
