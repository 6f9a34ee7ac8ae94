//! What S3 says about its objects. AWS owns these events: unknown fields are let through.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{ObjectName, Sequencer, rfc3339};

/// What `Event` is in the test message.
const TEST_EVENT: &str = "s3:TestEvent";

/// A message of S3: events, as a bucket's notification or EventBridge tells of them, or the test message that S3 sends once
/// when notifications are configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, try_from = "S3MessageFields")]
#[schemars(!try_from)]
pub enum S3Message {
    /// Events of objects, from the bucket's notification.
    Notification(S3Notification),
    /// An event of an object, from EventBridge.
    Bridge(S3BridgeEvent),
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

/// An event of an object, as a rule of EventBridge passes it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("not" = { "required": ["Records"] }))]
pub struct S3BridgeEvent {
    /// What happened: `Object Created`, `Object Deleted`, …
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// When it happened, to the second.
    #[serde(deserialize_with = "rfc3339::read")]
    pub time: Timestamp,
    /// Which object of which bucket, and why.
    pub detail: S3BridgeDetail,
}

/// The bucket and the object of an event of EventBridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct S3BridgeDetail {
    /// The bucket.
    pub bucket: S3Bucket,
    /// The object.
    pub object: S3BridgeObject,
    /// What was asked of S3, such as `PutObject`, or `Lifecycle Expiration`. Only creations and deletions have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a deletion left: `Permanently Deleted` or `Delete Marker Created`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_type: Option<String>,
}

/// The object of an event of EventBridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct S3BridgeObject {
    /// The key, as it is.
    pub key: ObjectName,
    /// The size in bytes. Deletions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The ETag, without quotes. Deletions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The version that the event is about; none in a bucket without versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Orders the events of this key. Only creations and deletions have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<Sequencer>,
}

/// The message that S3 sends when notifications are configured. It has no `Records`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("not" = { "required": ["Records"] }))]
pub struct S3TestEvent {
    /// Always `s3:TestEvent`.
    #[serde(rename = "Event", deserialize_with = "read_test_event")]
    #[schemars(extend("const" = TEST_EVENT))]
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
    #[serde(deserialize_with = "rfc3339::read")]
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
    /// The version that the event is about; none in a bucket without versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Orders the events of this key. Only creations and deletions have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<Sequencer>,
}

/// What SNS wraps around a message. AWS owns it; only what is read is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnsEnvelope {
    /// What kind of envelope it is.
    #[serde(rename = "Type")]
    pub kind: SnsType,
    /// The message, as text: JSON of S3 or EventBridge.
    #[serde(rename = "Message")]
    pub message: String,
}

/// What kind of envelope SNS sends to a queue that is subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SnsType {
    /// Somebody has published the message.
    Notification,
}

/// The fields that tell the messages of S3 apart, so that an error in an event has a path.
#[derive(Deserialize)]
struct S3MessageFields {
    #[serde(rename = "Records")]
    records: Option<Vec<S3Record>>,
    detail: Option<S3BridgeDetail>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The other fields of an event of EventBridge.
#[derive(Deserialize)]
struct S3BridgeFields {
    #[serde(rename = "detail-type")]
    detail_type: String,
    #[serde(deserialize_with = "rfc3339::read")]
    time: Timestamp,
}

impl TryFrom<S3MessageFields> for S3Message {
    type Error = String;

    fn try_from(fields: S3MessageFields) -> Result<Self, String> {
        if let Some(records) = fields.records {
            return Ok(Self::Notification(S3Notification { records }));
        }
        if let Some(detail) = fields.detail {
            return S3BridgeFields::deserialize(Value::from(fields.others))
                .map(|S3BridgeFields { detail_type, time }| Self::Bridge(S3BridgeEvent { detail_type, time, detail }))
                .map_err(|error| format!("it isn't an event of EventBridge: {error}"));
        }
        serde_json::from_value(fields.others.into())
            .map(Self::Test)
            .map_err(|error| format!("there are no `Records` and no `detail`, and it isn't the test message: {error}"))
    }
}

fn read_test_event<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let event = String::deserialize(deserializer)?;
    if event == TEST_EVENT {
        Ok(event)
    } else {
        Err(D::Error::custom(format!("`Event` is {event:?}, not {TEST_EVENT:?}")))
    }
}
