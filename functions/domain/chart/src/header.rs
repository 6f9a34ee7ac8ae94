//! What stands above the plot: the title, what is called out, the legend.

use super::marks::Mark;
use super::scene::{Align, Direction, Scene, Style};
use super::size_axis::SizeScale;
use super::time_axis::civil;
use super::times::format_range;
use super::{Change, ChangeKind, Chart, format_bytes, format_count, palette};

/// The distance of texts from the edge of the picture.
const EDGE: f32 = 32.0;

/// A figure that is called out, between what it is and what to know about it.
struct Callout {
    name: &'static str,
    figure: String,
    note: String,
    style: Style,
}

/// Draws the header. `drawn` are the changes that have a marker.
pub(super) fn draw(chart: &Chart, sizes: &SizeScale, drawn: &[&Mark], scene: &mut Scene) {
    let free = callouts(chart, scene);
    title(chart, free, scene);
    legend(chart, sizes, drawn, scene);
}

fn title(chart: &Chart, right: i32, scene: &mut Scene) {
    let layout = &chart.layout;
    let left = layout.px(EDGE);
    let width = (right - left) as f32;
    let style = layout.title();
    let name = style.face.fitted(&chart.frame.bucket_name, style.size, width);
    scene.text((left, layout.px(50.0)), Align::Left, name, style);

    let style = layout.quiet();
    let range = format_range(chart.frame.start, chart.frame.end);
    let mut texts = vec![format!("{range}  ·  {}", counts(chart)), range, civil(chart.frame.start).date().to_string()];
    texts.retain(|text| style.width(text) as f32 <= width);
    let Some(text) = texts.into_iter().next() else { return };
    scene.text((left, layout.px(76.0)), Align::Left, text, style);
}

fn counts(chart: &Chart) -> String {
    let count = |count: u64, one: &str| match count {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        many => format!("{} {one}s", format_count(many)),
    };
    let repairs = match chart.marks.repairs() {
        0 => String::new(),
        some => format!(", {}", count(some, "repair")),
    };
    format!("{}, {}{repairs}", count(chart.marks.uploads(), "upload"), count(chart.marks.deletions(), "deletion"))
}

/// Draws the figures from the right edge on, the most important outermost, as far as they leave the title its half;
/// gives the column where they begin.
fn callouts(chart: &Chart, scene: &mut Scene) -> i32 {
    let layout = &chart.layout;
    let (mut right, gap) = (layout.canvas.right - layout.px(EDGE), layout.px(36.0));
    for Callout { name, figure, note, style } in figures(chart) {
        let quiet = layout.quiet();
        let width = style.width(&figure).max(quiet.width(name)).max(quiet.width(&note));
        if right - width < layout.canvas.width() / 2 {
            break;
        }
        scene.text((right, layout.px(36.0)), Align::Right, name, quiet);
        scene.text((right, layout.px(64.0)), Align::Right, figure, style);
        scene.text((right, layout.px(86.0)), Align::Right, note, quiet);
        right -= width + gap;
    }
    right
}

fn figures(chart: &Chart) -> [Callout; 3] {
    let (threshold, last) = (chart.frame.threshold_bytes, chart.last_total);
    let since = |at: Option<jiff::Timestamp>| {
        at.map_or("from the start".to_owned(), |at| format!("at {}", chart.times.text(at)))
    };
    let beside = match last.abs_diff(threshold) {
        0 => "at the threshold".to_owned(),
        above if last > threshold => format!("{} above threshold", format_bytes(above)),
        below => format!("{} below threshold", format_bytes(below)),
    };
    let reached = match chart.reached_at {
        _ if chart.frame.initial_total >= threshold => "exceeded from the start".to_owned(),
        Some(at) => format!("reached at {}", chart.times.text(at)),
        None => "not reached".to_owned(),
    };
    let figure = |color| Style { color, ..chart.layout.figure() };
    let total = figure(palette::TOTAL_INK);
    [
        Callout {
            name: if chart.unread_from.is_some() { "Last read" } else { "Final" },
            figure: format_bytes(last),
            note: beside,
            style: total,
        },
        Callout { name: "Peak", figure: format_bytes(chart.peak.total), note: since(chart.peak.at), style: total },
        Callout {
            name: "Threshold",
            figure: format_bytes(threshold),
            note: reached,
            style: figure(palette::THRESHOLD_INK),
        },
    ]
}

fn legend(chart: &Chart, sizes: &SizeScale, drawn: &[&Mark], scene: &mut Scene) {
    let layout = &chart.layout;
    let (quiet, baseline) = (layout.quiet(), layout.px(110.0));
    let mut left = layout.px(EDGE);
    for (kind, name) in [
        (ChangeKind::Created, "upload"),
        (ChangeKind::Deleted, "deletion"),
        (ChangeKind::Repaired, "repair by an audit"),
    ] {
        let Some(mark) = drawn.iter().find(|mark| mark.change.kind == kind) else { continue };
        let (direction, color, _) = look(&mark.change);
        let reach = layout.px(6.0);
        scene.marker((left + reach, baseline - quiet.cap_height() / 2), reach, direction, color, palette::PAPER);
        left += 2 * reach + layout.px(8.0);
        scene.text((left, baseline), Align::Left, name, quiet);
        left += quiet.width(name) + layout.px(20.0);
    }
    for note in notes(chart, sizes, drawn.len()) {
        let width = quiet.width(&note);
        if left + width > layout.canvas.right - layout.px(EDGE) {
            break;
        }
        scene.text((left, baseline), Align::Left, note, quiet);
        left += width + layout.px(20.0);
    }
}

/// What a reader would otherwise miss.
fn notes(chart: &Chart, sizes: &SizeScale, drawn: usize) -> Vec<String> {
    let count = chart.marks.count();
    let threshold = chart.frame.threshold_bytes;
    let thinned = (drawn as u64) < count;
    let marked = match drawn {
        0 => format!("none of {} changes is large enough to be marked", format_count(count)),
        1 => format!("the largest of {} changes is marked", format_count(count)),
        some => format!("{some} of {} changes marked, the largest first", format_count(count)),
    };
    let far = format!("the threshold, {}, is far above this plot", format_bytes(threshold));
    let unread =
        chart.unread_from.map(|at| format!("drawn up to {}: there was no time to read more", chart.times.text(at)));
    [unread, thinned.then_some(marked), sizes.row(threshold).is_none().then_some(far)].into_iter().flatten().collect()
}

/// How a change looks: where its marker points, the marker's colour, the text's.
pub(super) fn look(change: &Change) -> (Direction, plotters::style::RGBAColor, plotters::style::RGBAColor) {
    match change.kind {
        ChangeKind::Repaired if change.size_delta < 0 => (Direction::Down, palette::REPAIR, palette::REPAIR_INK),
        ChangeKind::Repaired => (Direction::Up, palette::REPAIR, palette::REPAIR_INK),
        ChangeKind::Created => (Direction::Up, palette::UPLOAD, palette::UPLOAD_INK),
        ChangeKind::Deleted => (Direction::Down, palette::DELETION, palette::DELETION_INK),
    }
}
