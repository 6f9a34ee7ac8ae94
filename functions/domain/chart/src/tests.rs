//! Whole plots: what they say, that texts keep clear of one another, and what the PNG is.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::histories::{SCENARIO, busy, chart, frame};
use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn scenario() -> Chart {
    chart(frame(20, 50), SCENARIO)
}

fn texts(chart: &Chart) -> Vec<String> {
    let scene = chart.scene();
    scene.shapes.iter().filter_map(|shape| shape.text_bounds()).map(|(text, _)| text.to_owned()).collect()
}

#[test]
fn the_scenario_is_told_in_full() {
    #[rustfmt::skip]
    let expect = [
        "0", "10 B", "20 B", "30 B", "40 B", "50 B",
        "12:00:00", "2026-08-01", "12:00:05", "12:00:10", "12:00:15", "12:00:20", "12:00:25", "12:00:30", "12:00:35",
        "12:00:40", "12:00:45", "12:00:50", "UTC",
        "Final", "2 B", "18 B below threshold",
        "Peak", "46 B", "at 12:00:05",
        "Threshold", "20 B", "reached at 12:00:05",
        "spillway-test-bucket", "2026-08-01 12:00:00 to 12:00:50 UTC  ·  3 uploads, 2 deletions",
        "upload", "deletion",
        "2 B", "threshold 20 B", "peak 46 B",
        "assignment2.txt", "+28 B", "assignment2.txt", "−28 B", "assignment1.txt", "+18 B", "assignment1.txt", "−18 B",
        "assignment3.txt", "+2 B",
    ];
    assert_eq!(texts(&scenario()), expect);
}

#[track_caller]
fn check_says(chart: &Chart, expect: &[&str]) {
    let said = texts(chart);
    for text in expect {
        assert!(said.iter().any(|said| said == text), "{text:?} is not among {said:?}");
    }
}

#[test]
fn an_empty_range_says_so() {
    let frame = Frame { initial_total: 7, ..frame(20, 50) };
    let counts = "2026-08-01 12:00:00 to 12:00:50 UTC  ·  no uploads, no deletions";
    check_says(&chart(frame, []), &["No changes in this range", "The total stayed at 7 B", counts]);
}

#[test]
fn one_change_is_drawn_in_a_range_without_length() {
    let one = chart(frame(20, 0), [(0, "assignment1.txt", 18)]);
    check_says(
        &one,
        &["2026-08-01 12:00:00 UTC  ·  1 upload, no deletions", "peak 18 B", "assignment1.txt", "+18 B", "at 12:00:00"],
    );
}

#[test]
fn a_total_that_stays_keeps_its_peak_at_the_first_change() {
    let equal = chart(frame(18, 60), [(9_000, "a.txt", 18), (20_000, "a.txt", 0), (30_000, "a.txt", 0)]);
    check_says(&equal, &["at 12:00:09", "±0 B", "at the threshold", "reached at 12:00:09"]);
}

#[test]
fn a_threshold_far_above_is_told_instead_of_drawn() {
    let far = chart(frame(5_000_000_000_000, 60), [(9_000, "a.txt", 18)]);
    check_says(
        &far,
        &["the threshold, 4.55 TiB, is far above this plot", "4.55 TiB below threshold", "not reached", "15 B"],
    );
    assert!(!texts(&far).contains(&"threshold 4.55 TiB".to_owned()));
}

#[test]
fn terabytes_over_a_month_are_told_in_tebibytes_and_weeks() {
    let terabytes = chart(frame(5_000_000_000_000, 30 * 86_400), [(86_400_000, "写真.tar", 5_000_000_000_000)]);
    check_says(
        &terabytes,
        &["5 TiB", "3 Aug", "31 Aug", r"\u{5199}\u{771f}.tar", "+4.55 TiB", "reached at 2 Aug 12:00"],
    );
}

#[test]
fn of_many_changes_the_spike_is_marked_and_named() {
    check_says(
        &chart(frame(1 << 30, 3_600), busy(10_000)),
        &["the largest of 10,000 changes is marked", "backups/database/part.bin", "+700 MiB"],
    );
}

#[test]
fn a_change_out_of_order_is_drawn_with_the_one_before() {
    let chart = chart(frame(20, 100), [(50_000, "a.txt", 18), (10_000, "b.txt", 28), (90_000, "c.txt", 1)]);
    let columns: Vec<_> =
        chart.reducer.columns().iter().map(|column| (column.first, column.max, column.last)).collect();
    assert_eq!(columns, [(18, 46, 46), (47, 47, 47)]);
}

