//! Deleting objects from the bucket, on the condition that they are still what the ledger knows.

use std::time::Duration;

use aws_sdk_s3::Client;
use jiff::{SignedDuration, Timestamp};
use spillway_aws::CallError;
use spillway_bucket::{find_in_listing, is_told_in_listing};
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::CleaningObject;
use spillway_contracts::log_line::Outcome;
use spillway_ledger::choice::Candidate;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::plan::Sources;

/// How many objects are deleted at a time. S3 takes 3,500 deletions a second under one prefix: with as many at a time as this,
/// each of 100 ms, it is asked for 1,300.
pub const AT_A_TIME: usize = 128;

/// How long before the end of the invocation no further deletion begins: what came of them has still to be written.
const RESERVE: SignedDuration = SignedDuration::from_secs(10);

/// How long one deletion may take.
const LONGEST: Duration = Duration::from_secs(5);

/// What became of an object, and why S3 failed, if it did.
pub type Deletion = (Outcome, Option<CallError>);

/// Deletes an object if there is time.
pub async fn delete_in_time(
    s3: &Client,
    bucket_name: &str,
    object: &Candidate,
    now: fn() -> Timestamp,
    over_at: Timestamp,
) -> Deletion {
    if now() >= over_at - RESERVE {
        return (Outcome::Kept, None);
    }
    match timeout(LONGEST, delete(s3, bucket_name, object)).await {
        Ok(Ok(outcome)) => (outcome, None),
        Ok(Err(error)) => (failure(&error), Some(error)),
        Err(_) => (Outcome::Failed, Some(CallError::unanswered("DeleteObject"))),
    }
}

/// What a deletion that failed has come to.
fn failure(error: &CallError) -> Outcome {
    match error.code() {
        Some("AccessDenied") => Outcome::Refused,
        // It could not be sent the next time, either.
        _ if error.is_unsendable() => Outcome::Refused,
        _ => Outcome::Failed,
    }
}

async fn delete(s3: &Client, bucket_name: &str, object: &Candidate) -> Result<Outcome, CallError> {
    let etag = match &object.etag {
        Some(etag) => format!("\"{etag}\""),
        None => match look_at(s3, bucket_name, object).await? {
            Ok(etag) => etag,
            Err(outcome) => return Ok(outcome),
        },
    };
    let request = s3.delete_object().bucket(bucket_name).key(object.object_name.as_str()).if_match(etag);
    match request.send().await.map_err(CallError::of("DeleteObject")) {
        Ok(_) => Ok(Outcome::Deleted),
        Err(error) => other_object(&error).ok_or(error),
    }
}

/// The ETag of an object whose ETag the ledger doesn't know, if it is as large as the ledger says.
async fn look_at(s3: &Client, bucket_name: &str, object: &Candidate) -> Result<Result<String, Outcome>, CallError> {
    let request = s3.head_object().bucket(bucket_name).key(object.object_name.as_str());
    match request.send().await.map_err(CallError::of("HeadObject")) {
        Ok(found) if found.content_length() == i64::try_from(object.size).ok() => {
            Ok(found.e_tag.ok_or(Outcome::Overwritten))
        }
        Ok(_) => Ok(Err(Outcome::Overwritten)),
        Err(error) => other_object(&error).map(Err).ok_or(error),
    }
}

/// What S3 means by its refusal of a conditional request.
fn other_object(error: &CallError) -> Option<Outcome> {
    match error.status() {
        Some(404) => Some(Outcome::AlreadyGone),
        Some(412) => Some(Outcome::Overwritten),
        // Somebody else was at it, and may have come to nothing.
        Some(409) => Some(Outcome::Kept),
        _ => None,
    }
}

/// Asks S3 of each object whether it is still there; gives nothing of those that S3 doesn't answer about.
pub async fn look_up(sources: &Sources<'_>, objects: Vec<CleaningObject>) -> Vec<(ObjectName, Outcome)> {
    let mut found = Vec::new();
    let mut waiting = objects.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_A_TIME {
            let Some(object) = waiting.next() else { break };
            let (s3, bucket_name) = (sources.s3.clone(), sources.store.bucket_name().to_owned());
            running.spawn(async move {
                let outcome = is_still_there(&s3, &bucket_name, &object).await;
                (object.object_name, outcome)
            });
        }
        let Some(finished) = running.join_next().await else { return found };
        match finished {
            Ok((name, Ok(outcome))) => found.push((name, outcome)),
            Ok((name, Err(error))) => {
                tracing::warn!(object_name = name.as_str(), %error, "whether it was deleted is not known");
            }
            Err(_) => {}
        }
    }
}

/// Kept if the object is still there; otherwise it is gone, or another one is there.
async fn is_still_there(s3: &Client, bucket_name: &str, object: &CleaningObject) -> Result<Outcome, CallError> {
    let (name, etag) = (&object.object_name, object.etag.as_deref());
    let request = s3.head_object().bucket(bucket_name).key(name.as_str());
    let request = request.set_if_match(etag.map(|etag| format!("\"{etag}\"")));
    let Err(error) = request.send().await.map_err(CallError::of("HeadObject")) else { return Ok(Outcome::Kept) };
    if let Some(outcome) = other_object(&error) {
        return Ok(outcome);
    }
    if !is_told_in_listing(&error) {
        return Err(error);
    }
    match find_in_listing(s3, bucket_name, name).await {
        Ok(Some(found)) if etag.is_none() || found.etag.as_deref() == etag => Ok(Outcome::Kept),
        Ok(Some(_)) => Ok(Outcome::Overwritten),
        Ok(None) => Ok(Outcome::AlreadyGone),
        Err(_) => Err(error),
    }
}
