//! Sums up what of the history is old enough, so that a plot of a long one need not read all of it.
//!
//! Records never change, and a part of the history is summed up once it is certain that nothing will be added to it. So what a
//! row says can be made again from the records at any time, and two invocations that write the same row write the same.

use std::cmp::Reverse;
use std::time::Instant;

use jiff::Timestamp;
use spillway_chart::{NOTABLE, Summary};
use spillway_contracts::partition;
use spillway_contracts::summary::{HistoryChange, HistorySummary};
use spillway_ledger::fold::key_time;
use spillway_ledger_store::{Store, StoreError};

use crate::history::to_draw;
use crate::level::{Level, floor};
use crate::packed::{pack, unpack};
use crate::{Deps, Error};

/// Sums up the seconds that are over, and then the minutes, for as long as there is time. The next invocation goes on.
pub async fn sum_up(deps: &Deps) -> Result<(), Error> {
    let deadline = Instant::now() + deps.reading_time;
    let Rows { written: seconds, summed_to, .. } = sum_up_seconds(&deps.store, deadline).await?;
    let minutes = match summed_to {
        Some(end) => sum_up_minutes(&deps.store, end, deadline).await?.written,
        None => 0,
    };
    tracing::info!(seconds, minutes, "wrote rows of summaries");
    Ok(())
}

/// Writes the rows of seconds whose ends the ledger's newest record is not before: later ones have no smaller keys.
async fn sum_up_seconds(store: &Store, deadline: Instant) -> Result<Rows<'_>, Error> {
    let start = summed_to(store, Level::Seconds).await?;
    let mut rows = Rows::new(store, Level::Seconds, start);
    let Some(state) = store.state().await? else { return Ok(rows) };
    let end = floor(state.updated_at, Level::Seconds.row());
    if start.is_some_and(|start| start >= end) {
        return Ok(rows);
    }
    let mut history = store.changes(start, end).await?;
    let mut number = None;
    while let Some(changes) = history.next().await? {
        for change in changes {
            let next = partition::record_number(&change.event_key);
            if number.is_some_and(|number: u64| next != Some(number + 1)) {
                // DynamoDB does not show it yet.
                tracing::warn!(event_key = change.event_key, "a record is missing before this one");
                return Ok(rows);
            }
            number = next;
            let at = floor(change.committed_at, Level::Seconds.unit());
            rows.at(at).await?.add(Summary::of(at, &to_draw(change.clone())), [change]);
        }
        if Instant::now() >= deadline && !history.is_over() {
            return Ok(rows);
        }
    }
    rows.write().await?;
    Ok(rows)
}

/// Writes the rows of minutes of which all rows of seconds are there, which is up to `end`.
async fn sum_up_minutes(store: &Store, end: Timestamp, deadline: Instant) -> Result<Rows<'_>, Error> {
    let end = floor(end, Level::Minutes.row());
    let start = summed_to(store, Level::Minutes).await?;
    let mut rows = Rows::new(store, Level::Minutes, start);
    let mut seconds = store.summaries(Level::Seconds.name(), start.unwrap_or(Timestamp::UNIX_EPOCH), end);
    while let Some(page) = seconds.next().await? {
        for row in page {
            let summaries = read(&row, Level::Seconds)?;
            let mut largest = row.largest;
            for summary in summaries {
                let at = floor(summary.at, Level::Minutes.unit());
                rows.at(at).await?.add(Summary { at, ..summary }, std::mem::take(&mut largest));
            }
        }
        if Instant::now() >= deadline && !seconds.is_over() {
            return Ok(rows);
        }
    }
    rows.write().await?;
    Ok(rows)
}

/// Up to when the history is summed up; `None` if nothing of it is.
pub async fn summed_to(store: &Store, level: Level) -> Result<Option<Timestamp>, Error> {
    let Some(newest) = store.newest_summary(level.name()).await? else { return Ok(None) };
    Ok(Some(end_of(begins_at(&newest, level)?, level)))
}

fn end_of(begins_at: Timestamp, level: Level) -> Timestamp {
    begins_at.checked_add(level.row()).unwrap_or(Timestamp::MAX)
}

/// What each second or minute of a row's part of the history comes to.
pub fn read(row: &HistorySummary, level: Level) -> Result<Vec<Summary>, Error> {
    let begins_at = begins_at(&row.event_key, level)?;
    unpack(&row.summaries, begins_at, level.unit()).map_err(|error| corrupt(&row.event_key, level, &error))
}

fn begins_at(key: &str, level: Level) -> Result<Timestamp, Error> {
    key.parse().map_err(|error: jiff::Error| corrupt(key, level, &error))
}

fn corrupt(key: &str, level: Level, error: &dyn std::error::Error) -> Error {
    let reason = format!("the summary {key} of {}: {error}", level.name());
    StoreError::Corrupt { table: "the history".into(), reason }.into()
}

/// Writes rows, each as soon as the next one begins.
struct Rows<'a> {
    store: &'a Store,
    level: Level,
    row: Option<Row>,
    written: u32,
    /// Up to when there are rows.
    summed_to: Option<Timestamp>,
}

impl<'a> Rows<'a> {
    fn new(store: &'a Store, level: Level, summed_to: Option<Timestamp>) -> Self {
        Self { store, level, row: None, written: 0, summed_to }
    }

    /// The row that a moment belongs to.
    async fn at(&mut self, at: Timestamp) -> Result<&mut Row, Error> {
        let begins_at = floor(at, self.level.row());
        if self.row.as_ref().is_some_and(|row| row.begins_at != begins_at) {
            self.write().await?;
        }
        Ok(self.row.get_or_insert(Row { begins_at, summaries: Vec::new(), largest: Vec::new() }))
    }

    /// Writes the row that is being made.
    async fn write(&mut self) -> Result<(), Error> {
        let Some(row) = self.row.take() else { return Ok(()) };
        self.summed_to = Some(end_of(row.begins_at, self.level));
        self.store.put_summary(&row.finish(self.store.bucket_name(), self.level)?).await?;
        self.written += 1;
        Ok(())
    }
}

/// A row that is being made.
struct Row {
    begins_at: Timestamp,
    summaries: Vec<Summary>,
    largest: Vec<HistoryChange>,
}

impl Row {
    fn add(&mut self, summary: Summary, changes: impl IntoIterator<Item = HistoryChange>) {
        match self.summaries.last_mut().filter(|last| last.at == summary.at) {
            Some(last) => last.add(&summary),
            None => self.summaries.push(summary),
        }
        self.largest.extend(changes);
        if self.largest.len() >= 32 * NOTABLE {
            self.keep_the_largest();
        }
    }

    /// Of equal ones, the earlier are kept.
    fn keep_the_largest(&mut self) {
        self.largest.sort_by(|one, other| one.event_key.cmp(&other.event_key));
        self.largest.sort_by_key(|change| Reverse(change.size_delta.unsigned_abs()));
        self.largest.truncate(NOTABLE);
    }

    fn finish(mut self, bucket_name: &str, level: Level) -> Result<HistorySummary, Error> {
        self.keep_the_largest();
        self.largest.sort_by(|one, other| one.event_key.cmp(&other.event_key));
        Ok(HistorySummary {
            bucket_name: partition::summaries(bucket_name, level.name()),
            event_key: key_time(self.begins_at),
            largest: self.largest,
            summaries: pack(&self.summaries, self.begins_at, level.unit())?,
        })
    }
}
