//! Deciding what has to go, on a ledger that keeps changing and an index that lags behind it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::{CleaningObject, StateRow};
use spillway_ledger::choice::{Candidate, Choice, Rank, Rule, Situation, Stop, choose};
use spillway_ledger::view::View;
use spillway_ledger_store::Store;

use crate::Error;
use crate::looks::{LOOKS, pause};
use crate::under_way::UnderWay;

/// What has to go, and on what grounds.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The ledger's total, in bytes.
    pub ledger_total_size: u64,
    /// What the ledger counts, and is being deleted already.
    pub under_way: BTreeMap<ObjectName, CleaningObject>,
    /// What has to go besides.
    pub choice: Choice,
}

impl Decision {
    /// The bytes of what is being deleted already.
    pub fn under_way_bytes(&self) -> u64 {
        bytes(&self.under_way)
    }

    /// The total without that.
    pub fn total_size(&self) -> u64 {
        self.ledger_total_size.saturating_sub(self.under_way_bytes())
    }
}

fn bytes(under_way: &BTreeMap<ObjectName, CleaningObject>) -> u64 {
    under_way.values().map(|object| object.size).sum()
}

/// What is to be decided, beside the ledger.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// By which rule.
    pub rule: &'a Rule,
    /// Whether a cleaning has begun that has not come to its end.
    pub is_cleaning: bool,
    /// What can't be deleted.
    pub refused: &'a BTreeSet<ObjectName>,
    /// Just before the ledger's state was read.
    pub now: Timestamp,
}

/// What has to go beyond what is under way.
///
/// The view is as [`View`] has it. It is read in this order: the state and what is under way (by the caller), the recent
/// history, pages of the index, and after each page what was committed meanwhile, up to a state that was read after the
/// page. So it is the view of one moment, that of the newest record: nothing that was read is newer. No commit has to be
/// waited out. How many pages there are depends on what has to go and on what is passed over.
pub async fn decide(
    store: &Store,
    state: Option<&StateRow>,
    under_way: &UnderWay,
    question: &Question<'_>,
) -> Result<Decision, Error> {
    let total_size = state.map_or(0, |state| state.total_size);
    let below = Decision {
        ledger_total_size: total_size,
        under_way: under_way.unrecorded(None),
        choice: Choice { delete: Vec::new(), projected_total_size: total_size, stop: Stop::Below },
    };
    // What was recorded after the state was read is counted by it and not under way any more: the sum is too large rather
    // than too small.
    let has_to_go = question.rule.wants_less(below.total_size(), question.is_cleaning);
    let Some(state) = state.filter(|_| has_to_go) else { return Ok(below) };
    let mut state = state.clone();
    for look in 0..LOOKS {
        if look > 0 {
            pause(look).await;
            let Some(newer) = store.state().await? else { return Ok(below) };
            state = newer;
        }
        if let Some(decision) = decide_at(store, &state, under_way, question).await? {
            return Ok(decision);
        }
    }
    Err(Error::Incoherent { looks: LOOKS })
}

/// `None` if what was read does not belong together.
async fn decide_at(
    store: &Store,
    state: &StateRow,
    under_way: &UnderWay,
    question: &Question<'_>,
) -> Result<Option<Decision>, Error> {
    let &Question { rule, is_cleaning, refused, now } = question;
    let (mut view, low) = View::at(state, now);
    let recent = store.history_after(&low).await?;
    if view.recent(store.key_before(&low).await?.as_deref(), &recent).is_err() {
        return Ok(None);
    }
    let mut indexed: Vec<Candidate> = Vec::new();
    let mut start = None;
    loop {
        let mut page = store.candidates(rule.delete_first, start).await?;
        if !rule.minimum_age.is_zero() {
            store.look_up_ages(&mut page.candidates).await?;
        }
        indexed.extend(page.candidates);
        start = page.next;
        let Some(state) = store.state().await? else { return Ok(None) };
        let since = if view.reaches(&state) { Vec::new() } else { store.history_after(view.event_key()).await? };
        if view.catch_up(&state, &since).is_err() {
            return Ok(None);
        }
        let mut objects = view.objects(&indexed);
        if start.is_none() && !view.adds_up(&objects) {
            return Ok(None);
        }
        let unrecorded = under_way.unrecorded(Some(&view));
        objects.retain(|it| !unrecorded.contains_key(&it.object_name) && !refused.contains(&it.object_name));
        let last = indexed.last().map_or(Rank::FIRST, |candidate| Rank::of(candidate, rule.delete_first));
        let situation = Situation {
            total_size: view.total_size().saturating_sub(bytes(&unrecorded)),
            is_cleaning,
            candidates: &objects,
            known_to: start.as_ref().map(|_| last),
            now,
        };
        if let Some(choice) = choose(rule, &situation) {
            return Ok(Some(Decision { ledger_total_size: view.total_size(), under_way: unrecorded, choice }));
        }
    }
}
