//! Deleting one object.

use aws_sdk_s3::Client;
use spillway_boundary::AwsCallError;
use spillway_ledger::choice::Candidate;

/// Deletes the object that the ledger means. Whether it is gone: `false` if somebody has written another object of that
/// name since, which then has an event of its own on the way. An object that is gone already counts as deleted.
pub async fn delete(s3: &Client, bucket_name: &str, candidate: &Candidate) -> Result<bool, AwsCallError> {
    let request = s3.delete_object().bucket(bucket_name).key(candidate.object_name.as_str());
    let if_match = candidate.etag.as_ref().map(|etag| format!("\"{etag}\""));
    let object_name = candidate.object_name.as_str();
    match request.set_if_match(if_match).send().await {
        Ok(_) => {
            tracing::info!(object_name, size = candidate.size, "deleted");
            Ok(true)
        }
        Err(error) => {
            let error = AwsCallError::new("DeleteObject", error);
            match error.status() {
                Some(404) => Ok(true),
                Some(409 | 412) => {
                    tracing::info!(object_name, "kept: it was overwritten after the decision");
                    Ok(false)
                }
                _ => Err(error),
            }
        }
    }
}
