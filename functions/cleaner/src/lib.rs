//! Deletes the largest objects until the bucket is under its threshold.
//!
//! What goes follows from the ledger alone, never from the event that invoked the function: a second, stale or
//! concurrent invocation chooses among the same objects and deletes nothing more than one would.

mod decide;
mod delete;

use serde::Deserialize;
use spillway_boundary::{AwsCallError, Failure, now};
use spillway_contracts::ErrorName;
use spillway_contracts::alarm::AlarmEvent;
use spillway_contracts::line::{CleanerDecisionLine, DeletedObject, Level};
use spillway_ledger::choice::Rule;
use spillway_ledger_store::{Store, StoreError};

/// What invokes the function.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Invocation {
    /// The alarm entered a state.
    Alarm(AlarmEvent),
    /// The schedule, in case an invocation by the alarm was lost.
    Schedule {
        /// The schedule's name.
        schedule: String,
    },
}

/// What the function works with.
#[derive(Debug)]
pub struct Deps {
    /// The ledger.
    pub store: Store,
    /// The client for the bucket.
    pub s3: aws_sdk_s3::Client,
    /// When and what to delete.
    pub rule: Rule,
}

/// Why the bucket could not be brought under its threshold.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket refuses a deletion.
    #[error(transparent)]
    Bucket(#[from] AwsCallError),
    /// The total and the index by size never belonged together.
    #[error("the ledger changed during each of {looks} looks at it")]
    Restless {
        /// How often the cleaner looked.
        looks: u32,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let name = match &error {
            Error::Store(error) => error.name(),
            Error::Bucket(error) => error.name(),
            Error::Restless { .. } => ErrorName::ServiceUnavailable,
        };
        Self { name, message: error.to_string() }
    }
}

/// Deletes what has to go, and says what that was and why.
pub async fn handle(deps: &Deps, invocation: Invocation) -> Result<CleanerDecisionLine, Error> {
    let (total, choice) = decide::decide(&deps.store, &deps.rule).await?;
    let mut deleted = Vec::new();
    for candidate in &choice.delete {
        if delete::delete(&deps.s3, deps.store.bucket_name(), candidate).await? {
            deleted.push(DeletedObject { object_name: candidate.object_name.clone(), size: candidate.size });
        }
    }
    let threshold = deps.rule.threshold_bytes;
    let freed: u64 = deleted.iter().map(|object| object.size).sum();
    let projected = total.saturating_sub(freed);
    let invoked_by = match invocation {
        Invocation::Alarm(_) => "alarm",
        Invocation::Schedule { .. } => "schedule",
    };
    Ok(CleanerDecisionLine {
        timestamp: now(),
        // What is left over is left to the next invocation: the schedule's, since the alarm acts once.
        level: if projected < threshold { Level::Info } else { Level::Error },
        message: match deleted.len() {
            0 if total < threshold => {
                format!("nothing to delete: {total} bytes are below the threshold of {threshold}")
            }
            count => {
                format!("{total} bytes become {projected} without the largest ({count}); the threshold is {threshold}")
            }
        },
        bucket_name: deps.store.bucket_name().into(),
        invoked_by: invoked_by.into(),
        ledger_total_size: total,
        threshold_bytes: threshold,
        projected_total_size: projected,
        deleted,
    })
}
