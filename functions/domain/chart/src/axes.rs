//! The ground of the plot: paper, tints, grid and axes.

use super::geometry::Rect;
use super::scene::{Align, Scene};
use super::size_axis::SizeScale;
use super::time_axis::time_ticks;
use super::{Chart, palette};

/// Draws what is behind the line; `below` is what is under it.
pub(super) fn draw(chart: &Chart, sizes: &SizeScale, below: &[Rect], scene: &mut Scene) {
    paper(chart.layout.canvas, scene);
    tints(chart, sizes, below, scene);
    size_axis(chart, sizes, scene);
    time_axis(chart, scene);
}

/// A white ground with a rim, so that the picture also stands on a dark page.
fn paper(canvas: Rect, scene: &mut Scene) {
    scene.fill(canvas, palette::BORDER);
    scene.fill(canvas.grown(-1, -1), palette::PAPER);
}

fn tints(chart: &Chart, sizes: &SizeScale, below: &[Rect], scene: &mut Scene) {
    let plot = chart.layout.plot;
    let threshold = sizes.row(chart.frame.threshold_bytes).unwrap_or(plot.top);
    scene.fill(Rect { bottom: threshold, ..plot }, palette::OVER_THRESHOLD);
    for rect in below {
        scene.fill(Rect { bottom: rect.bottom.min(threshold), ..*rect }, palette::UNDER_TOTAL_OVER_THRESHOLD);
        scene.fill(Rect { top: rect.top.max(threshold), ..*rect }, palette::UNDER_TOTAL);
    }
    if let Some(unread) = chart.unread() {
        scene.fill(unread, palette::UNREAD);
    }
}

fn size_axis(chart: &Chart, sizes: &SizeScale, scene: &mut Scene) {
    let (layout, plot) = (&chart.layout, chart.layout.plot);
    let style = layout.quiet();
    let at_most = (plot.height() / layout.px(68.0)).clamp(1, 10) as usize;
    for tick in sizes.ticks(at_most) {
        let Some(row) = sizes.row(tick.bytes) else { continue };
        let color = if tick.bytes == 0 { palette::BASELINE } else { palette::GRID };
        scene.fill(Rect::new(plot.left, row, plot.right, row + 1), color);
        let position = (plot.left - layout.px(12.0), row + style.cap_height() / 2);
        scene.text(position, Align::Right, tick.label, style);
    }
}

fn time_axis(chart: &Chart, scene: &mut Scene) {
    let (layout, plot) = (&chart.layout, chart.layout.plot);
    let style = layout.quiet();
    let at_most = (plot.width() / layout.px(100.0)).clamp(1, 16) as usize;
    let (first_line, second_line) = (plot.bottom + layout.px(24.0), plot.bottom + layout.px(43.0));
    let (zone, zone_right) = ("UTC", layout.canvas.right - layout.px(32.0));
    let zone_left = zone_right - style.width(zone) - layout.px(8.0);
    for tick in time_ticks(chart.times.start, chart.times.end, at_most) {
        let x = plot.left + chart.times.column(tick.at) as i32;
        scene.fill(Rect::new(x, plot.bottom, x + 1, plot.bottom + layout.px(6.0)), palette::BASELINE);
        scene.text((x, first_line), Align::Centre, tick.label, style);
        if let Some(context) = tick.context {
            // It makes room for the time zone at the right.
            let x = x.min(zone_left - (style.width(&context) + 1) / 2);
            scene.text((x, second_line), Align::Centre, context, style);
        }
    }
    scene.text((zone_right, second_line), Align::Right, zone, style);
}
