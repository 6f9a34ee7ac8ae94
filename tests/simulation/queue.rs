//! A queue: what SQS documents. Messages come at least once, in any order, and again until they are deleted.

use serde_json::{Value, json};

/// How many messages a batch has at most.
const BATCH: usize = 10;

/// For how long nobody else receives a message, in milliseconds.
const VISIBILITY_TIMEOUT: i64 = 91_000;

/// After how many deliveries CloudWatch does not count a message's age any more.
pub const OFTEN: u32 = 3;

/// A queue and its dead-letter queue.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    messages: Vec<Message>,
    pub dead: Vec<String>,
    sent: u64,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    pub body: String,
    /// When it came, in milliseconds.
    pub sent_at: i64,
    /// How many times it was received.
    pub receive_count: u32,
    /// From when on it can be received, in milliseconds.
    visible_at: i64,
}

impl Queue {
    /// Takes a message that can be received from a moment on.
    pub fn send(&mut self, body: String, visible_at: i64) {
        self.sent += 1;
        let id = format!("m{}", self.sent);
        self.messages.push(Message { id, body, sent_at: visible_at, receive_count: 0, visible_at });
    }

    /// A batch of what can be received; what was received too often becomes a dead letter.
    pub fn receive(&mut self, now: i64, max_receive_count: u32) -> Vec<Message> {
        let is_dead = |message: &Message| message.visible_at <= now && message.receive_count >= max_receive_count;
        let (dead, rest) = self.messages.drain(..).partition(is_dead);
        self.messages = rest;
        self.dead.extend(Vec::from_iter(dead.into_iter().map(|it: Message| it.body)));
        let visible = self.messages.iter_mut().filter(|message| message.visible_at <= now);
        let mut received = Vec::new();
        for message in visible.take(BATCH) {
            message.visible_at = now + VISIBILITY_TIMEOUT;
            message.receive_count += 1;
            received.push(message.clone());
        }
        received
    }

    /// Forgets a message.
    pub fn delete(&mut self, id: &str) {
        self.messages.retain(|message| message.id != id);
    }

    /// Takes the dead letters back.
    pub fn redrive(&mut self, now: i64) {
        for body in std::mem::take(&mut self.dead) {
            self.send(body, now);
        }
    }

    /// When the next message can be received.
    pub fn next_at(&self) -> Option<i64> {
        self.messages.iter().map(|message| message.visible_at).min()
    }

    /// What it holds, or is about to.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter()
    }

    /// How old its oldest message is, as CloudWatch has it: of those that were not received over and over again.
    pub fn age(&self, now: i64) -> i64 {
        let ages = self.messages.iter().filter(|message| message.receive_count <= OFTEN);
        ages.map(|message| now - message.sent_at).max().unwrap_or_default().max(0)
    }

    /// Whether it holds no message.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

impl Message {
    /// As Lambda hands it over.
    pub fn document(&self) -> Value {
        json!({
            "messageId": self.id,
            "receiptHandle": "r",
            "body": self.body,
            "attributes": { "ApproximateReceiveCount": self.receive_count.to_string() },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
            "awsRegion": "us-east-1",
        })
    }
}
