//! Whether the bucket's events reach the ledger.

use aws_config::SdkConfig;
use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput;
use spillway_aws::{CallError, ConfigError, variable};

use crate::{Error, Rule};

/// What a bucket has to publish.
const EVENTS: [&str; 2] = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"];

/// The way of the bucket's events.
#[derive(Clone, Debug)]
pub struct Events {
    pub s3: aws_sdk_s3::Client,
    pub lambda: aws_sdk_lambda::Client,
    pub bucket_name: String,
    /// Where its events go.
    pub topic: String,
    /// What brings them there, if the stack did not make the bucket.
    pub rule: Option<Rule>,
    /// What has the tracking queue read.
    pub mapping: String,
}

impl Events {
    /// What a function's environment names: `TEST_BUCKET`, `EVENTS_TOPIC`, `EVENTS_RULE`, `TRACKING_MAPPING`.
    pub fn from_env(aws: &SdkConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            s3: aws_sdk_s3::Client::new(aws),
            lambda: aws_sdk_lambda::Client::new(aws),
            bucket_name: variable("TEST_BUCKET")?,
            topic: variable("EVENTS_TOPIC")?,
            rule: Rule::from_env(aws)?,
            mapping: variable("TRACKING_MAPPING")?,
        })
    }

    /// An error that says where they stop.
    pub async fn check(&self) -> Result<(), Error> {
        let request = self.s3.get_bucket_notification_configuration().bucket(&self.bucket_name);
        let answer = request.send().await.map_err(CallError::of("GetBucketNotificationConfiguration"));
        let configuration = answer.map_err(|error| self.unreadable(error))?;
        if !self.is_published(&configuration) {
            return Err(Error::Disconnected(self.unpublished()));
        }
        if let Some(rule) = &self.rule {
            rule.check(&self.bucket_name).await?;
        }
        let mapping = self.lambda.get_event_source_mapping().uuid(&self.mapping).send().await;
        let mapping = mapping.map_err(CallError::of("GetEventSourceMapping"))?;
        match mapping.state() {
            // What changes goes on with the queue.
            Some("Enabled" | "Enabling" | "Creating" | "Updating") => Ok(()),
            state => Err(Error::Disconnected(format!(
                "Lambda does not read the tracking queue: the mapping {} is {}. Run `aws lambda \
                 update-event-source-mapping --uuid {} --enabled`",
                self.mapping,
                state.unwrap_or("gone"),
                self.mapping
            ))),
        }
    }

    fn unreadable(&self, error: CallError) -> Error {
        let bucket = &self.bucket_name;
        match error.status() {
            Some(404) => Error::Bucket(format!("there is no bucket {bucket}")),
            Some(301) => Error::Bucket(format!("the bucket {bucket} is in another region than the stack")),
            Some(403) => Error::Bucket(format!(
                "the bucket {bucket} belongs to another account, or its policy denies it: {error}"
            )),
            _ => Error::Call(error),
        }
    }

    fn is_published(&self, configuration: &GetBucketNotificationConfigurationOutput) -> bool {
        if self.rule.is_some() {
            return configuration.event_bridge_configuration().is_some();
        }
        let topics = configuration.topic_configurations().iter().filter(|topic| topic.topic_arn() == self.topic);
        let events: Vec<_> = topics.flat_map(|topic| topic.events()).map(|event| event.as_str()).collect();
        EVENTS.iter().all(|event| events.contains(event))
    }

    fn unpublished(&self) -> String {
        let bucket = &self.bucket_name;
        match self.rule {
            Some(_) => format!(
                "the bucket {bucket} does not send its events to EventBridge; `cargo stack doctor` prints the command that \
                 turns that on"
            ),
            None => format!(
                "the bucket {bucket} does not publish its events to {}; `cargo stack doctor` prints the command that puts \
                 that right",
                self.topic
            ),
        }
    }
}
