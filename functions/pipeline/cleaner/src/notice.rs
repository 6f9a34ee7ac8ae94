//! Notifications of cleanings.

use aws_config::SdkConfig;
use spillway_aws::{CallError, ConfigError, variable};
use spillway_contracts::log_line::CleanerDecisionLine;

/// Where cleanings are announced, if anywhere.
#[derive(Clone, Debug, Default)]
pub struct Notices(Option<Topic>);

#[derive(Clone, Debug)]
struct Topic {
    sns: aws_sdk_sns::Client,
    arn: String,
}

impl Notices {
    /// To the topic `CLEANING_TOPIC`; nowhere if that is not set.
    pub fn from_env(aws: &SdkConfig) -> Result<Self, ConfigError> {
        match variable("CLEANING_TOPIC") {
            Ok(arn) => Ok(Self(Some(Topic { sns: aws_sdk_sns::Client::new(aws), arn }))),
            Err(ConfigError::Missing(_)) => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }

    /// Announces a cleaning. A failure to do so does not change the cleaning.
    pub async fn tell(&self, line: &CleanerDecisionLine) {
        let Some(Topic { sns, arn }) = &self.0 else { return };
        let objects = if line.chosen_count == 1 { "1 object" } else { &format!("{} objects", line.chosen_count) };
        let subject = format!("Spillway had {objects} of {} to delete", line.bucket_name);
        let message = serde_json::to_string_pretty(line).unwrap_or_else(|_| line.message.clone());
        let request = sns.publish().topic_arn(arn).subject(subject).message(message);
        if let Err(error) = request.send().await.map_err(CallError::of("Publish")) {
            tracing::error!(%error, "the notification of this cleaning could not be sent");
        }
    }
}
