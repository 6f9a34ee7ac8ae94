//! The ticks of the time axis, in UTC.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// 1970 began on a Thursday: weeks are counted from the Monday after.
const FIRST_MONDAY: i64 = 4 * DAY;

const MILLIS: [i64; 24] = [
    100,
    200,
    500,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    WEEK,
    2 * WEEK,
];
/// An eighth of all the time that there is.
const LONGEST: i64 = 30_000;
const MONTHS: [i64; 13] = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 6_000, 12_000, LONGEST];

/// A tick of the time axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeTick {
    /// Where it is.
    pub at: Timestamp,
    /// What stands under it.
    pub label: String,
    /// What stands under that: the date or year, where it differs from that of the tick before.
    pub context: Option<String>,
}

#[derive(Clone, Copy)]
enum Step {
    Millis(i64),
    Months(i64),
}

/// The ticks between `start` and `end`, at most `at_most` steps of a round time apart.
pub(super) fn time_ticks(start: Timestamp, end: Timestamp, at_most: usize) -> Vec<TimeTick> {
    let at_most = at_most.max(1) as i64;
    let step = choose(start, end, at_most);
    let (label, context) = formats(step);
    let mut previous = None;
    instants(start, end, step, at_most)
        .map(|at| {
            let civil = civil(at);
            let context = context.map(|format| civil.strftime(format).to_string());
            let changed = context != previous;
            previous.clone_from(&context);
            let label = civil.strftime(label).to_string();
            TimeTick { at, label, context: context.filter(|_| changed) }
        })
        .collect()
}

/// The date and time in UTC.
pub(super) fn civil(at: Timestamp) -> DateTime {
    TimeZone::UTC.to_datetime(at)
}

fn choose(start: Timestamp, end: Timestamp, at_most: i64) -> Step {
    let span = end.as_millisecond() - start.as_millisecond();
    let millis = MILLIS.into_iter().find(|step| span <= step * at_most).map(Step::Millis);
    let months = || MONTHS.into_iter().find(|step| span / (30 * DAY) <= step * at_most);
    millis.unwrap_or_else(|| Step::Months(months().unwrap_or(LONGEST)))
}

fn formats(step: Step) -> (&'static str, Option<&'static str>) {
    const DATE: Option<&str> = Some("%Y-%m-%d");
    match step {
        Step::Millis(..SECOND) => ("%H:%M:%S%.1f", DATE),
        Step::Millis(..MINUTE) => ("%H:%M:%S", DATE),
        Step::Millis(..DAY) => ("%H:%M", DATE),
        Step::Millis(_) => ("%-d %b", Some("%Y")),
        Step::Months(..12) => ("%b", Some("%Y")),
        Step::Months(_) => ("%Y", None),
    }
}

/// The multiples of the step within the range.
fn instants(start: Timestamp, end: Timestamp, step: Step, at_most: i64) -> impl Iterator<Item = Timestamp> {
    // One step below the start, and one more: a range of n steps touches up to n + 1 of their ends.
    (0..=at_most + 1).filter_map(move |index| instant(start, step, index)).filter(move |at| (start..=end).contains(at))
}

/// The multiple of the step that is `index` steps after the last one at or before the start.
fn instant(start: Timestamp, step: Step, index: i64) -> Option<Timestamp> {
    match step {
        Step::Millis(step) => {
            let origin = if step % WEEK == 0 { FIRST_MONDAY } else { 0 };
            let floor = (start.as_millisecond() - origin).div_euclid(step) * step + origin;
            Timestamp::from_millisecond(floor + index * step).ok()
        }
        Step::Months(step) => {
            let month = i64::from(civil(start).year()) * 12 + i64::from(civil(start).month()) - 1;
            first_of((month.div_euclid(step) + index) * step)
        }
    }
}

/// The first instant of a month, counted from January of the year 0.
fn first_of(month: i64) -> Option<Timestamp> {
    let year = Date::new(i16::try_from(month.div_euclid(12)).ok()?, 1, 1).ok()?;
    let first = year.checked_add(month.rem_euclid(12).months()).ok()?;
    TimeZone::UTC.to_timestamp(first.at(0, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start: &str, end: &str, expect: &[(&str, &str)]) {
        let ticks = time_ticks(start.parse().unwrap(), end.parse().unwrap(), 8);
        let seen: Vec<_> =
            ticks.iter().map(|tick| (tick.label.as_str(), tick.context.as_deref().unwrap_or(""))).collect();
        assert_eq!(seen, expect);
    }

    #[test]
    fn a_minute_is_told_in_seconds() {
        check(
            "2026-08-01T12:00:03Z",
            "2026-08-01T12:00:52Z",
            &[("12:00:10", "2026-08-01"), ("12:00:20", ""), ("12:00:30", ""), ("12:00:40", ""), ("12:00:50", "")],
        );
    }

    #[test]
    fn a_second_is_told_in_tenths() {
        check(
            "2026-08-01T12:00:00.95Z",
            "2026-08-01T12:00:01.65Z",
            &[
                ("12:00:01.0", "2026-08-01"),
                ("12:00:01.1", ""),
                ("12:00:01.2", ""),
                ("12:00:01.3", ""),
                ("12:00:01.4", ""),
                ("12:00:01.5", ""),
                ("12:00:01.6", ""),
            ],
        );
    }

    #[test]
    fn the_date_stands_where_it_changes() {
        check(
            "2026-12-31T20:30:00Z",
            "2027-01-01T03:10:00Z",
            &[
                ("21:00", "2026-12-31"),
                ("22:00", ""),
                ("23:00", ""),
                ("00:00", "2027-01-01"),
                ("01:00", ""),
                ("02:00", ""),
                ("03:00", ""),
            ],
        );
    }

    #[test]
    fn a_month_is_told_in_weeks_that_begin_on_mondays() {
        check(
            "2026-08-01T00:00:00Z",
            "2026-08-31T00:00:00Z",
            &[("3 Aug", "2026"), ("10 Aug", ""), ("17 Aug", ""), ("24 Aug", ""), ("31 Aug", "")],
        );
    }

    #[test]
    fn years_are_told_in_months_then_in_years() {
        check(
            "2025-06-15T00:00:00Z",
            "2026-12-15T00:00:00Z",
            &[("Jul", "2025"), ("Oct", ""), ("Jan", "2026"), ("Apr", ""), ("Jul", ""), ("Oct", "")],
        );
        check("2010-06-15T00:00:00Z", "2026-12-15T00:00:00Z", &[("2015", ""), ("2020", ""), ("2025", "")]);
    }

    #[test]
    fn every_range_has_a_choice_of_ticks() {
        let ticks = time_ticks(Timestamp::MIN, Timestamp::MAX, 8);
        let years: Vec<_> = ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(years, ["-7500", "-5000", "-2500", "0000", "2500", "5000", "7500"]);
    }
}
