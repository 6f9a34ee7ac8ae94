//! One invocation of the cleaner: decides, puts on record what goes, deletes it, and puts on record what came of it.
//!
//! While the objects of one round are deleted, those of the next are chosen and put on record: a round is under way for the
//! other as it is for any other invocation.

mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::{CleanerRow, CleaningObject, CleaningRecord};
use spillway_contracts::log_line::{CleanerDecisionLine, Invoker, Outcome};
use spillway_lambda::request_id;
use spillway_ledger::choice::{Rule, Stop};
use spillway_ledger_store::{Outcome as Saved, Standing};

use self::records::previous;
use crate::decide::{Decision, Known};
use crate::looks::pause;
use crate::plan::{Plan, plan};
use crate::report::{self, Done};
use crate::rounds::{Round, Rounds};
use crate::{Deps, Error, Invocation};

/// How much a cleaning does at once. In tests that is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many objects are chosen at once: their records, and those that are taken over, are one transaction.
    pub round: usize,
    /// How many objects one record has at most: with names of 1,024 bytes, DynamoDB's 400 KB have room for more.
    pub record: usize,
    /// At how many deletions that the ledger has not recorded a cleaning waits for it. It records about a thousand events a
    /// second, and what is under way has to be read for each decision. If events don't reach it at all, no more than this goes in
    /// one invocation, and three times as many in all.
    pub unrecorded: usize,
    /// How many objects may be in the records that are read for each decision. A deletion that the ledger doesn't record for long
    /// has all records be read that were written since. Beyond this it is written down again, so that its own need not be.
    pub window: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { round: 1_000, record: 250, unrecorded: 4_000, window: 16_000 }
    }
}

/// How many rounds are deleted at a time: the slowest deletions of one keep nobody else waiting.
const AT_ONCE: usize = 2;

/// How long a cleaning that is ahead of the ledger by as many waits for it.
const CATCHING_UP: Duration = Duration::from_secs(1);

/// How many times a cleaning decides anew because others were faster, or DynamoDB had no room.
const ATTEMPTS: u32 = 10;

/// How long before the end of the invocation no further round begins.
const LAST_ROUND: SignedDuration = SignedDuration::from_secs(30);

/// From when on a deletion that the ledger has not recorded is late. Most are recorded within seconds.
const LATE: SignedDuration = SignedDuration::from_mins(15);

/// An invocation, and what it has done so far.
pub struct Cleaning<'a> {
    deps: &'a Deps,
    invocation: Invocation,
    begun_at: Timestamp,
    over_at: Timestamp,
    cleaning_id: String,
    /// The key of its first record.
    first_record: Option<String>,
    /// How many records it has written.
    records: usize,
    /// How many times in a row it could not.
    overtaken: u32,
    /// `__CLEANER__` as it wrote it last.
    row: Option<CleanerRow>,
    /// What it has read of the ledger.
    known: Option<Known>,
    /// What S3 refuses to delete, and whether it has refused something since the last decision.
    refused: BTreeSet<ObjectName>,
    has_refused: bool,
    /// Whether something of what was chosen is left since the last decision: it was overwritten, S3 failed, or time was up.
    is_unfinished: bool,
    /// The first failure of S3.
    failure: Option<CallError>,
    done: Done,
}

impl<'a> Cleaning<'a> {
    pub fn new(deps: &'a Deps, invocation: Invocation, over_at: Timestamp) -> Self {
        let begun_at = (deps.now)();
        Self {
            deps,
            invocation,
            begun_at,
            over_at,
            cleaning_id: request_id(),
            first_record: None,
            records: 0,
            overtaken: 0,
            row: None,
            known: None,
            refused: BTreeSet::new(),
            has_refused: false,
            is_unfinished: false,
            failure: None,
            done: Done::default(),
        }
    }

    /// Whether there is something to say.
    pub fn has_decided(&self) -> bool {
        self.done.stop.is_some()
    }

    /// What was decided and done.
    pub fn line(&self) -> CleanerDecisionLine {
        report::line(self.deps, self.invocation.invoker(), self.first_record.clone(), &self.done)
    }

    /// Deletes until the total is below the threshold, or nothing more may be deleted.
    pub async fn run(&mut self) -> Result<(), Error> {
        let mut rounds = Rounds::default();
        let chosen = self.choose(&mut rounds).await;
        let ended = self.end(&mut rounds, 0, *chosen.as_ref().unwrap_or(&true)).await;
        chosen.and(ended)?;
        self.failure.take().map_or(Ok(()), |error| Err(error.into()))
    }

