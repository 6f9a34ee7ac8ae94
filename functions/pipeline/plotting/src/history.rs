//! Reads the history into a chart, page by page, for as long as there is time.
//!
//! Of a long history the old part is read as [summed up](crate::sum_up), as far as the picture can't show the difference.

use std::time::Instant;

use jiff::Timestamp;
use spillway_chart::{Change, ChangeKind, Chart, Frame, Resolution, Summary};
use spillway_contracts::ledger::{is_deletion, is_repair};
use spillway_contracts::summary::HistoryChange;
use spillway_ledger_store::Changes;

use crate::level::Level;
use crate::pieces::{Piece, pieces};
use crate::query::Range;
use crate::sum_up::{read, summed_to};
use crate::{Deps, Error};

/// The chart of a range of the history; of it, no more than a page or so of each partition is ever in memory.
///
/// What isn't read when the time for it is over is left out, except the first pages. The chart says so.
pub async fn chart(deps: &Deps, range: Range, (width, height): (u32, u32)) -> Result<Chart, Error> {
    let deadline = Instant::now() + deps.reading_time;
    let mut history = deps.store.changes(range.from, range.to).await?;
    let changes = history.next().await?.unwrap_or_default();
    let first = changes.first();
    let start = range.from.or(first.map(|change| change.committed_at)).unwrap_or(range.to);
    let chart = Chart::new(Frame {
        bucket_name: deps.store.bucket_name().into(),
        threshold_bytes: deps.threshold_bytes,
        initial_total: match first {
            Some(change) => change.total_size.saturating_add_signed(-change.size_delta),
            None => deps.store.total_before(start).await?,
        },
        start,
        end: range.to,
        width,
        height,
    })?;
    let mut reading = Reading { deps, chart, deadline };
    let pieces = if history.is_over() { Vec::new() } else { reading.pieces(start, range.to).await? };
    let is_whole = match pieces[..] {
        [] | [Piece::Records { .. }] => reading.rest(changes, history).await?,
        _ => reading.all(pieces).await?,
    };
    if !is_whole {
        reading.chart.cut();
    }
    Ok(reading.chart)
}

/// A history that is being read.
struct Reading<'a> {
    deps: &'a Deps,
    chart: Chart,
    deadline: Instant,
}

impl Reading<'_> {
    /// What to read of a long history.
    async fn pieces(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Piece>, Error> {
        let resolution = self.chart.resolution();
        let store = &self.deps.store;
        let seconds = match resolution {
            Resolution::Full => None,
            Resolution::Second | Resolution::Minute => summed_to(store, Level::Seconds).await?,
        };
        let minutes = match resolution {
            Resolution::Minute => summed_to(store, Level::Minutes).await?,
            Resolution::Full | Resolution::Second => None,
        };
        Ok(pieces(from, to, seconds, minutes))
    }

    /// Reads the pieces; says whether there was time for all.
    async fn all(&mut self, pieces: Vec<Piece>) -> Result<bool, Error> {
        for piece in pieces {
            let is_whole = match piece {
                Piece::Summaries { level, from, to } => self.summaries(level, from, to).await?,
                Piece::Records { from, to } => {
                    let mut history = self.deps.store.changes(Some(from), to).await?;
                    let changes = history.next().await?.unwrap_or_default();
                    self.rest(changes, history).await?
                }
            };
            if !is_whole {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Draws these changes, and reads those after them; says whether there was time for all.
    async fn rest(&mut self, mut changes: Vec<HistoryChange>, mut history: Changes) -> Result<bool, Error> {
        loop {
            self.chart.extend(changes.into_iter().map(to_draw));
            if Instant::now() >= self.deadline && !history.is_over() {
                return Ok(false);
            }
            let Some(next) = history.next().await? else { return Ok(true) };
            changes = next;
        }
    }

    /// Reads what changes come to; says whether there was time for all.
    async fn summaries(&mut self, level: Level, from: Timestamp, to: Timestamp) -> Result<bool, Error> {
        let mut rows = self.deps.store.summaries(level.name(), from, to);
        while let Some(page) = rows.next().await? {
            for row in page {
                let summaries = read(&row, level)?;
                row.largest.into_iter().for_each(|change| self.chart.offer(to_draw(change)));
                for summary in summaries {
                    self.look_for_the_threshold(&summary, level).await?;
                    self.chart.push_summary(&summary);
                }
            }
            if Instant::now() >= self.deadline && !rows.is_over() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// When the total came to the threshold, the changes alone say. That is once in a chart.
    async fn look_for_the_threshold(&mut self, summary: &Summary, level: Level) -> Result<(), Error> {
        let threshold_bytes = self.deps.threshold_bytes;
        if self.chart.has_reached() || summary.max < threshold_bytes {
            return Ok(());
        }
        let end = summary.at.checked_add(level.unit()).unwrap_or(Timestamp::MAX);
        let mut history = self.deps.store.changes(Some(summary.at), end).await?;
        while let Some(changes) = history.next().await? {
            if let Some(change) = changes.iter().find(|change| change.total_size >= threshold_bytes) {
                self.chart.reach(change.committed_at);
                break;
            }
        }
        Ok(())
    }
}

pub fn to_draw(change: HistoryChange) -> Change {
    Change {
        at: change.committed_at,
        kind: match change.event_type.as_str() {
            repair if is_repair(repair) => ChangeKind::Repaired,
            deletion if is_deletion(deletion) => ChangeKind::Deleted,
            _ => ChangeKind::Created,
        },
        object_name: change.object_name.to_string(),
        size_delta: change.size_delta,
        total_size: change.total_size,
    }
}
