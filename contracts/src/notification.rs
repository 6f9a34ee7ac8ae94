//! What S3 says about its objects. AWS owns these events: unknown fields are let through.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Sequencer;

/// A message of S3: the test message that S3 sends once when notifications are configured, or events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum S3Message {
    /// Events of objects.
    Notification(S3Notification),
    /// `s3:TestEvent`.
    Test(S3TestEvent),
}

/// Events of objects (event message structure 2.x).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct S3Notification {
    /// The events, in practice one.
    #[serde(rename = "Records")]
    pub records: Vec<S3Record>,
}

/// The message that S3 sends when notifications are configured. It has no `Records`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct S3TestEvent {
    /// Always `s3:TestEvent`.
    #[serde(rename = "Event")]
    #[schemars(regex(pattern = "^s3:TestEvent$"))]
    pub event: String,
    /// The bucket.
    #[serde(rename = "Bucket")]
    pub bucket: String,
}

/// One event of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3Record {
    /// What happened, without the `s3:` prefix: `ObjectCreated:Put`, `ObjectRemoved:Delete`, …
    pub event_name: String,
    /// When S3 finished the request.
    pub event_time: Timestamp,
    /// Which object of which bucket.
    pub s3: S3Entity,
}

/// The bucket and the object of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct S3Entity {
    /// The bucket.
    pub bucket: S3Bucket,
    /// The object.
    pub object: S3Object,
}

/// The bucket of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct S3Bucket {
    /// The bucket's name.
    pub name: String,
}

/// The object of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3Object {
    /// The key, form-encoded: a space is `+`.
    pub key: String,
    /// The size in bytes. Deletions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The ETag, without quotes. Deletions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_tag: Option<String>,
    /// Orders the events of this key. Only creations and deletions have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<Sequencer>,
}

/// What SNS wraps around a message. AWS owns it; only what is read is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnsEnvelope {
    /// `Notification`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// The message, as text: an [`S3Message`].
    #[serde(rename = "Message")]
    pub message: String,
}
