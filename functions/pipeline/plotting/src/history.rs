//! Reads the history into a chart, page by page, for as long as there is time.

use std::time::Instant;

use spillway_chart::{Change, ChangeKind, Chart, Frame};
use spillway_contracts::ledger::{is_deletion, is_repair};
use spillway_ledger_store::HistoryChange;

use crate::query::Range;
use crate::{Deps, Error};

/// The chart of a range of the history; of it, no more than a page or so of each partition is ever in memory.
///
/// What isn't read when the time for it is over is left out, except the first pages. The chart says so.
pub async fn chart(deps: &Deps, range: Range, (width, height): (u32, u32)) -> Result<Chart, Error> {
    let deadline = Instant::now() + deps.reading_time;
    let mut history = deps.store.changes(range.from, range.to).await?;
    let mut changes = history.next().await?;
    let first = changes.as_ref().and_then(|changes| changes.first());
    let start = range.from.or(first.map(|change| change.committed_at)).unwrap_or(range.to);
    let mut chart = Chart::new(Frame {
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
    while let Some(next) = changes {
        chart.extend(next.into_iter().map(to_draw));
        if Instant::now() >= deadline && !history.is_over() {
            chart.cut();
            break;
        }
        changes = history.next().await?;
    }
    Ok(chart)
}

fn to_draw(change: HistoryChange) -> Change {
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
