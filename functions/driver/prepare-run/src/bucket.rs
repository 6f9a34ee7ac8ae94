//! Emptying the bucket of what earlier runs left.

use aws_sdk_s3::Client;
use spillway_aws::CallError;
use spillway_contracts::run::RUN_MARK;

use crate::Error;

/// An object that a run left, as it was when its mark was seen.
struct Leftover {
    key: String,
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
    let mut pages = s3.list_objects_v2().bucket(bucket_name).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(CallError::of("ListObjectsV2"))?;
        for key in page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key) {
            match s3.head_object().bucket(bucket_name).key(&key).send().await {
                Ok(object) if object.metadata().is_some_and(|metadata| metadata.contains_key(RUN_MARK)) => {
                    leftovers.push(Leftover { key, etag: object.e_tag.unwrap_or_default() });
                }
                Ok(_) => return Err(Error::Foreign { bucket_name: bucket_name.into(), object_name: key }),
                // Deleted since it was listed.
                Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {}
                Err(error) => return Err(CallError::of("HeadObject")(error).into()),
            }
        }
    }
    Ok(leftovers)
}

/// Deletes what was seen, and nothing that was written in its place since: the next look will see that.
async fn remove(s3: &Client, bucket_name: &str, leftover: &Leftover) -> Result<(), CallError> {
    let request = s3.delete_object().bucket(bucket_name).key(&leftover.key).if_match(&leftover.etag);
    match request.send().await.map_err(CallError::of("DeleteObject")) {
        Err(error) if !matches!(error.status(), Some(404 | 409 | 412)) => Err(error),
        _ => Ok(()),
    }
}