    /// Has round after round begin; says whether there is more to do than has begun.
    async fn choose(&mut self, rounds: &mut Rounds) -> Result<bool, Error> {
        loop {
            let (now, rule) = ((self.deps.now)(), self.rule(rounds));
            (self.has_refused, self.is_unfinished) = (false, false);
            let Plan { standing, decision } =
                plan(&self.deps.sources(), &rule, &self.refused, now, &mut self.known).await?;
            let Some(decision) = decision else {
                self.note_that_nothing_may_go(&standing);
                return Ok(true);
            };
            let row = standing.cleaner.as_ref();
            let is_left = self.records == 0 && self.is_left_to_the_alarm(row, &decision, now).await;
            self.note(&decision, is_left, rounds, now);
            let begins = !decision.choice.delete.is_empty() && !is_left && !self.deps.dry_run;
            if !begins && rounds.is_empty() {
                self.settle(row, &decision, now).await?;
                return Ok(false);
            }
            if begins && self.is_ahead(&decision, now) {
                self.end(rounds, 0, true).await?;
                if self.failure.is_some() || !self.has_time() {
                    self.finish(Vec::new(), true).await?;
                    return Ok(true);
                }
                tokio::time::sleep(CATCHING_UP).await;
                continue;
            }
            let (stop, has_more) = (decision.choice.stop, self.has_more(&decision));
            if begins && !self.begin(rounds, row, decision, now).await? {
                continue;
            }
            let is_round = begins && stop == Stop::MaxDeletes && self.may_make(rounds) > 0;
            self.end(rounds, if is_round { AT_ONCE - 1 } else { 0 }, has_more).await?;
            let goes_on = self.has_time() && self.failure.is_none() && self.may_make(rounds) > 0;
            if !goes_on || !(self.has_refused || is_round) {
                return Ok(has_more);
            }
        }
    }

    /// Puts on record what goes, and has it be deleted; says whether that could be put on record. If not, the next decision knows
    /// what others have done.
    async fn begin(
        &mut self,
        rounds: &mut Rounds,
        row: Option<&CleanerRow>,
        decision: Decision,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (row, records) = self.record_of(row, &decision, now);
        if self.deps.store.save_cleaner(&row, previous(&row), &records).await? != Saved::Committed {
            self.overtaken += 1;
            if self.overtaken == ATTEMPTS {
                return Err(Error::Overtaken { attempts: ATTEMPTS });
            }
            pause(self.overtaken).await;
            return Ok(false);
        }
        self.overtaken = 0;
        self.records += records.len();
        self.first_record = self.first_record.take().or(records.first().map(|record| record.event_key.clone()));
        self.row = Some(row);
        rounds.begin(self.deps, decision.choice.delete, records, self.over_at);
        Ok(true)
    }

    /// Whether more has to go than was chosen. Once the bucket is below its threshold, what nobody may delete is no reason to go
    /// on.
    fn has_more(&self, decision: &Decision) -> bool {
        match decision.choice.stop {
            Stop::Below => false,
            Stop::MaxDeletes => true,
            Stop::OnlyProtected | Stop::OnlyYoung => {
                decision.choice.projected_total_size >= self.deps.rule.threshold_bytes
            }
        }
    }

    /// Whether there is time for another round.
    fn has_time(&self) -> bool {
        (self.deps.now)() < self.over_at - LAST_ROUND
    }

    /// The rule, with as many deletions as the invocation may still make in one round.
    fn rule(&self, rounds: &Rounds) -> Rule {
        Rule { max_deletes: self.may_make(rounds).min(self.deps.limits.round), ..self.deps.rule.clone() }
    }

    /// How many more deletions the invocation may make.
    fn may_make(&self, rounds: &Rounds) -> usize {
        self.deps.rule.max_deletes.saturating_sub(self.done.made() + rounds.objects().count())
    }

    /// Whether the ledger has first to record what was deleted in the time of an invocation, or of many.
    fn is_ahead(&self, decision: &Decision, now: Timestamp) -> bool {
        let is_on_its_way =
            |object: &&CleaningObject| now < object.over_at && matches!(object.outcome, None | Some(Outcome::Deleted));
        let (under_way, most) = (&decision.under_way, self.deps.limits.unrecorded);
        under_way.len() >= 3 * most || under_way.values().filter(is_on_its_way).count() >= most
    }

    /// Whether the schedule is the first to find something to delete, and the alarm is about to.
    async fn is_left_to_the_alarm(&self, row: Option<&CleanerRow>, decision: &Decision, now: Timestamp) -> bool {
        let has_waited = |since: Timestamp| now.duration_since(since) > self.deps.patience;
        self.invocation.invoker() == Invoker::Schedule
            && !decision.choice.delete.is_empty()
            && !row.is_some_and(|row| row.unfinished || row.over_since.is_some_and(has_waited))
            && !self.deps.alarm.has_spoken(now).await
    }

    /// Keeps for the line that there is no audited ledger to decide on.
    fn note_that_nothing_may_go(&mut self, standing: &Standing) {
        let done = &mut self.done;
        done.is_not_audited = true;
        done.stop = Some(Stop::Below);
        done.ledger_total_size = standing.state.as_ref().map_or(0, |state| state.total_size);
        done.total_size = done.ledger_total_size;
    }

