//! Checks a deployed stack piece by piece, and changes nothing.
//!
//! What each piece should be comes from the deployed stack itself: its outputs, its parameters and its resources. Only what
//! the template writes out, such as a filter's pattern, stands here too; on a stack that was just deployed nothing is found,
//! which a test sees. Each module gathers what it looks at, and decides by a pure function what that means.

mod alarm;
mod audit;
mod bucket;
pub mod bucket_policy;
pub mod finding;
mod functions;
mod keeping;
mod ledger;
mod mappings;
mod metric;
mod notification;
mod queues;
mod rule;
mod runs;
mod schedules;
mod stack;
mod subject;
mod topic;

use std::time::Duration;

use crate::connection::Connection;
use crate::error::Error;
use finding::Finding;
use subject::Subject;

/// How far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Up to how many objects all of the bucket's are listed; of a larger one samples are taken.
    pub exact_up_to: usize,
    /// For how long the ledger may differ from the bucket before that is called a difference: events may be under way.
    pub patience: Duration,
    /// Between two looks.
    pub pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { exact_up_to: 100_000, patience: Duration::from_secs(60), pause: Duration::from_secs(2) }
    }
}

/// Looks at everything.
pub async fn examine(connection: &Connection, settings: &Settings) -> Result<Vec<Finding>, Error> {
    let (subject, mut findings) = Subject::read(connection).await?;
    // Without its outputs nobody knows where the pieces are.
    let Some(subject) = subject else { return Ok(findings) };
    // Boxed: the SDK's futures are large, and all of them together would be too much for a thread's stack.
    let (bucket, rule, topic, queues, mappings, functions) = tokio::join!(
        Box::pin(bucket::look(&subject)),
        Box::pin(rule::look(&subject)),
        Box::pin(topic::look(&subject)),
        Box::pin(queues::look(&subject)),
        Box::pin(mappings::look(&subject)),
        Box::pin(functions::look(&subject)),
    );
    let (metric, alarm, schedules, ledger, audit, runs) = tokio::join!(
        Box::pin(metric::look(&subject)),
        Box::pin(alarm::look(&subject)),
        Box::pin(schedules::look(&subject)),
        Box::pin(ledger::look(&subject, settings)),
        Box::pin(audit::look(&subject)),
        Box::pin(runs::look(&subject)),
    );
    for more in [bucket, rule, topic, queues, mappings, functions, metric, alarm, schedules, ledger, audit, runs] {
        findings.extend(more);
    }
    Ok(findings)
}
