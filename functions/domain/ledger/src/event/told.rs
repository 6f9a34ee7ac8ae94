//! What S3 tells of an object, whichever way it does.

use jiff::Timestamp;
use spillway_contracts::notification::{S3BridgeEvent, S3Record};
use spillway_contracts::{ObjectName, Sequencer};

use super::decode_key;

/// What S3 tells of an object, under the names that its notifications have for what happens.
pub struct Told {
    pub bucket_name: String,
    pub object_name: Result<ObjectName, String>,
    pub event_type: String,
    pub event_time: Timestamp,
    pub size: Option<u64>,
    pub etag: Option<String>,
    pub version_id: Option<String>,
    pub sequencer: Option<Sequencer>,
}

impl From<S3Record> for Told {
    fn from(record: S3Record) -> Self {
        let object = record.s3.object;
        Self {
            bucket_name: record.s3.bucket.name,
            object_name: decode_key(&object.key),
            event_type: record.event_name,
            event_time: record.event_time,
            size: object.size,
            etag: object.e_tag,
            version_id: object.version_id,
            sequencer: object.sequencer,
        }
    }
}

impl From<S3BridgeEvent> for Told {
    fn from(event: S3BridgeEvent) -> Self {
        let object = event.detail.object;
        let (reason, deletion_type) = (event.detail.reason.as_deref(), event.detail.deletion_type.as_deref());
        Self {
            bucket_name: event.detail.bucket.name,
            object_name: Ok(object.key),
            event_type: event_type(&event.detail_type, reason, deletion_type),
            event_time: event.time,
            size: object.size,
            etag: object.etag,
            version_id: object.version_id,
            sequencer: object.sequencer,
        }
    }
}

/// The name that notifications have for it. (S3 user guide, "EventBridge event message structure": `detail-type`, and
/// `reason` and `deletion-type` in `detail`.)
fn event_type(detail_type: &str, reason: Option<&str>, deletion_type: Option<&str>) -> String {
    let (group, kind) = match (detail_type, reason) {
        ("Object Created", Some("PutObject")) => ("ObjectCreated", "Put"),
        ("Object Created", Some("POST Object")) => ("ObjectCreated", "Post"),
        ("Object Created", Some("CopyObject")) => ("ObjectCreated", "Copy"),
        ("Object Created", reason) => ("ObjectCreated", reason.unwrap_or("Unknown")),
        ("Object Deleted", reason) => {
            let is_expiry = reason == Some("Lifecycle Expiration");
            let is_hidden = deletion_type == Some("Delete Marker Created");
            let group = if is_expiry { "LifecycleExpiration" } else { "ObjectRemoved" };
            (group, if is_hidden { "DeleteMarkerCreated" } else { "Delete" })
        }
        (other, _) => ("Other", other),
    };
    format!("{group}:{kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_event_bridge_has_the_name_that_notifications_give_it() {
        for (detail_type, reason, deletion_type, expect) in [
            ("Object Created", Some("PutObject"), None, "ObjectCreated:Put"),
            ("Object Created", Some("POST Object"), None, "ObjectCreated:Post"),
            ("Object Created", Some("CopyObject"), None, "ObjectCreated:Copy"),
            ("Object Created", Some("CompleteMultipartUpload"), None, "ObjectCreated:CompleteMultipartUpload"),
            ("Object Deleted", Some("DeleteObject"), Some("Permanently Deleted"), "ObjectRemoved:Delete"),
            (
                "Object Deleted",
                Some("DeleteObject"),
                Some("Delete Marker Created"),
                "ObjectRemoved:DeleteMarkerCreated",
            ),
            ("Object Deleted", Some("Lifecycle Expiration"), Some("Permanently Deleted"), "LifecycleExpiration:Delete"),
            (
                "Object Deleted",
                Some("Lifecycle Expiration"),
                Some("Delete Marker Created"),
                "LifecycleExpiration:DeleteMarkerCreated",
            ),
            ("Object Tags Added", None, None, "Other:Object Tags Added"),
        ] {
            assert_eq!(event_type(detail_type, reason, deletion_type), expect);
        }
    }
}
