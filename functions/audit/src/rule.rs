//! How the events of a bucket that existed before the stack reach the topic.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::types::RuleState;
use spillway_aws::{CallError, ConfigError, variable_even_if_empty};

use crate::Error;

/// A rule of EventBridge that passes on what the bucket sends.
#[derive(Clone, Debug)]
pub struct Rule {
    eventbridge: aws_sdk_eventbridge::Client,
    name: String,
}

impl Rule {
    /// The rule `EVENTS_RULE`, unless that is empty.
    pub fn from_env(aws: &SdkConfig) -> Result<Option<Self>, ConfigError> {
        let name: String = variable_even_if_empty("EVENTS_RULE")?;
        Ok((!name.is_empty()).then(|| Self { eventbridge: aws_sdk_eventbridge::Client::new(aws), name }))
    }

    /// An error that says why nothing is passed on.
    pub async fn check(&self, bucket: &str) -> Result<(), Error> {
        let rule = &self.name;
        let answer = self.eventbridge.describe_rule().name(rule).send().await;
        let why = match answer.map_err(CallError::of("DescribeRule")) {
            Ok(seen) if seen.state() == Some(&RuleState::Disabled) => {
                format!("the rule {rule} is disabled. Run `aws events enable-rule --name {rule}`")
            }
            Ok(_) => return Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => {
                format!("the rule {rule} is gone; `cargo stack doctor` prints the commands that make it again")
            }
            Err(error) => return Err(error.into()),
        };
        Err(Error::Disconnected(format!("EventBridge does not pass on the events of the bucket {bucket}: {why}")))
    }
}
