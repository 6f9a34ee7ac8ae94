//! Deleting one object.

use aws_sdk_s3::Client;
use spillway_aws::CallError;
use spillway_contracts::log_line::Outcome;
use spillway_ledger::choice::Candidate;

/// Deletes the object that the ledger means, on the condition that it has the ETag that the ledger knows.
///
/// Without an ETag in the ledger there is no condition: whatever has the name goes.
pub async fn delete(s3: &Client, bucket_name: &str, candidate: &Candidate) -> Result<Outcome, CallError> {
    let request = s3.delete_object().bucket(bucket_name).key(candidate.object_name.as_str());
    let if_match = candidate.etag.as_ref().map(|etag| format!("\"{etag}\""));
    match request.set_if_match(if_match).send().await {
        Ok(_) => Ok(Outcome::Deleted),
        Err(error) => {
            let error = CallError::of("DeleteObject")(error);
            match error.status() {
                Some(404) => Ok(Outcome::AlreadyGone),
                Some(409 | 412) => Ok(Outcome::Overwritten),
                _ => Err(error),
            }
        }
    }
}
