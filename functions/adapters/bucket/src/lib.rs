//! An object as S3 has it, also if only its listing shows it.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::EncodingType;
use jiff::Timestamp;
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_ledger::audit::Found;
use spillway_ledger::event::decode_key;

/// The object with this key; `None` if there is none.
pub async fn find(s3: &Client, bucket_name: &str, name: &ObjectName) -> Result<Option<Found>, CallError> {
    let request = s3.head_object().bucket(bucket_name).key(name.as_str());
    match request.send().await.map_err(CallError::of("HeadObject")) {
        Ok(object) => Ok(Some(Found {
            size: object.content_length().unwrap_or_default().cast_unsigned(),
            etag: object.e_tag().map(unquoted),
            version_id: object.version_id().filter(|version| *version != "null").map(str::to_owned),
            last_modified: moment("HeadObject", object.last_modified())?,
        })),
        Err(error) if error.status() == Some(404) => Ok(None),
        Err(error) if is_told_in_listing(&error) => find_in_listing(s3, bucket_name, name).await.map_err(|_| error),
        Err(error) => Err(error),
    }
}

/// Whether another HeadObject would fail in the same way, but the listing has the object if it is there. S3 tells nobody about
/// an object whose key (SSE-C) or permission it was not given; the SDK sends no key of white space alone.
pub fn is_told_in_listing(error: &CallError) -> bool {
    error.is_unsendable() || matches!(error.status(), Some(400 | 403))
}

/// The same as [`find`], from the bucket's listing. It doesn't tell the version.
pub async fn find_in_listing(s3: &Client, bucket_name: &str, name: &ObjectName) -> Result<Option<Found>, CallError> {
    let request = s3.list_objects_v2().bucket(bucket_name).prefix(name.as_str()).max_keys(1);
    // XML can't hold every character that a key may have.
    let request = request.encoding_type(EncodingType::Url);
    let answer = request.send().await.map_err(CallError::of("ListObjectsV2"))?;
    let is_it = |key: &str| decode_key(key).ok().as_ref() == Some(name);
    let listed = answer.contents().first().filter(|object| object.key().is_some_and(is_it));
    let found = listed.map(|object| {
        Ok(Found {
            size: object.size().unwrap_or_default().cast_unsigned(),
            etag: object.e_tag().map(unquoted),
            version_id: None,
            last_modified: moment("ListObjectsV2", object.last_modified())?,
        })
    });
    found.transpose()
}

fn unquoted(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

fn moment(call: &'static str, at: Option<&aws_smithy_types::DateTime>) -> Result<Timestamp, CallError> {
    at.and_then(|at| Timestamp::from_second(at.secs()).ok())
        .ok_or_else(|| CallError::unexpected(call, "S3 did not say when the object was last written"))
}
