//! The line of the total and the threshold, with the markers of changes.

use super::geometry::Rect;
use super::header::look;
use super::marks::Mark;
use super::reduce::Piece;
use super::scene::Scene;
use super::size_axis::SizeScale;
use super::{Chart, palette};

/// What is drawn, which labels must leave free.
pub(super) struct Drawn<'a> {
    /// The pieces of the total's line.
    pub line: Vec<Rect>,
    /// What is under the line.
    pub below: Vec<Rect>,
    /// The threshold's line.
    pub threshold: Option<Rect>,
    /// The marked changes, the largest first, and their points.
    pub marks: Vec<(&'a Mark, (i32, i32))>,
}

/// Draws the lines and markers.
pub(super) fn draw(chart: &Chart, drawn: &Drawn<'_>, scene: &mut Scene) {
    if let Some(rect) = drawn.threshold {
        let (dash, gap) = (chart.layout.px(9.0), chart.layout.px(6.0));
        let dashes = (rect.left..rect.right).step_by((dash + gap) as usize);
        dashes.for_each(|left| {
            scene.fill(Rect { left, right: (left + dash).min(rect.right), ..rect }, palette::THRESHOLD)
        });
    }
    drawn.line.iter().for_each(|rect| scene.fill(*rect, palette::TOTAL));
    // The largest last, on top of others.
    for (mark, point) in drawn.marks.iter().rev() {
        let (direction, color, _) = look(&mark.change);
        scene.marker(*point, reach(chart), direction, color, palette::PAPER);
    }
}

/// What [`draw`] is going to draw.
pub(super) fn plan<'a>(chart: &'a Chart, sizes: &SizeScale) -> Drawn<'a> {
    let threshold = sizes.row(chart.frame.threshold_bytes).map(|row| {
        let thickness = chart.layout.px(2.0);
        Rect { top: row - thickness / 2, bottom: row - thickness / 2 + thickness, ..chart.layout.plot }
    });
    let pieces = chart.reducer.pieces(chart.frame.initial_total, chart.line_end());
    Drawn {
        line: line(chart, sizes, &pieces),
        below: below(chart, sizes, &pieces),
        threshold,
        marks: marks(chart, sizes),
    }
}

/// The column of pixels and the row of a total.
pub(super) fn point(chart: &Chart, sizes: &SizeScale, column: u32, total: u64) -> (i32, i32) {
    // The scale holds the peak, so every total has its row.
    (chart.layout.plot.left + column as i32, sizes.row(total).unwrap_or(chart.layout.plot.top))
}

fn line(chart: &Chart, sizes: &SizeScale, pieces: &[Piece]) -> Vec<Rect> {
    let crowded = chart.reducer.columns().len() as u32 > chart.layout.columns() / 4;
    let thickness = chart.layout.px(if crowded { 1.0 } else { 3.0 }).max(1);
    let stroke = |(left, top): (i32, i32), (right, bottom): (i32, i32)| {
        let (left, top) = (left - thickness / 2, top - thickness / 2);
        Rect::new(left, top, right - thickness / 2 + thickness, bottom - thickness / 2 + thickness)
    };
    let at = |column, total| point(chart, sizes, column, total);
    let rects = pieces.iter().map(|piece| match *piece {
        Piece::Hold { from, to, total } => stroke(at(from, total), at(to, total)),
        Piece::Move { at: column, low, high } => stroke(at(column, high), at(column, low)),
    });
    rects.collect()
}

/// What is under the line. Each column belongs to one rectangle, so that the tint is even.
fn below(chart: &Chart, sizes: &SizeScale, pieces: &[Piece]) -> Vec<Rect> {
    let rects = pieces.iter().filter_map(|piece| match *piece {
        Piece::Hold { from, to, total } => {
            let ((left, top), (right, _)) = (point(chart, sizes, from, total), point(chart, sizes, to, total));
            Some(Rect::new(left, top, right, chart.layout.plot.bottom))
        }
        Piece::Move { .. } => None,
    });
    rects.collect()
}

/// The changes to mark whose markers don't cover a larger one's.
fn marks<'a>(chart: &'a Chart, sizes: &SizeScale) -> Vec<(&'a Mark, (i32, i32))> {
    let mut placed: Vec<(&Mark, (i32, i32))> = Vec::new();
    for mark in chart.marks.notable(chart.peak.total) {
        let here = point(chart, sizes, mark.column, mark.change.total_size);
        let cover = Rect::around(here, reach(chart));
        if !placed.iter().any(|(_, there)| Rect::around(*there, reach(chart)).overlaps(&cover)) {
            placed.push((mark, here));
        }
    }
    placed
}

/// How far a marker reaches from its point.
pub(super) fn reach(chart: &Chart) -> i32 {
    chart.layout.px(7.0)
}
