//! Queue messages, as Lambda hands them over.

use serde_json::{Value, json};

use crate::BUCKET;

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
