//! The queues of a live stack.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::{Stack, eventually};

impl Stack {
    /// Has all events be lost for good that happen meanwhile: this many, and the queues are empty before.
    pub async fn losing_events(&self, events: i64, work: impl Future<Output = ()>) {
        self.let_queues_invoke(false).await;
        work.await;
        let outputs = self.local_aws.outputs();
        for queue in [&outputs.tracking_queue_url, &outputs.logging_queue_url] {
            // They are sent in the background, and the last one may be late.
            eventually("all events are in the queue", async || self.messages(queue).await == events).await;
            self.sqs.purge_queue().queue_url(queue).send().await.expect("a queue can be purged");
        }
        self.let_queues_invoke(true).await;
    }

    pub async fn queue_arn(&self, queue: &str) -> String {
        let request = self.sqs.get_queue_attributes().queue_url(queue).attribute_names(QueueAttributeName::QueueArn);
        let attributes = request.send().await.expect("a queue has attributes").attributes.expect("attributes");
        attributes[&QueueAttributeName::QueueArn].clone()
    }

    pub async fn send(&self, queue: &str, body: &str) {
        let request = self.sqs.send_message().queue_url(queue).message_body(body);
        request.send().await.expect("the queue can be written");
    }

    /// How many messages there are in a queue, those included that are delayed or in somebody's hands.
    pub async fn messages(&self, queue: &str) -> i64 {
        use QueueAttributeName::{
            ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed, ApproximateNumberOfMessagesNotVisible,
        };
        let request = self.sqs.get_queue_attributes().queue_url(queue).attribute_names(QueueAttributeName::All);
        let attributes = request.send().await.expect("the queue has attributes").attributes.unwrap_or_default();
        [ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed, ApproximateNumberOfMessagesNotVisible]
            .iter()
            .map(|name| attributes.get(name).and_then(|count| count.parse::<i64>().ok()).unwrap_or_default())
            .sum()
    }

    /// Has the queue deliver again what was not acknowledged after `seconds`, and give it up after `deliveries`.
    pub async fn redeliver_after(&self, queue: &str, dead_letters: &str, seconds: u32, deliveries: u32) {
        let request = self.sqs.get_queue_attributes().queue_url(dead_letters);
        let request = request.attribute_names(QueueAttributeName::QueueArn);
        let mut attributes = request.send().await.expect("the queue has attributes").attributes.unwrap_or_default();
        let arn = attributes.remove(&QueueAttributeName::QueueArn).expect("an ARN");
        let redrive = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": deliveries });
        let request = self.sqs.set_queue_attributes().queue_url(queue);
        let request = request.attributes(QueueAttributeName::VisibilityTimeout, seconds.to_string());
        let request = request.attributes(QueueAttributeName::RedrivePolicy, redrive.to_string());
        request.send().await.expect("attributes can be set");
    }

    /// Moves what is in the dead-letter queue to a queue, and gives the bodies.
    pub async fn redrive(&self, dead_letters: &str, queue: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        while self.messages(dead_letters).await > 0 {
            let request = self.sqs.receive_message().queue_url(dead_letters).max_number_of_messages(10);
            for message in request.send().await.expect("the queue can be read").messages.unwrap_or_default() {
                let body = message.body.unwrap_or_default();
                let request = self.sqs.send_message().queue_url(queue).message_body(&body);
                request.send().await.expect("the queue can be written");
                let request = self.sqs.delete_message().queue_url(dead_letters);
                let request = request.set_receipt_handle(message.receipt_handle);
                request.send().await.expect("a message can be deleted");
                bodies.push(body);
            }
        }
        bodies
    }

    /// Waits until the queues of object events are empty and stay so for as long as a message may be on its way. Gives
    /// the moment from which on they were.
    pub async fn drain(&self) -> Instant {
        let outputs = self.local_aws.outputs();
        let empty = async {
            let mut tick = interval(Duration::from_millis(500));
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let (mut quiet, mut since) = (0, Instant::now());
            while quiet < 8 {
                tick.tick().await;
                let left =
                    self.messages(&outputs.tracking_queue_url).await + self.messages(&outputs.logging_queue_url).await;
                if left > 0 {
                    (quiet, since) = (0, Instant::now());
                } else {
                    quiet += 1;
                }
            }
            since
        };
        timeout(Duration::from_secs(600), empty)
            .await
            .unwrap_or_else(|_| panic!("the queues stay full; {}", self.local_aws.log().display()))
    }
}