#[test]
fn what_was_not_read_is_not_drawn() {
    let mut chart = scenario();
    chart.cut();
    let (end, right) = (chart.line_end(), chart.layout.plot.left + chart.line_end() as i32);
    assert_eq!((end, chart.drawn()), (853, (at("2026-08-01T12:00:00Z"), at("2026-08-01T12:00:42Z"))));
    assert_eq!(chart.reducer.pieces(0, end).last(), Some(&reduce::Piece::Hold { from: end, to: end, total: 2 }));
    assert_eq!(chart.unread(), Some(Rect { left: right, ..chart.layout.plot }));
    check_says(&chart, &["drawn up to 12:00:42: there was no time to read more", "not read", "Last read"]);
}

#[test]
fn the_picture_is_a_png_of_the_size_asked_for() {
    let png = scenario().to_png().unwrap();
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    assert_eq!(png[8..16], *b"\0\0\0\x0dIHDR");
    assert_eq!(
        (png[16..20].to_vec(), png[20..24].to_vec()),
        (1_200u32.to_be_bytes().to_vec(), 675u32.to_be_bytes().to_vec())
    );
    let image = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap().info().clone();
    assert_eq!((image.width, image.height, image.color_type), (1_200, 675, png::ColorType::Rgb));
}

#[test]
fn drawn_twice_the_picture_is_the_same() {
    assert_eq!(scenario().to_png().unwrap(), scenario().to_png().unwrap());
}

#[test]
fn a_size_out_of_bounds_is_refused() {
    let refused = Chart::new(Frame { width: 319, ..frame(20, 50) }).unwrap_err();
    assert_eq!(refused.to_string(), "a plot is 320 to 4096 pixels wide and high, not 319 by 675");
}

#[test]
fn a_range_that_ends_before_it_begins_is_refused() {
    let refused = Chart::new(frame(20, -1)).unwrap_err();
    assert_eq!(refused.to_string(), "the range ends at 2026-08-01T11:59:59Z, before it begins at 2026-08-01T12:00:00Z");
}

/// Every text lies within the picture and covers no other.
fn check_texts(chart: &Chart) -> Result<(), TestCaseError> {
    let scene = chart.scene();
    let texts: Vec<_> = scene.shapes.iter().filter_map(|shape| shape.text_bounds()).collect();
    for (index, (text, bounds)) in texts.iter().enumerate() {
        prop_assert!(chart.layout.canvas.holds(bounds), "{text:?} is cut off: {bounds:?}");
        for (other, others) in &texts[..index] {
            prop_assert!(!others.overlaps(bounds), "{text:?} covers {other:?}: {bounds:?}, {others:?}");
        }
    }
    Ok(())
}

/// The last tick of half a day is right below the time zone.
#[test]
fn a_date_makes_room_for_the_time_zone() {
    let small = Frame { width: 320, height: 320, bucket_name: "aa0".into(), ..frame(0, 43_200) };
    check_texts(&chart(small, [])).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn texts_are_never_cut_off_and_never_overlap(
        (width, height) in (SIDES, SIDES),
        threshold in 0u32..64,
        magnitude in 0u32..44,
        span in prop_oneof![0i64..100, 0i64..100_000, 0i64..100_000_000, 0i64..10_000_000_000],
        changes in proptest::collection::vec((0i64..1_000, "\\PC{0,40}", 0u64..100_000), 0..60),
        bucket_name in "[a-z0-9.-]{3,63}",
        cut in any::<bool>(),
    ) {
        let mut changes = changes;
        changes.sort_by_key(|(at, ..)| *at);
        let mut last = 0;
        let frame = Frame { bucket_name, width, height, ..frame(1u64.checked_shl(threshold).unwrap_or(0), span) };
        let mut chart = Chart::new(frame.clone()).unwrap();
        for (at, object_name, total) in changes {
            let total_size = total << magnitude;
            let size_delta = total_size as i64 - last as i64;
            let kind = if size_delta < 0 { ChangeKind::Deleted } else { ChangeKind::Created };
            let at = frame.start + SignedDuration::from_millis(span * at);
            chart.push(Change { at, object_name, size_delta, total_size, kind });
            last = total_size;
        }
        if cut {
            chart.cut();
        }
        check_texts(&chart)?;
    }
}