    /// Keeps the decision for the line.
    fn note(&mut self, decision: &Decision, is_left: bool, rounds: &Rounds, now: Timestamp) {
        let is_late = |object: &&CleaningObject| now.duration_since(object.chosen_at) > LATE;
        let unrecorded = decision.under_way.values().filter(is_late).count();
        let done = &mut self.done;
        if done.stop.is_none() {
            done.ledger_total_size = decision.ledger_total_size;
            done.under_way_bytes = decision.under_way_bytes();
        }
        done.unrecorded_count = unrecorded;
        done.is_left_to_alarm = is_left;
        done.stop = Some(decision.choice.stop);
        // What is being deleted right now is taken off once it is gone.
        done.total_size = decision.total_size() + rounds.objects().map(|object| object.size).sum::<u64>();
        if is_left || self.deps.dry_run {
            let outcome = if is_left { Outcome::Kept } else { Outcome::DryRun };
            done.chosen.extend(decision.choice.delete.iter().map(|candidate| (candidate.clone(), outcome)));
            done.total_size = if is_left { done.total_size } else { decision.choice.projected_total_size };
        }
    }

    /// Leaves what the next invocation has to know, if it differs from what the last one left. Another invocation that
    /// writes at the same time knows better.
    async fn settle(&self, row: Option<&CleanerRow>, decision: &Decision, now: Timestamp) -> Result<(), Error> {
        let is_over = decision.total_size() >= self.deps.rule.threshold_bytes;
        let mut next = self.next(row, now);
        // What is still going on, or may be, is not finished; that is asked again when its time is over.
        let is_open = |object: &CleaningObject| matches!(object.outcome, None | Some(Outcome::Failed));
        next.unfinished &= is_over || decision.under_way.values().any(is_open);
        next.over_since = match self.invocation.invoker() {
            Invoker::Schedule => is_over.then(|| next.over_since.unwrap_or(now)),
            Invoker::Alarm => next.over_since.filter(|_| is_over),
        };
        if decision.under_way.is_empty() {
            (next.cleaning, next.record_count) = (None, 0);
        }
        let left = row.map(|row| (row.unfinished, row.over_since, row.cleaning.clone())).unwrap_or_default();
        if left != (next.unfinished, next.over_since, next.cleaning.clone()) {
            self.deps.store.save_cleaner(&next, previous(&next), &[]).await?;
        }
        Ok(())
    }

    /// Waits until no more than so many rounds are left, and puts on record what came of the others. `has_more` says whether
    /// there is more to do than has begun.
    async fn end(&mut self, rounds: &mut Rounds, left: usize, has_more: bool) -> Result<(), Error> {
        while rounds.len() > left
            && let Some(round) = rounds.end_oldest().await
        {
            let records = self.take_in(round);
            let unfinished = has_more || self.is_unfinished || self.has_refused || !rounds.is_empty();
            self.finish(records, unfinished).await?;
        }
        Ok(())
    }

    /// Takes in what became of a round; gives those of its records that say it.
    fn take_in(&mut self, round: Round) -> Vec<CleaningRecord> {
        let done = &mut self.done;
        let mut outcomes = BTreeMap::new();
        let (deletions, mut records) = round.over();
        for (candidate, (outcome, error)) in deletions {
            // Each object has a line of its own, because the decision's line has no room for all.
            let object_name = candidate.object_name.as_str();
            match &error {
                Some(error) => {
                    tracing::error!(object_name, size = candidate.size, ?outcome, %error, "S3 did not delete it")
                }
                None => tracing::info!(object_name, size = candidate.size, ?outcome, "finished with an object"),
            }
            match outcome {
                Outcome::Deleted | Outcome::AlreadyGone | Outcome::DryRun => {
                    done.total_size = done.total_size.saturating_sub(candidate.size);
                }
                Outcome::Refused => {
                    self.refused.insert(candidate.object_name.clone());
                    self.has_refused = true;
                }
                Outcome::Overwritten | Outcome::Failed | Outcome::Kept => self.is_unfinished = true,
            }
            if outcome == Outcome::Failed && self.failure.is_none() {
                self.failure = error;
            }
            outcomes.insert(candidate.object_name.clone(), outcome);
            done.chosen.push((candidate, outcome));
        }
        records.retain(|record| record.own_objects().next().is_some());
        for object in records.iter_mut().flat_map(|record| &mut record.objects).filter(|object| !object.taken_over) {
            object.outcome = outcomes.get(&object.object_name).copied().or(object.outcome);
        }
        records
    }

    /// Puts on record what came of a round. If another invocation has begun meanwhile, the row is its own. Whoever has taken over
    /// one of these objects has it as it was.
    async fn finish(&mut self, records: Vec<CleaningRecord>, unfinished: bool) -> Result<(), Error> {
        let now = (self.deps.now)();
        let mut next = self.next(self.row.as_ref(), now);
        next.unfinished = unfinished;
        next.over_since = next.over_since.filter(|_| unfinished);
        for attempt in 1..=ATTEMPTS {
            if self.deps.store.save_cleaner(&next, previous(&next), &records).await? == Saved::Committed {
                // What another invocation has written stays, also when the next round ends.
                if attempt == 1 {
                    self.row = Some(next);
                }
                return Ok(());
            }
            pause(attempt).await;
            let row = self.deps.store.standing().await?.cleaner;
            next = self.next(row.as_ref(), now);
            next.unfinished |= unfinished;
        }
        tracing::warn!("the outcomes of the deletions could not be recorded, so the next cleaning asks S3");
        Ok(())
    }
}
