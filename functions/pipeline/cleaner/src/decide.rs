//! Deciding what has to go, on a ledger that keeps changing and an index that lags behind it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::{CleaningObject, StateRow};
use spillway_ledger::choice::{Candidate, Choice, Rank, Rule, Situation, Stop, choose};
use spillway_ledger::view::View;
use spillway_ledger_store::{Item, Store};

use crate::Error;
use crate::looks::{LOOKS, pause};
use crate::under_way::{Records, UnderWay};

/// What has to go, and on what grounds.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The ledger's total, in bytes.
    pub ledger_total_size: u64,
    /// What the ledger counts, and is being deleted already.
    pub under_way: BTreeMap<ObjectName, CleaningObject>,
    /// The records that say so.
    pub records: Records,
    /// What has to go besides.
    pub choice: Choice,
}

/// What was read of the ledger for a decision. A later one goes on from it: what the history says of everything that was recorded since
/// stands in for what the index said.
#[derive(Clone, Debug)]
pub struct Known {
    view: View,
    /// When it was first read.
    since: Timestamp,
    /// By name and the moment of its choice, whether the row of what was under way then was still the one that was chosen.
    rows: BTreeMap<(ObjectName, Timestamp), bool>,
    /// What was read of the index and may go, as far as nothing was recorded of it since.
    indexed: Vec<Candidate>,
    /// What may not go, likewise: it is protected, or was too young when it was first read.
    staying: Sizes,
    /// Whether something was too young.
    has_young: bool,
    /// How far that is.
    last: Rank,
    next: Next,
}

/// Where to read on in the index.
#[derive(Clone, Debug)]
enum Next {
    First,
    Page(Item),
    Nothing,
}

/// The sizes of objects, in bytes. A bucket may have millions that may not go, so that each takes no more room than a hash of its
/// name and the size.
///
/// Of two with the same hash one is missing, so that the objects don't add up to the total: the next look hashes otherwise.
#[derive(Clone, Debug, Default)]
struct Sizes {
    by_hash: HashMap<u64, u64>,
    hashing: RandomState,
}

impl Sizes {
    fn insert(&mut self, name: &ObjectName, size: u64) {
        self.by_hash.insert(self.hashing.hash_one(name), size);
    }

    fn remove(&mut self, name: &ObjectName) {
        self.by_hash.remove(&self.hashing.hash_one(name));
    }

    fn bytes(&self) -> u128 {
        self.by_hash.values().map(|&size| u128::from(size)).sum()
    }
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
/// waited out. How many pages there are depends on what has to go and on what is passed over. What an earlier decision has
/// read, `known`, need not be read again: it is caught up with in the same way. The answer is `None` if that fails: `known` is
/// `None` then, and what is under way has to be found again without it.
pub async fn decide(
    store: &Store,
    state: Option<&StateRow>,
    under_way: &UnderWay,
    question: &Question<'_>,
    known: &mut Option<Known>,
) -> Result<Option<Decision>, Error> {
    if let Some(mut from) = known.take() {
        let decision = from.decide(store, under_way, question).await?;
        *known = decision.is_some().then_some(from);
        return Ok(decision);
    }
    let total_size = state.map_or(0, |state| state.total_size);
    let below = Decision {
        ledger_total_size: total_size,
        under_way: under_way.unrecorded(None),
        records: under_way.records.clone(),
        choice: Choice { delete: Vec::new(), projected_total_size: total_size, stop: Stop::Below },
    };
    // What was recorded after the state was read is counted by it and not under way any more: the sum is too large rather
    // than too small.
    let has_to_go = question.rule.wants_less(below.total_size(), question.is_cleaning);
    let Some(state) = state.filter(|_| has_to_go) else { return Ok(Some(below)) };
    let mut state = state.clone();
    for look in 0..LOOKS {
        if look > 0 {
            pause(look).await;
            let Some(newer) = store.state().await? else { return Ok(Some(below)) };
            state = newer;
        }
        if let Some(mut from) = Known::read(store, &state, under_way, question).await?
            && let Some(decision) = from.decide(store, under_way, question).await?
        {
            *known = Some(from);
            return Ok(Some(decision));
        }
    }
    Err(Error::Incoherent { looks: LOOKS })
}

impl Known {
    /// Reads the recent history and a page of the index; `None` if what was read does not belong together.
    async fn read(
        store: &Store,
        state: &StateRow,
        under_way: &UnderWay,
        question: &Question<'_>,
    ) -> Result<Option<Self>, Error> {
        let (mut view, low) = View::at(state, question.now);
        let recent = store.history_after(&low).await?;
        if view.recent(store.key_before(&low).await?.as_deref(), &recent).is_err() {
            return Ok(None);
        }
        let row = |(object, row_is_old): (&CleaningObject, bool)| {
            ((object.object_name.clone(), object.chosen_at), row_is_old)
        };
        let (since, rows) = (question.now, under_way.rows().map(row).collect());
        let (indexed, staying, has_young) = (Vec::new(), Sizes::default(), false);
        let (last, next) = (Rank::FIRST, Next::First);
        let mut known = Self { view, since, rows, indexed, staying, has_young, last, next };
        known.read_page(store, question.rule).await?;
        Ok(Some(known))
    }

