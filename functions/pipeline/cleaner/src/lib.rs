//! Deletes the largest objects until the bucket is under its threshold.
//!
//! What goes follows from the ledger alone, never from the event that invoked the function: a second, stale or
//! concurrent invocation chooses among the same objects and deletes nothing more than one would.

mod decide;
mod delete;
mod report;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use spillway_aws::CallError;
use spillway_contracts::alarm::AlarmEvent;
use spillway_contracts::log_line::{CleanerDecisionLine, Invoker, Outcome};
use spillway_contracts::schedule::SafetyNet;
use spillway_contracts::{ErrorName, Failure};
use spillway_lambda::serve::decode;
use spillway_lambda::{now, request_id};
use spillway_ledger::choice::{Candidate, Rule};
use spillway_ledger_store::{Store, StoreError};

use crate::report::{Decision, line};

/// What invokes the function.
#[derive(Clone, Debug)]
pub enum Invocation {
    /// The alarm entered a state.
    Alarm(AlarmEvent),
    /// The schedule, in case an invocation by the alarm was lost.
    Schedule(SafetyNet),
}

impl<'de> Deserialize<'de> for Invocation {
    /// What has a `schedule` is the schedule's; all else is taken for an alarm's, so that errors name the field.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Value::deserialize(deserializer)?;
        let invocation = match event.get("schedule") {
            Some(_) => decode(event).map(Self::Schedule),
            None => decode(event).map(Self::Alarm),
        };
        invocation.map_err(|failure| D::Error::custom(failure.message))
    }
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
    /// Whether to say only what would be deleted.
    pub dry_run: bool,
}

/// Why the bucket could not be brought under its threshold. Lambda invokes the function again, and then gives the event
/// to the dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket refuses a deletion.
    #[error(transparent)]
    Bucket(#[from] CallError),
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

/// Deletes what has to go, and says through `write` what that was and why.
///
/// An object that can't be deleted keeps no other from being deleted; the invocation fails in the end.
pub async fn handle(
    deps: &Deps,
    invocation: Invocation,
    write: impl Fn(&CleanerDecisionLine),
) -> Result<CleanerDecisionLine, Error> {
    let (total_size, choice) = decide::decide(&deps.store, &deps.rule).await?;
    let mut outcomes = Vec::new();
    let mut failed = None;
    for candidate in &choice.delete {
        let outcome = dispose_of(deps, candidate).await.unwrap_or_else(|error| {
            tracing::error!(object_name = candidate.object_name.as_str(), %error, "an object was not deleted");
            failed = Some(error);
            Outcome::Failed
        });
        outcomes.push(outcome);
    }
    let line = line(Decision {
        at: now(),
        request_id: request_id(),
        bucket_name: deps.store.bucket_name(),
        invoked_by: match invocation {
            Invocation::Alarm(_) => Invoker::Alarm,
            Invocation::Schedule(_) => Invoker::Schedule,
        },
        dry_run: deps.dry_run,
        threshold_bytes: deps.rule.threshold_bytes,
        total_size,
        choice: &choice,
        outcomes: &outcomes,
    });
    write(&line);
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(line),
    }
}

/// Each object has a line of its own, because the decision's line has no room for all.
async fn dispose_of(deps: &Deps, candidate: &Candidate) -> Result<Outcome, CallError> {
    let outcome = match deps.dry_run {
        true => Outcome::DryRun,
        false => delete::delete(&deps.s3, deps.store.bucket_name(), candidate).await?,
    };
    let object_name = candidate.object_name.as_str();
    tracing::info!(object_name, size = candidate.size, ?outcome, "disposed of an object");
    Ok(outcome)
}
