//! Deciding what has to go, on a ledger that keeps changing and an index that lags behind it.

use std::collections::BTreeSet;

use spillway_contracts::ObjectName;
use spillway_ledger::choice::{Candidate, Choice, Rule, Stop, choose};
use spillway_ledger::{Row, Snapshot};
use spillway_ledger_store::Store;

use crate::Error;

/// Looks at a ledger that keeps changing. Each takes a few reads.
const LOOKS: u32 = 20;

/// The total, and what has to go for it.
///
/// The index by size is not read consistently: it may lack an object that the total counts, and then a smaller one
/// would go in its place. So what changed lately is read from the table itself and stands in for what the index says
/// of it. And a total that was read before an event was recorded counts objects that the index no longer has, so that
/// too much would go: what was chosen counts only if the total is still the same afterwards.
pub async fn decide(store: &Store, rule: &Rule) -> Result<(u64, Choice), Error> {
    for _ in 0..LOOKS {
        let recent = store.recently_changed().await?;
        let before = store.snapshot(&recent).await?;
        let total = before.total_size();
        if total < rule.threshold_bytes {
            return Ok((total, Choice { delete: Vec::new(), projected_total_size: total, stop: Stop::Below }));
        }
        let choice = choose_largest(store, rule, &recent, &before).await?;
        if store.state().await? == before.state {
            return Ok((total, choice));
        }
    }
    Err(Error::Restless { looks: LOOKS })
}

async fn choose_largest(
    store: &Store,
    rule: &Rule,
    recent: &BTreeSet<ObjectName>,
    snapshot: &Snapshot,
) -> Result<Choice, Error> {
    let mut candidates: Vec<Candidate> = recent_candidates(snapshot);
    let mut start = None;
    loop {
        let page = store.largest_objects(start).await?;
        let known_above = page.next.as_ref().and(page.candidates.last().map(|smallest| smallest.size));
        candidates.extend(page.candidates.into_iter().filter(|candidate| !recent.contains(&candidate.object_name)));
        match choose(rule, snapshot.total_size(), &candidates, known_above) {
            Some(choice) => return Ok(choice),
            None => start = page.next,
        }
    }
}

/// The objects among the rows that were read; empty ones are left out, because deleting them frees nothing.
fn recent_candidates(snapshot: &Snapshot) -> Vec<Candidate> {
    let candidate = |(name, row): (&ObjectName, &Row)| match row {
        Row::Live(row) if row.size > 0 => {
            Some(Candidate { object_name: name.clone(), size: row.size, etag: row.etag.clone() })
        }
        Row::Live(_) | Row::Tombstone(_) => None,
    };
    snapshot.rows.iter().filter_map(candidate).collect()
}
