//! The texts within the plot: threshold, peak, changes, and that there are none.

use super::geometry::Rect;
use super::header::look;
use super::labels::{Room, around};
use super::line::{Drawn, point, reach};
use super::marks::Mark;
use super::scene::{Align, Scene, Style};
use super::size_axis::SizeScale;
use super::{Chart, format_bytes, format_delta, palette};

/// An object's name takes no more room than this.
const NAME_WIDTH: f32 = 190.0;

/// Texts keep this distance from lines and markers.
const CLEAR: f32 = 4.0;

/// Draws the texts, the most important first: a text without room is left out.
pub(super) fn draw(chart: &Chart, sizes: &SizeScale, drawn: &Drawn<'_>, scene: &mut Scene) {
    let layout = &chart.layout;
    let mut room = Room::new(layout.plot.grown(-layout.px(4.0), -layout.px(4.0)), (layout.px(8.0), layout.px(3.0)));
    let clear = layout.px(CLEAR);
    drawn.line.iter().chain(&drawn.threshold).for_each(|rect| room.take(rect.grown(clear, clear)));
    for (_, at) in &drawn.marks {
        let marker = Rect::around(*at, reach(chart)).grown(clear, clear);
        room.take(marker);
        room.guard(*at, marker.grown(0, layout.text().line_height()));
    }

    match chart.unread() {
        Some(area) => unread(chart, area, &mut room, scene),
        None => last_total(chart, sizes, scene),
    }
    threshold(chart, drawn, &mut room, scene);
    if chart.marks.count() == 0 {
        nothing(chart, &mut room, scene);
        return;
    }
    let told = peak(chart, sizes, drawn, &mut room, scene);
    changes(chart, drawn, told, &mut room, scene);
}

/// The final total stands at the end of the line, in the margin, where nothing else is.
fn last_total(chart: &Chart, sizes: &SizeScale, scene: &mut Scene) {
    let style = Style { color: palette::TOTAL_INK, ..chart.layout.strong() };
    let (right, row) = point(chart, sizes, chart.times.last_column(), chart.last_total);
    let position = (right + chart.layout.px(12.0), row + style.cap_height() / 2);
    scene.text(position, Align::Left, format_bytes(chart.last_total), style);
}

/// Stands in the middle of the area of which nothing is known, if that is wide enough.
fn unread(chart: &Chart, area: Rect, room: &mut Room, scene: &mut Scene) {
    let (style, text) = (chart.layout.quiet(), "not read");
    let (width, height) = (style.width(text), style.line_height());
    let (left, top) = ((area.left + area.right - width) / 2, (area.top + area.bottom - height) / 2);
    let place = Rect::new(left, top, left + width, top + height);
    write(room.place(area.holds(&place).then_some(place)), &[(text.to_owned(), style)], 0, scene);
}

fn threshold(chart: &Chart, drawn: &Drawn<'_>, room: &mut Room, scene: &mut Scene) {
    let Some(line) = drawn.threshold else { return };
    let style = Style { color: palette::THRESHOLD_INK, ..chart.layout.strong() };
    let text = format!("threshold {}", format_bytes(chart.frame.threshold_bytes));
    let (width, height, gap) = (style.width(&text), style.line_height(), chart.layout.px(5.0));
    let lefts = (0..=8).rev().map(|eighth| line.left + gap + (line.width() - width - 2 * gap) * eighth / 8);
    let rows = [line.top - gap - height, line.bottom + gap];
    let candidates = rows.into_iter().flat_map(|top| lefts.clone().map(move |left| (left, top)));
    let place = room.place(candidates.map(|(left, top)| Rect::new(left, top, left + width, top + height)));
    write(place, &[(text, style)], 0, scene);
}

