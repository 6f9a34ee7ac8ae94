//! Checks a run against the whole of its history: the totals, and who deleted.
//!
//! The tasks before it see one cycle each, and nothing of what happens between two. Changes nothing; asked twice, it
//! answers twice.

mod cleanings;
mod timeline;

use spillway_contracts::failure::list;
use spillway_contracts::task::{CheckRunRequest, CheckRunResponse};
use spillway_contracts::{ErrorName, Failure};
use spillway_ledger::fold::key_time;
use spillway_ledger_store::{Store, StoreError};

use crate::cleanings::NotByAlarm;
use crate::timeline::Timelines;

/// How many totals of a timeline a message gives.
const MOST_TOLD: usize = 50;

#[derive(Debug)]
pub struct Deps {
    pub store: Store,
}

/// Why the run did not go as it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the total should have gone through {}, but it went through {}",
        list(MOST_TOLD, expected),
        list(MOST_TOLD, observed)
    )]
    Timeline {
        /// The totals that were expected, in bytes.
        expected: Vec<u64>,
        /// The totals that the history recorded, in bytes.
        observed: Vec<u64>,
    },
    /// An object was deleted that the alarm did not have deleted.
    #[error(transparent)]
    NotByAlarm(#[from] NotByAlarm),
    /// The ledger can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let name = match &error {
            Error::Timeline { .. } => ErrorName::TimelineMismatch,
            Error::NotByAlarm(_) => ErrorName::NotDeletedByAlarm,
            Error::Store(error) => error.name(),
        };
        Self { name, message: error.to_string() }
    }
}

/// Says how the total moved from the run's start to now, and which cleanings moved it.
pub async fn handle(deps: &Deps, request: CheckRunRequest) -> Result<CheckRunResponse, Error> {
    let history = deps.store.history_after(&request.after_event_key).await?;
    let records = deps.store.cleanings_from(&key_time(request.started_at)).await?;
    let Timelines { expected, observed } = timeline::compare(&request.cycles, &history);
    if expected != observed {
        return Err(Error::Timeline { expected, observed });
    }
    let cleanings = cleanings::of_run(&request.cycles, &history, &records)?;
    Ok(CheckRunResponse { expected_timeline: expected, observed_timeline: observed, cleanings })
}
