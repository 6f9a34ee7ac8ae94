//! The attributes of a queue, and the messages that it holds.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use spillway_aws::CallError;

/// A queue's attributes, as SQS gives them.
pub type Attributes = HashMap<QueueAttributeName, String>;

/// All attributes of the queue at `url`.
pub async fn attributes(sqs: &Client, url: &str) -> Result<Attributes, CallError> {
    let request = sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
    let answer = request.send().await.map_err(CallError::of("GetQueueAttributes"))?;
    Ok(answer.attributes.unwrap_or_default())
}

/// How many messages there are about: waiting, delayed or being handled.
pub fn count(attributes: &Attributes) -> u64 {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let count = |name| attributes.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    names.iter().map(count).sum()
}
