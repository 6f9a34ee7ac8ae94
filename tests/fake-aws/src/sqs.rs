//! Queue messages, as Lambda hands them over, and a queue that takes them.

use std::sync::{Arc, Mutex};

use aws_sdk_sqs::Client;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use serde_json::{Value, json};

use crate::BUCKET;
use crate::connector::{http_client, lost, sdk_config};

/// A queue that messages are sent to.
#[derive(Clone, Debug, Default)]
pub struct FakeQueue(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    sent: Vec<String>,
    down: bool,
}

impl FakeQueue {
    /// A client of this queue, whatever queue it names, without the SDK's own retries.
    pub fn client(&self) -> Client {
        let fake = self.clone();
        sqs_client(http_client(move |request| {
            let mut queue = fake.0.lock().unwrap();
            if queue.down {
                return Err(lost());
            }
            queue.sent.push(sent_message(request.body().bytes().unwrap()));
            Ok((200, r#"{"MessageId":"m","MD5OfMessageBody":""}"#.to_owned()).into())
        }))
    }

    /// Has every call fail, or none any more.
    pub fn is_down(&self, down: bool) {
        self.0.lock().unwrap().down = down;
    }

    /// The bodies of the messages, in order.
    pub fn sent(&self) -> Vec<String> {
        self.0.lock().unwrap().sent.clone()
    }
}

/// The body of the message that a request sends.
pub fn sent_message(request: &[u8]) -> String {
    let request: Value = serde_json::from_slice(request).unwrap();
    request["MessageBody"].as_str().unwrap().to_owned()
}

/// A client of a queue, without the SDK's own retries.
pub fn sqs_client(http_client: SharedHttpClient) -> Client {
    Client::new(&sdk_config(http_client))
}

/// A message with this text in its SNS envelope.
pub fn message(id: &str, text: &str) -> Value {
    let envelope = json!({ "Type": "Notification", "Message": text });
    json!({
        "messageId": id,
        "receiptHandle": "r",
        "body": envelope.to_string(),
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
        "awsRegion": "us-east-1",
    })
}

/// A message about an object of the bucket `b`: put with a size, or deleted. The key is given as S3 encodes it.
pub fn object_event(id: &str, key: &str, sequencer: &str, size: Option<u64>) -> Value {
    let event_name = if size.is_some() { "ObjectCreated:Put" } else { "ObjectRemoved:Delete" };
    let mut object = json!({ "key": key, "sequencer": sequencer });
    if let Some(size) = size {
        object["size"] = json!(size);
        object["eTag"] = json!("e");
    }
    let record = json!({
        "eventVersion": "2.1",
        "eventName": event_name,
        "eventTime": "2026-08-01T10:00:00.000Z",
        "s3": { "bucket": { "name": BUCKET }, "object": object },
    });
    message(id, &json!({ "Records": [record] }).to_string())
}
