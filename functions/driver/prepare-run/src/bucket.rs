//! Emptying the bucket of what earlier runs left.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::EncodingType;
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_contracts::run_mark::{RUN_MARK, is_mark_for};
use spillway_ledger::event::decode_key;

use crate::Error;

/// An object that a run left, as it was when its mark was seen.
struct Leftover {
    object_name: ObjectName,
    etag: String,
}

/// Deletes the objects that carry the driver's mark, and says how many there were; none if any lacks it.
pub async fn remove_leftovers(s3: &Client, bucket_name: &str) -> Result<usize, Error> {
    let leftovers = leftovers(s3, bucket_name).await?;
    for leftover in &leftovers {
        remove(s3, bucket_name, leftover).await?;
    }
    Ok(leftovers.len())
}

/// Every object of the bucket; an error at the first that no run has put there.
async fn leftovers(s3: &Client, bucket_name: &str) -> Result<Vec<Leftover>, Error> {
    let mut leftovers = Vec::new();
    // XML can't hold every character that a key may have.
    let request = s3.list_objects_v2().bucket(bucket_name).encoding_type(EncodingType::Url);
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(CallError::of("ListObjectsV2"))?;
        for key in page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key) {
            let object_name = decode_key(&key).map_err(|reason| CallError::unexpected("ListObjectsV2", reason))?;
            if object_name.as_str().trim().is_empty() {
                // The SDK refuses to send such a key, so no run has uploaded it.
                return Err(Error::Foreign { bucket_name: bucket_name.into(), object_name });
            }
            match s3.head_object().bucket(bucket_name).key(object_name.as_str()).send().await {
                Ok(object) if is_marked(&object, &object_name) => {
                    leftovers.push(Leftover { object_name, etag: object.e_tag.unwrap_or_default() });
                }
                Ok(_) => return Err(Error::Foreign { bucket_name: bucket_name.into(), object_name }),
                // Deleted since it was listed.
                Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {}
                Err(error) => return Err(CallError::of("HeadObject")(error).into()),
            }
        }
    }
    Ok(leftovers)
}

/// Whether a run has put the object there. A copy of such an object has its mark, but another key.
fn is_marked(object: &HeadObjectOutput, object_name: &ObjectName) -> bool {
    let mark = object.metadata().and_then(|metadata| metadata.get(RUN_MARK));
    mark.is_some_and(|mark| is_mark_for(mark, object_name))
}

/// Deletes what was seen, and nothing that was written in its place since: the next look will see that.
async fn remove(s3: &Client, bucket_name: &str, leftover: &Leftover) -> Result<(), CallError> {
    let request = s3.delete_object().bucket(bucket_name).key(leftover.object_name.as_str()).if_match(&leftover.etag);
    match request.send().await.map_err(CallError::of("DeleteObject")) {
        Err(error) if !matches!(error.status(), Some(404 | 409 | 412)) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_contracts::run_mark::run_mark;
    use spillway_fake_aws::{BUCKET, FakeS3};

    async fn upload(s3: &FakeS3, key: &str, mark: &str) {
        s3.client().put_object().bucket(BUCKET).key(key).metadata(RUN_MARK, mark).send().await.unwrap();
    }

    async fn upload_as_a_run(s3: &FakeS3, key: &str) {
        upload(s3, key, &run_mark("r", 1, 0, &ObjectName::new(key).unwrap())).await;
    }

    #[tokio::test]
    async fn leftovers_may_have_any_name() {
        let s3 = FakeS3::default();
        for key in ["a", "a\0b", "a\u{1}", "a\u{fffe}", "<&>", "100% a+b/ü.txt", "/", ".."] {
            upload_as_a_run(&s3, key).await;
        }
        assert_eq!(remove_leftovers(&s3.client(), BUCKET).await.unwrap(), 8);
        assert!(s3.keys().is_empty());
    }

    /// One object that no run has put there keeps all of them.
    #[track_caller]
    fn check_foreign(error: &Error, name: &str) {
        assert!(matches!(error, Error::Foreign { object_name, .. } if object_name.as_str() == name), "{error}");
    }

    #[tokio::test]
    async fn a_copy_of_a_leftover_is_not_a_runs() {
        let s3 = FakeS3::default();
        upload_as_a_run(&s3, "a").await;
        s3.copy("a", "copy of a");
        check_foreign(&remove_leftovers(&s3.client(), BUCKET).await.unwrap_err(), "copy of a");
        assert_eq!(s3.keys(), ["a", "copy of a"]);
    }

    #[tokio::test]
    async fn white_space_alone_is_not_a_runs() {
        let s3 = FakeS3::default();
        s3.put("\n", 1, "e");
        check_foreign(&remove_leftovers(&s3.client(), BUCKET).await.unwrap_err(), "\n");
    }

    #[tokio::test]
    async fn a_mark_that_names_no_key_is_not_a_runs() {
        let s3 = FakeS3::default();
        upload(&s3, "a", "r/1/0").await;
        check_foreign(&remove_leftovers(&s3.client(), BUCKET).await.unwrap_err(), "a");
        assert_eq!(s3.keys(), ["a"]);
    }
}