    /// Whether the row of an object was still the one that was chosen, before everything that the view has recorded of it; `None` if
    /// that is not known. What was chosen since was in the view, or in another one of that moment.
    pub fn row_was_old(&self, object: &CleaningObject) -> Option<bool> {
        let read = self.rows.get(&(object.object_name.clone(), object.chosen_at)).copied();
        read.or((object.chosen_at >= self.since).then_some(true))
    }

    /// Reads another page of the index, if there is one.
    async fn read_page(&mut self, store: &Store, rule: &Rule) -> Result<(), Error> {
        let start = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::First => None,
            Next::Page(start) => Some(start),
            Next::Nothing => return Ok(()),
        };
        let page = store.candidates(rule.delete_first, start).await?;
        self.last = page.candidates.last().map_or(self.last, |candidate| Rank::of(candidate, rule.delete_first));
        let unchanged = page.candidates.into_iter().filter(|it| self.view.recently(&it.object_name).is_none());
        let (protected, mut others): (Vec<_>, Vec<_>) =
            unchanged.partition(|it| rule.protected.protect(&it.object_name));
        if !rule.minimum_age.is_zero() {
            store.look_up_ages(&mut others).await?;
        }
        let (young, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|it| rule.is_too_young(it, self.since));
        self.has_young |= !young.is_empty();
        protected.iter().chain(&young).for_each(|it| self.staying.insert(&it.object_name, it.size));
        self.indexed.extend(others);
        self.next = page.next.map_or(Next::Nothing, Next::Page);
        Ok(())
    }

    /// `None` if what was read does not belong together.
    async fn decide(
        &mut self,
        store: &Store,
        under_way: &UnderWay,
        question: &Question<'_>,
    ) -> Result<Option<Decision>, Error> {
        let &Question { rule, is_cleaning, refused, .. } = question;
        loop {
            let Some(state) = store.state().await? else { return Ok(None) };
            let view = &mut self.view;
            let since = if view.reaches(&state) { Vec::new() } else { store.history_after(view.event_key()).await? };
            if view.catch_up(&state, &since).is_err() {
                return Ok(None);
            }
            self.indexed.retain(|candidate| view.recently(&candidate.object_name).is_none());
            since.iter().for_each(|record| self.staying.remove(&record.object_name));
            let mut objects = view.objects(&self.indexed);
            let is_whole = matches!(self.next, Next::Nothing);
            if is_whole && !view.adds_up(&objects, self.staying.bytes()) {
                return Ok(None);
            }
            let unrecorded = under_way.unrecorded(Some(view));
            objects.retain(|it| !unrecorded.contains_key(&it.object_name) && !refused.contains(&it.object_name));
            let situation = Situation {
                total_size: view.total_size().saturating_sub(bytes(&unrecorded)),
                is_cleaning,
                candidates: &objects,
                known_to: (!is_whole).then_some(self.last),
                has_young: self.has_young,
                now: self.since,
            };
            if let Some(choice) = choose(rule, &situation) {
                let (ledger_total_size, records) = (view.total_size(), under_way.records.clone());
                return Ok(Some(Decision { ledger_total_size, under_way: unrecorded, records, choice }));
            }
            self.read_page(store, rule).await?;
        }
    }
}
