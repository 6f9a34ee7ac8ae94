//! Validates a run's input and empties the bucket of the driver's own leftovers.
//!
//! Looks once and answers; asked again, it goes on where things stand. It deletes only objects that carry the mark of
//! the driver's uploads for their own key, and none if the bucket holds any other. A bucket that existed before the stack is
//! refused before anything is looked at.

mod alarm;
mod bucket;

use jiff::{SignedDuration, Timestamp};
use spillway_aws::CallError;
use spillway_contracts::ledger::StateRow;
use spillway_contracts::task::{PrepareRunRequest, PrepareRunResponse, RunPlan};
use spillway_contracts::{ErrorName, Failure, ObjectName};
use spillway_ledger::choice::Rule;
use spillway_ledger::scenario::{ScenarioError, play};
use spillway_ledger_store::{Store, StoreError};

use crate::alarm::Alarm;

#[derive(Debug)]
pub struct Deps {
    pub store: Store,
    pub s3: aws_sdk_s3::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub alarm_name: String,
    /// Whether the stack has made the bucket.
    pub is_own_bucket: bool,
    /// The cleaner's rule; in a dry run no deletion is allowed.
    pub rule: Rule,
}

/// Why a run can't begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bucket is not the stack's own. Its role has no access to it either.
    #[error(
        "the bucket {bucket_name} existed before this stack (ExistingBucketName), and a run puts objects into no bucket that its \
         stack has not made, not even an empty one; nothing was looked at or deleted. Give the runs a stack of their own. An \
         audit shows that this stack's ledger is right"
    )]
    Existing { bucket_name: String },
    /// The input asks for the impossible.
    #[error("input.{0}")]
    Input(#[from] ScenarioError),
    /// The bucket holds objects that no run has put there.
    #[error(
        "the bucket {bucket_name} holds objects that no run has put there, such as {:?}; nothing was deleted. \
         Empty the bucket, or deploy a stack of its own for the runs",
        object_name.as_str()
    )]
    Foreign {
        bucket_name: String,
        /// One of the objects.
        object_name: ObjectName,
    },
    #[error("after {seconds} s the run is still waiting: {waiting_for}")]
    Deadline {
        /// How long the run has waited.
        seconds: u64,
        /// What for.
        waiting_for: String,
    },
    /// The ledger can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket or the alarm can't be read.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let name = match &error {
            Error::Existing { .. } => ErrorName::ExistingBucket,
            Error::Input(_) => ErrorName::InvalidInput,
            Error::Foreign { .. } => ErrorName::BucketNotEmpty,
            Error::Deadline { .. } => ErrorName::PreparationDeadlinePassed,
            Error::Store(error) => error.name(),
            Error::Call(error) => error.name(),
        };
        Self { name, message: error.to_string() }
    }
}

/// Says what the run will do, and whether it may begin.
pub async fn handle(deps: &Deps, request: PrepareRunRequest, now: Timestamp) -> Result<PrepareRunResponse, Error> {
    if !deps.is_own_bucket {
        return Err(Error::Existing { bucket_name: deps.store.bucket_name().to_owned() });
    }
    let alarm = alarm::describe(&deps.cloudwatch, &deps.alarm_name).await?;
    let mut plan = plan(&request, &alarm, &deps.rule, now)?;
    let leftovers = bucket::remove_leftovers(&deps.s3, deps.store.bucket_name()).await?;
    let state = deps.store.state().await?;
    plan.after_event_key = state.as_ref().map(|state| state.last_event_key.clone()).unwrap_or_default();
    let waiting_for = waiting_for(leftovers, state, &alarm);
    let seconds = plan.deadline_seconds;
    if !waiting_for.is_empty() && now >= request.started_at + SignedDuration::from_secs(seconds as i64) {
        return Err(Error::Deadline { seconds, waiting_for });
    }
    Ok(PrepareRunResponse { done: waiting_for.is_empty(), waiting_for, plan })
}

fn plan(request: &PrepareRunRequest, alarm: &Alarm, rule: &Rule, now: Timestamp) -> Result<RunPlan, ScenarioError> {
    let scenario = play(&request.input, rule)?;
    Ok(RunPlan {
        run_id: request.run_id.clone(),
        started_at: now,
        threshold_bytes: alarm.threshold_bytes,
        period_seconds: alarm.period_seconds,
        // A tenth of a period: often enough to lose little of it, seldom enough for few state transitions.
        poll_seconds: (alarm.period_seconds / 10).max(1),
        deadline_seconds: request.input.deadline_seconds.seconds(),
        after_event_key: String::new(),
        cycles: scenario.cycles,
        expected_timeline: scenario.timeline,
    })
}

/// What has to come to rest before the first upload; empty if nothing does.
fn waiting_for(leftovers: usize, state: Option<StateRow>, alarm: &Alarm) -> String {
    let (total, count) = state.map_or((0, 0), |state| (state.total_size, state.object_count));
    match (leftovers, total, count) {
        // An alarm that is in ALARM already acts on nothing.
        (0, 0, 0) if alarm.state == "ALARM" => format!("the alarm {} is in ALARM", alarm.name),
        (0, 0, 0) => String::new(),
        (0, total, 1) => format!("the bucket is empty, but the ledger still counts 1 object of {total} bytes"),
        (0, total, count) => {
            format!("the bucket is empty, but the ledger still counts {count} objects of {total} bytes")
        }
        (1, ..) => "1 object of earlier runs is being deleted".to_owned(),
        (leftovers, ..) => format!("{leftovers} objects of earlier runs are being deleted"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_contracts::ledger::StateKey;

    #[track_caller]
    fn check(leftovers: usize, ledger: Option<(u64, u64)>, alarm_state: &str, expect: &str) {
        let state = ledger.map(|(total_size, object_count)| StateRow {
            object_name: StateKey::State,
            total_size,
            object_count,
            version: 1,
            last_event_key: String::new(),
            is_dated: true,
            updated_at: Timestamp::UNIX_EPOCH,
        });
        let (name, state_name) = ("a".to_owned(), alarm_state.to_owned());
        let alarm = Alarm { name, state: state_name, threshold_bytes: 20, period_seconds: 60 };
        assert_eq!(waiting_for(leftovers, state, &alarm), expect);
    }

    #[test]
    fn a_run_begins_once_bucket_ledger_and_alarm_are_at_rest() {
        check(0, None, "INSUFFICIENT_DATA", "");
        check(0, Some((0, 0)), "OK", "");
        check(1, Some((2, 1)), "OK", "1 object of earlier runs is being deleted");
        check(0, Some((2, 1)), "OK", "the bucket is empty, but the ledger still counts 1 object of 2 bytes");
        check(0, Some((0, 0)), "ALARM", "the alarm a is in ALARM");
    }
}
