//! What has to go: read and decided alike by whoever deletes it and by whoever only shows it.

use std::collections::BTreeSet;

use aws_sdk_s3::Client;
use jiff::Timestamp;
use spillway_contracts::ObjectName;
use spillway_contracts::rule::DeleteFirst;
use spillway_ledger::choice::Rule;
use spillway_ledger_store::{Standing, Store};

pub use crate::decide::Known;
use crate::decide::{Decision, Question, decide};
use crate::{Error, under_way};

/// What a plan is made from. Nothing of it is changed.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The ledger.
    pub store: &'a Store,
    /// Asked about objects of which the ledger doesn't know whether they are gone.
    pub s3: &'a Client,
    /// Whether nothing may be deleted before an audit has ended well: the bucket held objects before the ledger did.
    pub needs_audit: bool,
}

/// What has to go, and what the ledger had to say besides.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What an invocation of the cleaner begins with.
    pub standing: Standing,
    /// What has to go; none if nothing may before an audit has ended well.
    pub decision: Option<Decision>,
}

/// Makes the plan by which an invocation of the cleaner deletes at this moment, except what S3 has refused to delete before.
/// `known` is what an earlier plan has read, and then what this one has.
pub async fn plan(
    sources: &Sources<'_>,
    rule: &Rule,
    refused: &BTreeSet<ObjectName>,
    now: Timestamp,
    known: &mut Option<Known>,
) -> Result<Plan, Error> {
    let standing = sources.store.standing().await?;
    if !is_audited(sources, &standing, rule.delete_first) {
        return Ok(Plan { standing, decision: None });
    }
    let row = standing.cleaner.as_ref();
    let question = Question { rule, is_cleaning: row.is_some_and(|row| row.unfinished), refused, now };
    loop {
        let under_way = under_way::find(sources, row, standing.audited.as_ref(), now, known.as_ref()).await?;
        let decision = decide(sources.store, standing.state.as_ref(), &under_way, &question, known).await?;
        if decision.is_some() {
            return Ok(Plan { standing, decision });
        }
    }
}

/// Whether the ledger can be trusted to be that of the bucket, and to know how old the objects are if that matters.
pub fn is_audited(sources: &Sources<'_>, standing: &Standing, delete_first: DeleteFirst) -> bool {
    let audited = standing.audited.as_ref();
    let is_of_bucket = match audited {
        Some(audited) => audited.audited_bucket == sources.store.bucket_name(),
        None => !sources.needs_audit,
    };
    let is_dated =
        standing.state.as_ref().is_none_or(|state| state.is_dated) || audited.is_some_and(|audited| audited.is_dated);
    is_of_bucket && (is_dated || delete_first == DeleteFirst::Largest)
}
