//! Histories to draw.

use jiff::{SignedDuration, Timestamp};
use spillway_chart::{Change, ChangeKind, Chart, Frame};

const MEBIBYTE: i64 = 1 << 20;

/// The seed's scenario: milliseconds after the start, object, change of size.
pub const SCENARIO: [(i64, &str, i64); 5] = [
    (4_200, "assignment1.txt", 18),
    (5_300, "assignment2.txt", 28),
    (16_100, "assignment2.txt", -28),
    (31_400, "assignment3.txt", 2),
    (42_000, "assignment1.txt", -18),
];

/// A plot of the first `seconds` of August with this threshold.
pub fn frame(threshold_bytes: u64, seconds: i64) -> Frame {
    let start: Timestamp = "2026-08-01T12:00:00Z".parse().unwrap();
    Frame {
        bucket_name: "spillway-test-bucket".to_owned(),
        threshold_bytes,
        initial_total: 0,
        start,
        end: start + SignedDuration::from_secs(seconds),
        width: 1_200,
        height: 675,
    }
}

/// The changes as (milliseconds after the start, object, change of size) with their totals.
pub fn changes<'a>(
    frame: &Frame,
    changes: impl IntoIterator<Item = (i64, &'a str, i64)>,
) -> impl Iterator<Item = Change> {
    let (start, mut total_size) = (frame.start, frame.initial_total);
    changes.into_iter().map(move |(millis, object_name, size_delta)| {
        total_size = total_size.checked_add_signed(size_delta).unwrap();
        let kind = if size_delta < 0 { ChangeKind::Deleted } else { ChangeKind::Created };
        let at = start + SignedDuration::from_millis(millis);
        Change { at, object_name: object_name.to_owned(), size_delta, total_size, kind }
    })
}

/// A chart of the changes.
pub fn chart<'a>(frame: Frame, deltas: impl IntoIterator<Item = (i64, &'a str, i64)>) -> Chart {
    let mut chart = Chart::new(frame.clone()).unwrap();
    chart.extend(changes(&frame, deltas));
    chart
}

/// An hour with this many uploads and deletions, around 900 MiB, and a backup of 700 MiB after a third of them.
pub fn busy(count: i64) -> impl Iterator<Item = (i64, &'static str, i64)> {
    let (mut random, mut total) = (1u32, 0);
    (0..count).map(move |index| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = i64::from(random >> 8) % (4 * MEBIBYTE) + MEBIBYTE;
        let wanted = if total > 900 * MEBIBYTE || (random & 1 == 0 && total > size) { -size } else { size };
        let delta = if index == count / 3 { 700 * MEBIBYTE } else { wanted.max(-total) };
        total += delta;
        (index * 3_600_000 / count, "backups/database/part.bin", delta)
    })
}
