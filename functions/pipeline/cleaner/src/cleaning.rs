//! One invocation of the cleaner: decides, puts on record what goes, deletes it, and puts on record what came of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::{CleanerKey, CleanerRow, CleaningObject, CleaningRecord, CleaningsPartition};
use spillway_contracts::log_line::{CleanerDecisionLine, Invoker, Outcome};
use spillway_lambda::request_id;
use spillway_ledger::choice::{Candidate, Rule, Stop};
use spillway_ledger::fold::{TOMBSTONE_LIFE, key_time};
use spillway_ledger_store::Outcome as Saved;

use crate::decide::Decision;
use crate::delete::delete_all;
use crate::plan::{Plan, plan};
use crate::report::{self, Done};
use crate::{Deps, Error, Invocation};

/// How many objects one record has at most: with names of 1,024 bytes, DynamoDB's 400 KB have room for more.
const RECORD: usize = 250;

/// How many objects are chosen at once: their records, and those that are taken over, are one transaction.
const ROUND: usize = 1000;

/// How many times a cleaning decides anew because others were faster.
const ATTEMPTS: u32 = 10;

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
        let mut refused = BTreeSet::new();
        let mut overtaken = 0;
        loop {
            let now = (self.deps.now)();
            let Plan { standing, decision } = plan(&self.deps.sources(), &self.rule(), &refused, now).await?;
            let Some(decision) = decision else {
                self.done.is_not_audited = true;
                self.done.stop = Some(Stop::Below);
                self.done.ledger_total_size = standing.state.map_or(0, |state| state.total_size);
                self.done.total_size = self.done.ledger_total_size;
                return Ok(());
            };
            let row = standing.cleaner.as_ref();
            let late = |object: &&CleaningObject| now.duration_since(object.chosen_at) > LATE;
            let unrecorded = decision.under_way.values().filter(late).count();
            let is_left = self.is_left_to_the_alarm(row, &decision, now).await;
            self.note(&decision, unrecorded, is_left);
            if decision.choice.delete.is_empty() || is_left || self.deps.dry_run {
                return self.settle(row, &decision, now).await;
            }
            let (row, records) = self.begin(row, &decision, now);
            match self.deps.store.save_cleaner(&row, previous(&row), &records).await? {
                Saved::Committed => {}
                Saved::Conflict | Saved::Throttled if overtaken + 1 < ATTEMPTS => {
                    overtaken += 1;
                    continue;
                }
                Saved::Conflict | Saved::Throttled => return Err(Error::Overtaken { attempts: ATTEMPTS }),
            }
            self.records += records.len();
            self.first_record = self.first_record.take().or(records.first().map(|record| record.event_key.clone()));
            let goes_on = self.delete(&decision, row, records, &mut refused).await?;
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// The rule, with as many deletions as the invocation may still make in one round.
    fn rule(&self) -> Rule {
        let max_deletes = self.deps.rule.max_deletes.saturating_sub(self.done.made()).min(ROUND);
        Rule { max_deletes, ..self.deps.rule.clone() }
    }

    /// Whether the schedule is the first to find something to delete, and the alarm is about to.
    async fn is_left_to_the_alarm(&self, row: Option<&CleanerRow>, decision: &Decision, now: Timestamp) -> bool {
        let has_waited = |since: Timestamp| now.duration_since(since) > self.deps.patience;
        self.invocation.invoker() == Invoker::Schedule
            && !decision.choice.delete.is_empty()
            && !row.is_some_and(|row| row.unfinished || row.over_since.is_some_and(has_waited))
            && !self.deps.alarm.has_spoken(now).await
    }

    /// Keeps the decision for the line.
    fn note(&mut self, decision: &Decision, unrecorded: usize, is_left: bool) {
        let done = &mut self.done;
        if done.stop.is_none() {
            done.ledger_total_size = decision.ledger_total_size;
            done.under_way_bytes = decision.under_way_bytes();
        }
        done.unrecorded_count = unrecorded;
        done.is_left_to_alarm = is_left;
        done.stop = Some(decision.choice.stop);
        done.total_size = decision.total_size();
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

    /// The row and the records that have to be written before anything is deleted.
    fn begin(
        &self,
        row: Option<&CleanerRow>,
        decision: &Decision,
        now: Timestamp,
    ) -> (CleanerRow, Vec<CleaningRecord>) {
        let mut next = self.next(row, now);
        let own = self.key(next.version, self.records);
        let mut objects: Vec<CleaningObject> = Vec::new();
        match &next.cleaning {
            // This is not the cleaning's first round.
            Some(first) if Some(first) == self.first_record.as_ref() => {}
            Some(first) if decision.under_way.len() > ROUND => next.cleaning = Some(earlier(first, &own)),
            // What an earlier cleaning began is taken over, so that its records need not be read any more.
            _ => {
                objects.extend(decision.under_way.values().cloned());
                (next.cleaning, next.record_count) = (Some(own), 0);
            }
        }
        objects.extend(decision.choice.delete.iter().map(|candidate| self.chosen(candidate, now)));
        next.unfinished = true;
        let keys = (self.records..).map(|record| self.key(next.version, record));
        let records: Vec<_> =
            keys.zip(objects.chunks(RECORD)).map(|(key, objects)| self.record(key, objects)).collect();
        next.record_count += records.len() as u64;
        (next, records)
    }

    fn next(&self, row: Option<&CleanerRow>, now: Timestamp) -> CleanerRow {
        CleanerRow {
            object_name: CleanerKey::Cleaner,
            version: row.map_or(0, |row| row.version) + 1,
            cleaning: row.and_then(|row| row.cleaning.clone()),
            record_count: row.map_or(0, |row| row.record_count),
            unfinished: row.is_some_and(|row| row.unfinished),
            over_since: row.and_then(|row| row.over_since),
            updated_at: now,
        }
    }

    fn record(&self, event_key: String, objects: &[CleaningObject]) -> CleaningRecord {
        CleaningRecord {
            bucket_name: CleaningsPartition::Cleanings,
            event_key,
            cleaning_id: self.cleaning_id.clone(),
            invoked_by: self.invocation.invoker(),
            alarm_state_at: self.invocation.alarm_state_at().map(str::to_owned),
            begun_at: self.begun_at,
            objects: objects.to_vec(),
            expires_at: (self.begun_at + TOMBSTONE_LIFE).as_second(),
        }
    }

    fn key(&self, version: u64, record: usize) -> String {
        format!("{}#{version:020}#{record:05}", key_time(self.begun_at))
    }

    fn chosen(&self, candidate: &Candidate, now: Timestamp) -> CleaningObject {
        CleaningObject {
            object_name: candidate.object_name.clone(),
            size: candidate.size,
            etag: candidate.etag.clone(),
            sequencer: candidate.sequencer.clone(),
            chosen_at: now,
            over_at: self.over_at,
            outcome: None,
        }
    }

    /// Deletes what was decided and is on record; says whether there is more to do.
    async fn delete(
        &mut self,
        decision: &Decision,
        row: CleanerRow,
        mut records: Vec<CleaningRecord>,
        refused: &mut BTreeSet<ObjectName>,
    ) -> Result<bool, Error> {
        let objects = &decision.choice.delete;
        let deletions = delete_all(self.deps, objects, self.over_at).await;
        let mut failed = None;
        let done = &mut self.done;
        // Once the bucket is below its threshold, what nobody may delete is no reason to go on.
        let projected = decision.choice.projected_total_size;
        let mut is_unfinished = match decision.choice.stop {
            Stop::Below => false,
            Stop::MaxDeletes => true,
            Stop::OnlyProtected | Stop::OnlyYoung => projected >= self.deps.rule.threshold_bytes,
        };
        for (candidate, (outcome, error)) in objects.iter().zip(deletions) {
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
                    refused.insert(candidate.object_name.clone());
                }
                Outcome::Overwritten | Outcome::Failed | Outcome::Kept => is_unfinished = true,
            }
            failed = failed.or(error.filter(|_| outcome == Outcome::Failed));
            done.chosen.push((candidate.clone(), outcome));
            let objects = records.iter_mut().flat_map(|record| &mut record.objects);
            let on_record = objects.filter(|object| object.object_name == candidate.object_name);
            on_record.for_each(|object| object.outcome = Some(outcome));
        }
        let was_refused = done.chosen.iter().rev().take(objects.len()).any(|(_, outcome)| *outcome == Outcome::Refused);
        let made = done.made();
        self.finish(row, records, is_unfinished || was_refused).await?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        let has_time = (self.deps.now)() < self.over_at - SignedDuration::from_secs(30);
        let is_round = decision.choice.stop == Stop::MaxDeletes && made < self.deps.rule.max_deletes;
        Ok(has_time && made < self.deps.rule.max_deletes && (was_refused || is_round))
    }

    /// Puts on record what came of the deletions. If another invocation has begun meanwhile, the row is its own, and it has
    /// taken over these objects as they were.
    async fn finish(&self, row: CleanerRow, records: Vec<CleaningRecord>, unfinished: bool) -> Result<(), Error> {
        let now = (self.deps.now)();
        let mut next = self.next(Some(&row), now);
        next.unfinished = unfinished;
        next.over_since = next.over_since.filter(|_| unfinished);
        for _ in 0..ATTEMPTS {
            if self.deps.store.save_cleaner(&next, previous(&next), &records).await? == Saved::Committed {
                return Ok(());
            }
            let row = self.deps.store.standing().await?.cleaner;
            next = self.next(row.as_ref(), now);
            next.unfinished |= unfinished;
        }
        tracing::warn!("the outcomes of the deletions could not be recorded, so the next cleaning asks S3");
        Ok(())
    }
}

/// A key that neither the records from `first` on come before, nor `own`, which was written later. It may be the key of no
/// record.
fn earlier(first: &str, own: &str) -> String {
    match (first.split_once('#'), own.split_once('#')) {
        (Some((_, written)), Some((begun_at, _))) if own < first => format!("{begun_at}#{written}"),
        _ => first.to_owned(),
    }
}

/// The version that the row must have had.
fn previous(row: &CleanerRow) -> Option<u64> {
    (row.version > 1).then(|| row.version - 1)
}
