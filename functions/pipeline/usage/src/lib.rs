//! Says how full the bucket is, and what would go.
//!
//! Changes nothing; asked twice, it answers twice.

mod answer;
pub mod kept;
mod plan;
mod query;
mod standing;

use std::collections::BTreeMap;
use std::time::Duration;

use cleaner::TotalSizeAlarm;
use cleaner::plan::Sources;
use jiff::Timestamp;
use serde::Serialize;
use spillway_aws::CallError;
use spillway_contracts::plot::PlotResponse;
use spillway_contracts::rule::target_bytes;
use spillway_contracts::usage::{AppliedRule, Route, UsageRequest};
use spillway_lambda::parameters::ParameterError;
use spillway_ledger::choice::Rule;
use spillway_ledger_store::{Store, StoreError};
use tokio::time::timeout;

use crate::query::Query;

/// How long an answer may take: the API answers within 30 seconds, and a cold start takes some of them.
pub const LONGEST: Duration = Duration::from_secs(24);

#[derive(Debug)]
pub struct Deps {
    pub store: Store,
    /// Asked about objects of which the ledger doesn't know whether they are gone, and about versions that are not current.
    pub s3: aws_sdk_s3::Client,
    /// The alarm on the total.
    pub alarm: TotalSizeAlarm,
    /// The rule that the cleaner follows.
    pub rule: Rule,
    /// How far a cleaning goes by it, in percent of the threshold.
    pub target_percent: u64,
    /// Whether the cleaner deletes nothing before an audit has ended well: the bucket held objects before the ledger did.
    pub needs_audit: bool,
    /// Whether the cleaner only says what it would delete.
    pub dry_run: bool,
    /// How long an answer may take.
    pub longest: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller asks for the impossible.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cleaner(#[from] cleaner::Error),
    /// The alarm can't be read.
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the ledger could not be read within {} seconds: try again, or ask for less", .0.as_secs())]
    OutOfTime(Duration),
}

/// Answers a request; an error is an answer, too.
pub async fn handle(deps: &Deps, request: UsageRequest, now: Timestamp) -> PlotResponse {
    let parameters = request.query_string_parameters.unwrap_or_default();
    let answered = timeout(deps.longest, answer(deps, request.route_key, &parameters, now)).await;
    match answered.unwrap_or(Err(Error::OutOfTime(deps.longest))) {
        Ok(body) => answer::success(body),
        Err(error) => answer::failure(&error),
    }
}

async fn answer(
    deps: &Deps,
    route: Route,
    parameters: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<String, Error> {
    match route {
        Route::Usage => {
            query::refuse_all(parameters)?;
            Ok(json(&standing::look(deps, now).await?))
        }
        Route::Plan => {
            let query = Query::new(parameters, deps.rule.delete_first)?;
            Ok(json(&plan::make(deps, &query, now).await?))
        }
    }
}

fn json(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).unwrap_or_default()
}

impl Deps {
    /// What a plan is made from.
    fn sources(&self) -> Sources<'_> {
        Sources { store: &self.store, s3: &self.s3, needs_audit: self.needs_audit }
    }

    /// The stack's rule, except what the query asks to be tried.
    fn rule(&self, query: &Query) -> Rule {
        let threshold_bytes = query.threshold_bytes.unwrap_or(self.rule.threshold_bytes);
        Rule {
            threshold_bytes,
            target_bytes: target_bytes(threshold_bytes, query.target_percent.unwrap_or(self.target_percent)),
            delete_first: query.delete_first.unwrap_or(self.rule.delete_first),
            max_deletes: self.rule.max_deletes.min(plan::LONGEST),
            ..self.rule.clone()
        }
    }
}

/// A rule as it is told.
fn applied(rule: &Rule) -> AppliedRule {
    AppliedRule {
        threshold_bytes: rule.threshold_bytes,
        target_bytes: rule.target_bytes,
        delete_first: rule.delete_first,
        minimum_age_minutes: rule.minimum_age.as_mins().unsigned_abs(),
        max_deletes: rule.max_deletes as u64,
    }
}
