//! The object events in a queue message: SQS body → SNS envelope → S3 notification, or EventBridge's event of S3.

mod told;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use spillway_contracts::ledger::is_repair;
use spillway_contracts::notification::{S3Message, SnsEnvelope};
use spillway_contracts::{ObjectName, Sequencer};

use self::told::Told;

/// An event that the ledger has to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEvent {
    /// The bucket.
    pub bucket_name: String,
    /// The object's key, decoded.
    pub object_name: ObjectName,
    /// What happened.
    pub kind: EventKind,
    /// S3's name of what happened, such as `ObjectCreated:Put`.
    pub event_type: String,
    /// Orders the events of this object.
    pub sequencer: Sequencer,
    /// The version that was written, or is gone for good; none in a bucket without versions, and for what hides an object.
    pub version_id: Option<String>,
    /// When S3 says that it happened.
    pub event_time: Timestamp,
}

/// What an event did to its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The object was written, new or over an older one.
    Created {
        /// Its size, in bytes.
        size: u64,
        /// Its ETag, without quotes.
        etag: Option<String>,
    },
    /// The object is gone: deleted, expired, or hidden by a delete marker.
    Deleted,
}

impl ObjectEvent {
    /// Whether a lifecycle rule made the object expire. Such an event carries the sequencer of the object's creation.
    pub fn is_expiry(&self) -> bool {
        self.event_type.starts_with("LifecycleExpiration:")
    }

    /// Whether it is an audit's repair, which is about the row with just this sequencer.
    pub fn is_repair(&self) -> bool {
        is_repair(&self.event_type)
    }
}

/// S3's names of the end of an object, or of one of its versions.
const ENDS: [&str; 2] = ["ObjectRemoved:Delete", "LifecycleExpiration:Delete"];

/// The version that an object has in a bucket without versions, once the bucket gets some.
pub(crate) const NULL_VERSION: &str = "null";

/// Why a message can't be understood. Such a message fails alone and ends in the dead-letter queue.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The text isn't the JSON that it should be.
    #[error("the {layer} can't be read: {reason}")]
    Malformed {
        /// Which layer of the message.
        layer: &'static str,
        /// What is wrong, and where.
        reason: String,
    },
    /// A record lacks what its kind of event must have, or has it wrong.
    #[error("record {index} ({event_name}): {reason}")]
    Record {
        /// The record's position in the message, from 0.
        index: usize,
        /// The record's `eventName`.
        event_name: String,
        /// What is wrong.
        reason: String,
    },
}

/// The events of the bucket in the body of a queue message. Empty for `s3:TestEvent` and for events that don't change what
/// a bucket holds, such as tagging. Another bucket's events are an error: counted here, they would have this bucket's
/// objects deleted.
pub fn read_message(body: &str, bucket_name: &str) -> Result<Vec<ObjectEvent>, MessageError> {
    let envelope: SnsEnvelope = parse("SNS envelope", body)?;
    let told: Vec<Told> = match parse("S3 message", &envelope.message)? {
        S3Message::Test(_) => return Ok(Vec::new()),
        S3Message::Notification(notification) => notification.records.into_iter().map(Told::from).collect(),
        S3Message::Bridge(event) => vec![event.into()],
    };
    let mut events = Vec::with_capacity(told.len());
    for (index, told) in told.into_iter().enumerate() {
        let event_name = told.event_type.clone();
        let event = read(told, bucket_name).map_err(|reason| MessageError::Record { index, event_name, reason })?;
        events.extend(event);
    }
    Ok(events)
}

fn parse<T: DeserializeOwned>(layer: &'static str, text: &str) -> Result<T, MessageError> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json)
        .map_err(|error| MessageError::Malformed { layer, reason: error.to_string() })
}

fn read(told: Told, bucket_name: &str) -> Result<Option<ObjectEvent>, String> {
    if told.bucket_name != bucket_name {
        return Err(format!("it is about the bucket {}, but this is the ledger of {bucket_name}", told.bucket_name));
    }
    let kind = match told.event_type.split_once(':') {
        Some(("ObjectCreated", _)) => {
            let size = told.size.ok_or("a creation must have a size")?;
            i64::try_from(size).map_err(|_| format!("a size of {size} bytes is beyond S3"))?;
            EventKind::Created { size, etag: told.etag }
        }
        Some(("ObjectRemoved" | "LifecycleExpiration", _)) => EventKind::Deleted,
        _ => return Ok(None),
    };
    let sequencer = told.sequencer.ok_or("there is no sequencer, so its place among the object's events is unknown")?;
    Ok(Some(ObjectEvent {
        version_id: told.version_id.filter(|version| names_version(&told.event_type, &kind, version)),
        bucket_name: told.bucket_name,
        object_name: told.object_name?,
        kind,
        event_type: told.event_type,
        sequencer,
        event_time: told.event_time,
    }))
}

