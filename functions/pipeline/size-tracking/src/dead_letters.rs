//! Messages that can't be applied.

use aws_config::SdkConfig;
use aws_lambda_events::event::sqs::SqsMessage;
use spillway_aws::{CallError, ConfigError, variable};

/// How many deliveries such a message has: with the queue's visibility timeout it is a dead letter within ten minutes.
const DELIVERIES: u32 = 5;

/// The attribute in which SQS says how many deliveries there were.
const DELIVERED: &str = "ApproximateReceiveCount";

#[derive(Clone, Debug)]
pub struct DeadLetters {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl DeadLetters {
    /// The queue `DEAD_LETTER_QUEUE`.
    pub fn from_env(aws: &SdkConfig) -> Result<Self, ConfigError> {
        Ok(Self::new(aws_sdk_sqs::Client::new(aws), variable("DEAD_LETTER_QUEUE")?))
    }

    /// The queue with this URL.
    pub fn new(sqs: aws_sdk_sqs::Client, url: String) -> Self {
        Self { sqs, url }
    }

    /// Takes a message that was delivered often enough; says whether it did. One that it could not take is delivered again.
    pub async fn take(&self, message: &SqsMessage) -> bool {
        let delivered = message.attributes.get(DELIVERED).and_then(|count| count.parse().ok()).unwrap_or(1);
        if delivered < DELIVERIES {
            return false;
        }
        let request = self.sqs.send_message().queue_url(&self.url).message_body(message.body.as_deref().unwrap_or(" "));
        match request.send().await.map_err(CallError::of("SendMessage")) {
            Ok(_) => true,
            Err(error) => {
                tracing::error!(%error, "the dead-letter queue does not take a message");
                false
            }
        }
    }
}
