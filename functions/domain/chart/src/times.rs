//! Times as columns of pixels, and as text.

use jiff::{SignedDuration, Timestamp};

use super::Resolution;
use super::time_axis::civil;

/// A range shorter than this is drawn with as much time around it.
const SHORTEST: SignedDuration = SignedDuration::from_secs(1);

/// The time axis of a plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeScale {
    pub start: Timestamp,
    pub end: Timestamp,
    columns: u32,
    resolution: Resolution,
}

impl TimeScale {
    /// The scale of the range over this many columns.
    pub fn new(start: Timestamp, end: Timestamp, columns: u32) -> Self {
        let pad = if start.duration_until(end) < SHORTEST { 5 * SHORTEST } else { SignedDuration::ZERO };
        let start = start.checked_sub(pad).unwrap_or(Timestamp::MIN);
        let end = end.checked_add(pad).unwrap_or(Timestamp::MAX);
        let column = (end.as_nanosecond() - start.as_nanosecond()) / i128::from(columns.saturating_sub(1).max(1));
        let is_shorter = |resolution: &Resolution| resolution.length().as_nanos() <= column;
        let coarse = [Resolution::Minute, Resolution::Second].into_iter().find(is_shorter);
        Self { start, end, columns, resolution: coarse.unwrap_or(Resolution::Full) }
    }

    /// The longest spans than which no column of pixels is shorter.
    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// The column of a time; one outside of the range falls on its edge.
    pub fn column(&self, at: Timestamp) -> u32 {
        self.column_of(at.as_nanosecond())
    }

    /// The column of a change. All times of one span of the resolution have that of its middle.
    pub fn change_column(&self, at: Timestamp) -> u32 {
        let length = self.resolution.length().as_nanos();
        self.column_of(at.as_nanosecond().div_euclid(length) * length + (length - 1) / 2)
    }

    fn column_of(&self, nanosecond: i128) -> u32 {
        let last = i128::from(self.columns.saturating_sub(1));
        let span = (self.end.as_nanosecond() - self.start.as_nanosecond()).max(1);
        let offset = (nanosecond - self.start.as_nanosecond()).clamp(0, span);
        // The column is at most `last`, which came from a u32.
        ((offset * last + span / 2) / span) as u32
    }

    /// The last column.
    pub fn last_column(&self) -> u32 {
        self.columns.saturating_sub(1)
    }

    /// A time within the range, with as much detail as the range asks for.
    pub fn text(&self, at: Timestamp) -> String {
        let one_day = civil(self.start).date() == civil(self.end).date();
        let format = if one_day { "%H:%M:%S" } else { "%-d %b %H:%M" };
        civil(at).strftime(format).to_string()
    }
}

/// A range of times: the date is told once if it doesn't change.
pub(super) fn format_range(start: Timestamp, end: Timestamp) -> String {
    const SECONDS: &str = "%Y-%m-%d %H:%M:%S";
    const MINUTES: &str = "%Y-%m-%d %H:%M";
    let (from, to) = (civil(start), civil(end));
    let (first, second) = match () {
        () if start == end => return format!("{} UTC", from.strftime(SECONDS)),
        () if from.date() == to.date() => (SECONDS, "%H:%M:%S"),
        () if start.duration_until(end) < SignedDuration::from_hours(24) => (SECONDS, SECONDS),
        () => (MINUTES, MINUTES),
    };
    format!("{} to {} UTC", from.strftime(first), to.strftime(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(start: &str, end: &str, expect: &str) {
        assert_eq!(format_range(at(start), at(end)), expect);
    }

    #[test]
    fn a_range_tells_its_date_once() {
        check("2026-08-01T12:00:03Z", "2026-08-01T12:00:52Z", "2026-08-01 12:00:03 to 12:00:52 UTC");
        check("2026-08-01T12:00:03Z", "2026-08-01T12:00:03Z", "2026-08-01 12:00:03 UTC");
        check("2026-08-01T23:59:30Z", "2026-08-02T00:00:30Z", "2026-08-01 23:59:30 to 2026-08-02 00:00:30 UTC");
        check("2026-08-01T00:00:00Z", "2026-08-31T00:00:00Z", "2026-08-01 00:00 to 2026-08-31 00:00 UTC");
    }

    #[test]
    fn the_range_spans_all_columns() {
        let scale = TimeScale::new(at("2026-08-01T12:00:00Z"), at("2026-08-01T12:01:40Z"), 101);
        let column = |text| scale.column(at(text));
        assert_eq!(column("2026-08-01T12:00:00Z"), 0);
        assert_eq!(column("2026-08-01T12:00:10Z"), 10);
        assert_eq!(column("2026-08-01T12:01:40Z"), 100);
    }

    #[test]
    fn times_outside_of_the_range_fall_on_its_edges() {
        let scale = TimeScale::new(at("2026-08-01T12:00:00Z"), at("2026-08-01T12:01:40Z"), 101);
        assert_eq!((scale.column(Timestamp::MIN), scale.column(Timestamp::MAX)), (0, 100));
    }

    #[test]
    fn a_range_without_length_stands_in_the_middle() {
        let scale = TimeScale::new(at("2026-08-01T12:00:00Z"), at("2026-08-01T12:00:00Z"), 101);
        assert_eq!(scale.column(at("2026-08-01T12:00:00Z")), 50);
    }
}