/// Whether the version that comes with an event is the one that was written, or that is gone for good.
fn names_version(event_type: &str, kind: &EventKind, version_id: &str) -> bool {
    match kind {
        EventKind::Created { .. } => version_id != NULL_VERSION,
        // The version of a delete marker is its own.
        EventKind::Deleted if !ENDS.contains(&event_type) => false,
        // Without versions, an object that expires may have this one, and it is the object itself.
        EventKind::Deleted => version_id != NULL_VERSION || event_type == ENDS[0],
    }
}

/// Decodes a key of an event, or of a listing with `EncodingType=url`: `red+flower.jpg` is `red flower.jpg`.
pub fn decode_key(key: &str) -> Result<ObjectName, String> {
    let spaced = key.replace('+', " ");
    let name = percent_decode_str(&spaced).decode_utf8().map_err(|_| format!("the key {key:?} is not UTF-8"))?;
    ObjectName::new(name).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn wrap(message: Value) -> String {
        json!({ "Type": "Notification", "Message": message.to_string() }).to_string()
    }

    fn record(event_name: &str, object: Value) -> Value {
        json!({ "Records": [{
            "eventVersion": "2.1", "eventName": event_name, "eventTime": "2026-08-01T10:00:00.123Z",
            "s3": { "bucket": { "name": "b" }, "object": object },
        }] })
    }

    fn event(event_type: &str, name: &str, kind: EventKind) -> ObjectEvent {
        ObjectEvent {
            bucket_name: "b".into(),
            object_name: ObjectName::new(name).unwrap(),
            kind,
            event_type: event_type.into(),
            sequencer: Sequencer::new("0A").unwrap(),
            version_id: None,
            event_time: "2026-08-01T10:00:00.123Z".parse().unwrap(),
        }
    }

    #[track_caller]
    fn check(message: Value, expect: Result<Vec<ObjectEvent>, &str>) {
        let read = read_message(&wrap(message), "b").map_err(|error| error.to_string());
        assert_eq!(read, expect.map_err(str::to_owned));
    }

    #[test]
    fn a_creation_has_size_and_etag() {
        check(
            record("ObjectCreated:Put", json!({ "key": "a", "size": 18, "eTag": "e", "sequencer": "0A" })),
            Ok(vec![event("ObjectCreated:Put", "a", EventKind::Created { size: 18, etag: Some("e".into()) })]),
        );
    }

    #[test]
    fn deletions_come_under_three_names() {
        for name in ["ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated", "LifecycleExpiration:Delete"] {
            check(
                record(name, json!({ "key": "a", "sequencer": "0A" })),
                Ok(vec![event(name, "a", EventKind::Deleted)]),
            );
        }
    }

    #[test]
    fn the_end_of_a_version_names_it_and_a_delete_marker_names_none() {
        for (name, version, expect) in [
            ("ObjectRemoved:Delete", "v1", Some("v1")),
            ("ObjectRemoved:Delete", "null", Some("null")),
            ("LifecycleExpiration:Delete", "v1", Some("v1")),
            ("LifecycleExpiration:Delete", "null", None),
            ("ObjectRemoved:DeleteMarkerCreated", "v1", None),
            ("LifecycleExpiration:DeleteMarkerCreated", "v1", None),
        ] {
            let version_id = expect.map(str::to_owned);
            let deleted = ObjectEvent { version_id, ..event(name, "a", EventKind::Deleted) };
            check(record(name, json!({ "key": "a", "versionId": version, "sequencer": "0A" })), Ok(vec![deleted]));
        }
        let kind = EventKind::Created { size: 1, etag: None };
        let created = event("ObjectCreated:Copy", "a", kind);
        let object = json!({ "key": "a", "size": 1, "versionId": "null", "sequencer": "0A" });
        check(record("ObjectCreated:Copy", object), Ok(vec![created]));
    }

    #[test]
    fn keys_are_decoded() {
        for (key, name) in [
            ("red+flower.jpg", "red flower.jpg"),
            ("a%2Bb", "a+b"),
            ("dir/%F0%9F%92%A7", "dir/💧"),
            ("__STATE__", "__STATE__"),
        ] {
            let deleted = event("ObjectRemoved:Delete", name, EventKind::Deleted);
            check(record("ObjectRemoved:Delete", json!({ "key": key, "sequencer": "0A" })), Ok(vec![deleted]));
        }
    }

    #[test]
    fn sizes_are_exact_up_to_50_tb() {
        let size = 50 * 1000_u64.pow(4) + 1;
        check(
            record("ObjectCreated:CompleteMultipartUpload", json!({ "key": "a", "size": size, "sequencer": "0A" })),
            Ok(vec![event("ObjectCreated:CompleteMultipartUpload", "a", EventKind::Created { size, etag: None })]),
        );
    }

    fn bridge(detail_type: &str, reason: &str, object: Value) -> Value {
        json!({
            "version": "0", "source": "aws.s3", "detail-type": detail_type, "time": "2026-08-01T10:00:00Z",
            "detail": { "version": "0", "bucket": { "name": "b" }, "object": object, "reason": reason },
        })
    }

    #[test]
    fn an_event_of_event_bridge_is_the_same_but_for_its_key_and_its_time() {
        let time = "2026-08-01T10:00:00Z".parse().unwrap();
        let kind = EventKind::Created { size: 18, etag: Some("e".into()) };
        let created = ObjectEvent { event_time: time, ..event("ObjectCreated:Put", "a+b %41", kind) };
        check(
            bridge(
                "Object Created",
                "PutObject",
                json!({ "key": "a+b %41", "size": 18, "etag": "e", "sequencer": "0A" }),
            ),
            Ok(vec![created]),
        );
        let deleted = ObjectEvent { event_time: time, ..event("ObjectRemoved:Delete", "a", EventKind::Deleted) };
        check(
            // The local AWS gives deletions a size.
            bridge("Object Deleted", "DeleteObject", json!({ "key": "a", "size": 0, "etag": "", "sequencer": "0A" })),
            Ok(vec![deleted]),
        );
        check(bridge("Object Tags Added", "", json!({ "key": "a" })), Ok(vec![]));
        check(
            bridge("Object Created", "PutObject", json!({ "key": "a", "sequencer": "0A" })),
            Err("record 0 (ObjectCreated:Put): a creation must have a size"),
        );
        let mut other = bridge("Object Deleted", "DeleteObject", json!({ "key": "a", "sequencer": "0A" }));
        other["detail"]["bucket"]["name"] = json!("c");
        check(other, Err("record 0 (ObjectRemoved:Delete): it is about the bucket c, but this is the ledger of b"));
    }

    #[test]
    fn test_events_and_other_kinds_are_acknowledged() {
        check(json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b" }), Ok(vec![]));
        check(record("ObjectTagging:Put", json!({ "key": "a" })), Ok(vec![]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        check(
            record("ObjectCreated:Put", json!({ "key": "a", "sequencer": "0A" })),
            Err("record 0 (ObjectCreated:Put): a creation must have a size"),
        );
        check(
            record("ObjectRemoved:Delete", json!({ "key": "a" })),
            Err(
                "record 0 (ObjectRemoved:Delete): there is no sequencer, so its place among the object's events is unknown",
            ),
        );
        check(
            record("ObjectRemoved:Delete", json!({ "key": "%FF", "sequencer": "0A" })),
            Err("record 0 (ObjectRemoved:Delete): the key \"%FF\" is not UTF-8"),
        );
        let mut other = record("ObjectRemoved:Delete", json!({ "key": "a", "sequencer": "0A" }));
        other["Records"][0]["s3"]["bucket"]["name"] = json!("c");
        check(other, Err("record 0 (ObjectRemoved:Delete): it is about the bucket c, but this is the ledger of b"));
        check(
            json!({ "Records": [{ "eventName": "ObjectCreated:Put" }] }),
            Err("the S3 message can't be read: Records[0]: missing field `eventTime` at line 1 column 45"),
        );
        assert_eq!(
            read_message("hello", "b").map_err(|error| error.to_string()),
            Err("the SNS envelope can't be read: expected value at line 1 column 1".into())
        );
    }
}
