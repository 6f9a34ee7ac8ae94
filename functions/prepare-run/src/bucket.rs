//! Emptying the bucket of what earlier runs left.

use aws_sdk_s3::Client;
use spillway_boundary::AwsCallError;
use spillway_contracts::run::RUN_MARK;

use crate::Error;

/// Deletes the objects that carry the driver's mark, and says how many there were; none if any lacks it.
pub async fn remove_leftovers(s3: &Client, bucket_name: &str) -> Result<usize, Error> {
    let keys = list(s3, bucket_name).await?;
    for key in &keys {
        if !is_marked(s3, bucket_name, key).await? {
            return Err(Error::Foreign { bucket_name: bucket_name.into(), object_name: key.clone() });
        }
    }
    for key in &keys {
        let request = s3.delete_object().bucket(bucket_name).key(key);
        request.send().await.map_err(|error| AwsCallError::new("DeleteObject", error))?;
    }
    Ok(keys.len())
}

/// A run leaves few objects, so one page shows all of them or enough to find one that isn't a run's.
async fn list(s3: &Client, bucket_name: &str) -> Result<Vec<String>, AwsCallError> {
    let answer = s3.list_objects_v2().bucket(bucket_name).send().await;
    let objects = answer.map_err(|error| AwsCallError::new("ListObjectsV2", error))?.contents.unwrap_or_default();
    Ok(objects.into_iter().filter_map(|object| object.key).collect())
}

/// An object that is gone by now is nobody's.
async fn is_marked(s3: &Client, bucket_name: &str, key: &str) -> Result<bool, AwsCallError> {
    match s3.head_object().bucket(bucket_name).key(key).send().await {
        Ok(object) => Ok(object.metadata().is_some_and(|metadata| metadata.contains_key(RUN_MARK))),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => Ok(true),
        Err(error) => Err(AwsCallError::new("HeadObject", error)),
    }
}