/// Labels the peak, and under that the change that led to it; gives the change's number if there was room for both.
fn peak(chart: &Chart, sizes: &SizeScale, drawn: &Drawn<'_>, room: &mut Room, scene: &mut Scene) -> Option<u64> {
    let style = Style { color: palette::TOTAL_INK, ..chart.layout.strong() };
    let text = format!("peak {}", format_bytes(chart.peak.total));
    let at = point(chart, sizes, chart.peak.column, chart.peak.total);
    let (width, height) = (style.width(&text), style.line_height());
    let led = drawn.marks.iter().find(|(mark, here)| *here == at && mark.change.total_size == chart.peak.total);
    if let Some((mark, _)) = led {
        let label = Label::new(chart, mark);
        let line = height + chart.layout.px(5.0);
        let size = (width.max(label.width), line + label.height());
        if let Some(place) = room.place_for(at, around(at, size, gap(chart))) {
            write(Some(place), &[(text, style)], 0, scene);
            label.write(Some(Rect { top: place.top + line, ..place }), scene);
            return Some(mark.number);
        }
    }
    let places = around(at, (width, height), gap(chart));
    // There is but one peak: its label can't be taken for another's.
    let place = room.place_for(at, places).or_else(|| room.place(places));
    write(place, &[(text, style)], 0, scene);
    None
}

/// Labels the changes except the one that the peak's label has `told`.
fn changes(chart: &Chart, drawn: &Drawn<'_>, told: Option<u64>, room: &mut Room, scene: &mut Scene) {
    for (mark, at) in drawn.marks.iter().filter(|(mark, _)| Some(mark.number) != told) {
        let label = Label::new(chart, mark);
        label.write(room.place_for(*at, around(*at, (label.width, label.height()), gap(chart))), scene);
    }
}

/// What a change is labelled with: the object's name, and what it did to the total.
struct Label {
    texts: [(String, Style); 2],
    space: i32,
    width: i32,
}

impl Label {
    fn new(chart: &Chart, mark: &Mark) -> Self {
        let (layout, space) = (&chart.layout, chart.layout.px(6.0));
        let (_, _, ink) = look(&mark.change);
        let (text, style) = (layout.text(), Style { color: ink, ..layout.strong() });
        let name = text.face.fitted(&mark.change.object_name, text.size, layout.px(NAME_WIDTH) as f32);
        let delta = format_delta(mark.change.size_delta);
        let width = text.width(&name) + space + style.width(&delta);
        Self { texts: [(name, text), (delta, style)], space, width }
    }

    fn height(&self) -> i32 {
        self.texts[0].1.line_height()
    }

    fn write(&self, place: Option<Rect>, scene: &mut Scene) {
        write(place, &self.texts, self.space, scene);
    }
}

fn nothing(chart: &Chart, room: &mut Room, scene: &mut Scene) {
    let (first, second) = (chart.layout.strong(), chart.layout.quiet());
    let message = "No changes in this range";
    let detail = format!("The total stayed at {}", format_bytes(chart.last_total));
    let (plot, line) = (chart.layout.plot, chart.layout.px(24.0));
    let (width, height) = (first.width(message).max(second.width(&detail)), line + second.line_height());
    let centre = (plot.left + plot.right) / 2;
    let places = [45, 25, 70].map(|percent| {
        let (left, top) = (centre - width / 2, plot.top + plot.height() * percent / 100 - height / 2);
        Rect::new(left, top, left + width, top + height)
    });
    let Some(place) = room.place(places) else { return };
    scene.text((centre, place.top + first.cap_height()), Align::Centre, message, first);
    scene.text((centre, place.top + line + second.cap_height()), Align::Centre, detail, second);
}

/// The distance of a text from the point of a change: it clears the marker.
fn gap(chart: &Chart) -> i32 {
    reach(chart) + chart.layout.px(CLEAR) + 1
}

/// Writes texts one after the other.
fn write(place: Option<Rect>, texts: &[(String, Style)], space: i32, scene: &mut Scene) {
    let Some(Rect { mut left, top, .. }) = place else { return };
    for (text, style) in texts {
        scene.text((left, top + style.cap_height()), Align::Left, text.as_str(), *style);
        left += style.width(text) + space;
    }
}
