//! Deletes the largest objects until the bucket is under its threshold.
//!
//! What goes follows from the ledger alone, never from the event that invoked the function. Before the first deletion the
//! ledger has a record of everything that is going to be deleted. As long as it doesn't know of one of these deletions, that
//! object is neither counted nor chosen again. So a second, stale or concurrent invocation deletes nothing more than one
//! would.

mod alarm;
mod cleaning;
mod decide;
mod delete;
mod looks;
mod notice;
pub mod plan;
mod report;
mod rounds;
mod under_way;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use spillway_aws::CallError;
use spillway_contracts::alarm::AlarmEvent;
use spillway_contracts::log_line::{CleanerDecisionLine, Invoker};
use spillway_contracts::schedule::SafetyNet;
use spillway_contracts::{ErrorName, Failure};
use spillway_lambda::serve::decode;
use spillway_ledger::choice::Rule;
use spillway_ledger_store::{Store, StoreError};
use tokio::time::timeout;

pub use crate::alarm::TotalSizeAlarm;
use crate::cleaning::Cleaning;
pub use crate::cleaning::Limits;
pub use crate::decide::Decision;
pub use crate::notice::Notices;
use crate::plan::Sources;

/// How long before its end an invocation stops waiting, so that it can still say what it did.
const REPORTING: SignedDuration = SignedDuration::from_secs(3);

/// What invokes the function.
#[derive(Clone, Debug)]
pub enum Invocation {
    /// The alarm entered a state.
    Alarm(AlarmEvent),
    /// The schedule, in case an invocation by the alarm was lost.
    Schedule(SafetyNet),
}

impl<'de> Deserialize<'de> for Invocation {
    /// An event with a `schedule` comes from the schedule. Any other is read as an alarm's, so that errors name the field.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Value::deserialize(deserializer)?;
        let invocation = match event.get("schedule") {
            Some(_) => decode(event).map(Self::Schedule),
            None => decode(event).map(Self::Alarm),
        };
        invocation.map_err(|failure| D::Error::custom(failure.message))
    }
}

#[derive(Debug)]
pub struct Deps {
    pub store: Store,
    pub s3: aws_sdk_s3::Client,
    /// Where cleanings are announced.
    pub notices: Notices,
    /// When and what to delete.
    pub rule: Rule,
    /// The alarm that invokes the function.
    pub alarm: TotalSizeAlarm,
    pub limits: Limits,
    /// How long the schedule leaves a total at or above the threshold to the alarm, if that has not gone off yet.
    pub patience: SignedDuration,
    /// Whether nothing may be deleted before an audit has ended well: the bucket held objects before the ledger did.
    pub needs_audit: bool,
    /// Whether to say only what would be deleted.
    pub dry_run: bool,
    pub now: fn() -> Timestamp,
}

impl Deps {
    /// What plans are made from.
    fn sources(&self) -> Sources<'_> {
        Sources { store: &self.store, s3: &self.s3, needs_audit: self.needs_audit }
    }
}

/// How long the schedule leaves a total to an alarm with a period of this many seconds: until the period in which the total
/// was reached is over, and the next one, and as long as CloudWatch may take to see them.
pub fn patience(alarm_period_seconds: u32) -> SignedDuration {
    SignedDuration::from_secs(2 * i64::from(alarm_period_seconds)) + SignedDuration::from_secs(60)
}

/// Why the bucket could not be brought under its threshold. Lambda invokes the function again, and then gives the event
/// to the dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// S3 fails.
    #[error(transparent)]
    Bucket(#[from] CallError),
    /// The history, the index by size and the total never belonged together. Nothing was deleted.
    #[error(
        "the ledger's objects did not add up to its total in any of {looks} looks, so nothing was deleted; the next invocation looks again"
    )]
    Incoherent {
        /// How many times the cleaner looked.
        looks: u32,
    },
    /// AWS took too long. What was begun is on record.
    #[error("AWS did not answer in the time that the invocation has; what it began is on record")]
    OutOfTime,
    /// Other invocations were faster each time, or DynamoDB had no room. They saw to it that no object is chosen twice.
    #[error("other invocations began to delete first, or DynamoDB was overloaded, in each of {attempts} attempts")]
    Overtaken {
        /// How many times this one tried.
        attempts: u32,
    },
}

impl Error {
    /// The name that this has at the boundary of a function.
    pub fn name(&self) -> ErrorName {
        match self {
            Self::Store(error) => error.name(),
            Self::Bucket(error) => error.name(),
            Self::Incoherent { .. } | Self::OutOfTime | Self::Overtaken { .. } => ErrorName::ServiceUnavailable,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { name: error.name(), message: error.to_string() }
    }
}

impl Invocation {
    fn invoker(&self) -> Invoker {
        match self {
            Self::Alarm(_) => Invoker::Alarm,
            Self::Schedule(_) => Invoker::Schedule,
        }
    }

    /// Since when the alarm has been in the state that it reports.
    fn alarm_state_at(&self) -> Option<&str> {
        match self {
            Self::Alarm(event) => Some(&event.alarm_data.state.timestamp),
            Self::Schedule(_) => None,
        }
    }
}

/// Deletes what has to go, and says through `write` what that was and why. `over_at` is when Lambda ends the invocation.
///
/// An object that can't be deleted doesn't keep others from being deleted. If S3 fails, the invocation fails at its end,
/// after it has said what it decided and did.
pub async fn handle(
    deps: &Deps,
    invocation: Invocation,
    over_at: Timestamp,
    write: impl Fn(&CleanerDecisionLine),
) -> Result<CleanerDecisionLine, Error> {
    let mut cleaning = Cleaning::new(deps, invocation, over_at);
    let left = Duration::try_from(over_at.duration_since((deps.now)()) - REPORTING).unwrap_or_default();
    let cleaned = timeout(left, cleaning.run()).await.unwrap_or(Err(Error::OutOfTime));
    let line = cleaning.line();
    if cleaning.has_decided() {
        write(&line);
    }
    if line.cleaning.is_some() {
        deps.notices.tell(&line).await;
    }
    cleaned.map(|()| line)
}
