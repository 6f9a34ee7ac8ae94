//! Applying a batch of events: read, fold, commit, again on conflict.

use std::collections::BTreeSet;

use spillway_contracts::ObjectName;
use spillway_contracts::ledger::HistoryRecord;
use spillway_ledger::fold::in_order;
use spillway_ledger::{ObjectEvent, fold};

use crate::commit::Outcome;
use crate::patience::{ATTEMPTS, pause};
use crate::{Store, StoreError};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    pub effort: Effort,
    /// Events that were not applied, because they may be about objects that were deleted since.
    pub too_old: Vec<ObjectEvent>,
}

/// What it took to apply a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Reads of the rows of all events that are still to be applied.
    pub reads: u32,
    pub transactions: u32,
    /// Transactions that met somebody else's and were tried again.
    pub conflicts: u32,
    /// Transactions that DynamoDB had no room for and that were tried again.
    pub throttled: u32,
}

/// Applies `events` to the ledger and hands each record to `committed` once it is durable, in order.
///
/// A second delivery of the same events changes nothing and commits nothing. If this fails, some of the events may
/// have been committed; delivering all of them again is safe.
pub async fn apply(
    store: &Store,
    events: Vec<ObjectEvent>,
    now: impl Fn() -> jiff::Timestamp,
    mut committed: impl FnMut(&HistoryRecord),
) -> Result<Applied, StoreError> {
    let mut events = in_order(events);
    let mut snapshot = store.snapshot(&names(&events)).await?;
    let mut effort = Effort { reads: 1, ..Effort::default() };
    let mut too_old = Vec::new();
    let mut attempt = 0;
    while !events.is_empty() {
        let mut rest = events.clone();
        let folded = fold(&snapshot, &mut rest, now());
        let outcome = match &folded.commit {
            _ if folded.is_torn => Outcome::Conflict,
            Some(commit) => store.commit(commit).await?,
            None => Outcome::Committed,
        };
        match outcome {
            Outcome::Committed => {
                too_old.extend(folded.too_old);
                let Some(commit) = folded.commit else { break };
                commit.history.iter().for_each(&mut committed);
                snapshot = snapshot.after(commit);
                effort.transactions += 1;
                (events, attempt) = (rest, 0);
            }
            Outcome::Conflict if attempt + 1 == ATTEMPTS => return Err(StoreError::Contended { attempts: ATTEMPTS }),
            Outcome::Throttled if attempt + 1 == ATTEMPTS => return Err(StoreError::Throttled { attempts: ATTEMPTS }),
            outcome => {
                tokio::time::sleep(pause(attempt)).await;
                attempt += 1;
                // Not only those of the next transaction: of a row that changes, the sequencer and the size may stay, and a
                // commit asks for no more.
                snapshot = store.snapshot(&names(&events)).await?;
                effort.reads += 1;
                match outcome {
                    Outcome::Throttled => effort.throttled += 1,
                    Outcome::Committed | Outcome::Conflict => effort.conflicts += 1,
                }
            }
        }
    }
    Ok(Applied { effort, too_old })
}

fn names<'a>(events: impl IntoIterator<Item = &'a ObjectEvent>) -> BTreeSet<ObjectName> {
    events.into_iter().map(|event| event.object_name.clone()).collect()
}
