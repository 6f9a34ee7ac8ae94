//! Putting a version back.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::StorageClass;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use spillway_aws::CallError;
use spillway_contracts::ObjectName;

use super::versions::{Kept, Refusal};

/// What must be encoded where a copy's source is named.
const SOURCE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// An object that is back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// In bytes.
    pub size: u64,
    /// Without quotes, if it is not the one that the object had: S3 gives an object that was uploaded in parts, or is encrypted with
    /// a key of KMS, another one.
    pub other_etag: Option<String>,
}

/// Copies the version onto its own name, with its metadata, tags and storage class, unless an object is there by now.
///
/// "Copies the object only if the object key name at the destination does not already exist in the bucket" (S3's API reference,
/// `If-None-Match` of CopyObject); what only a delete marker has is no object.
pub async fn copy(s3: &Client, bucket: &str, name: &ObjectName, kept: &Kept) -> Result<Copied, Refusal> {
    let request = s3.copy_object().bucket(bucket).key(name.as_str()).copy_source(source(bucket, name, kept));
    let request = request.set_storage_class(kept.storage_class.as_deref().map(StorageClass::from));
    match request.if_none_match("*").send().await.map_err(CallError::of("CopyObject")) {
        Ok(answer) => {
            let etag = answer.copy_object_result.and_then(|it| it.e_tag).unwrap_or_default();
            let etag = etag.trim_matches('"');
            Ok(Copied { size: kept.size, other_etag: (etag != kept.etag).then(|| etag.to_owned()) })
        }
        Err(error) => Err(match error.status() {
            Some(404) => Refusal::NotKept,
            Some(412) => Refusal::There,
            _ => Refusal::Failed(error.to_string()),
        }),
    }
}

fn source(bucket: &str, name: &ObjectName, kept: &Kept) -> String {
    let key = utf8_percent_encode(name.as_str(), SOURCE);
    format!("{bucket}/{key}?versionId={}", utf8_percent_encode(&kept.version_id, SOURCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_encoded() {
        let kept = Kept { version_id: "v.1_x".into(), size: 1, etag: "e".into(), storage_class: None };
        let name = ObjectName::new("dir/a b+%?versionId=x/ü").unwrap();
        assert_eq!(source("b", &name, &kept), "b/dir/a%20b%2B%25%3FversionId%3Dx/%C3%BC?versionId=v.1_x");
    }
}
