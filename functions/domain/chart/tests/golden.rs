//! Plots compared with those in `tests/golden`: every pixel of a PNG (its compression may differ), every byte of an SVG.
//!
//! If a plot is meant to look different, `UPDATE_GOLDEN=1 cargo test --workspace --test golden` stores it anew:
//! look at each before it is committed.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

mod histories;

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use spillway_chart::{Chart, Frame};

use histories::{SCENARIO, busy, chart, frame};

const UPDATE: &str = "UPDATE_GOLDEN";
const DAY: i64 = 86_400_000;

#[track_caller]
fn check(name: &str, chart: &Chart) {
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let drawn = match std::env::var_os(UPDATE) {
        Some(_) => stored.clone(),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).join(name),
    };
    fs::write(drawn.with_extension("png"), chart.to_png().unwrap()).unwrap();
    fs::write(drawn.with_extension("svg"), chart.to_svg()).unwrap();
    let [(size, expected), (new_size, pixels)] = [&stored, &drawn].map(|path| read_png(&path.with_extension("png")));
    assert_eq!(new_size, size);
    let wrong = expected.chunks(3).zip(pixels.chunks(3)).filter(|(expected, pixel)| expected != pixel).count();
    assert_eq!(wrong, 0, "this many pixels of {} differ from {}", drawn.display(), stored.display());
    let [expected, svg] = [&stored, &drawn].map(|path| fs::read_to_string(path.with_extension("svg")).unwrap());
    let different = expected.lines().zip(svg.lines()).find(|(expected, line)| expected != line);
    assert_eq!(different, None, "{} differs from {}", drawn.display(), stored.display());
    assert_eq!(svg.len(), expected.len());
}

fn read_png(path: &Path) -> ((u32, u32), Vec<u8>) {
    let mut reader = png::Decoder::new(BufReader::new(File::open(path).unwrap())).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    ((frame.width, frame.height), pixels)
}

#[test]
fn the_seeds_scenario() {
    check("scenario", &chart(frame(20, 50), SCENARIO));
}

#[test]
fn the_seeds_scenario_as_a_thumbnail() {
    check("thumbnail", &chart(Frame { width: 480, height: 320, ..frame(20, 50) }, SCENARIO));
}

#[test]
fn one_point() {
    check("one-point", &chart(frame(20, 0), [(0, "assignment1.txt", 18)]));
}

#[test]
fn nothing() {
    check("nothing", &chart(Frame { initial_total: 7, ..frame(20, 50) }, []));
}

#[test]
fn equal_totals() {
    check("equal-totals", &chart(frame(20, 60), [(9_000, "a.txt", 18), (20_000, "a.txt", 0), (30_000, "a.txt", 0)]));
}

#[test]
fn thirty_days() {
    let days = (0..30).map(|day| match day % 5 {
        4 => (day * DAY + DAY / 3, "archive/week.tar", -9_000_000_000),
        _ => (day * DAY + DAY / 7 * (day % 3), "archive/day.tar", 2_500_000_000 + day * 10_000_000),
    });
    check("thirty-days", &chart(frame(10 << 30, 30 * 86_400), days));
}

#[test]
fn a_hundred_thousand_changes() {
    check("hundred-thousand", &chart(frame(1 << 30, 3_600), busy(100_000)));
}

#[test]
fn five_terabytes() {
    let changes = [(600_000, "disk.img", 5_000_000_000_000), (3_000_000, "boot.img", 300_000_000_000)];
    check("five-terabytes", &chart(frame(4_000_000_000_000, 3_600), changes));
}

#[test]
fn names_in_scripts_that_the_font_lacks() {
    let names =
        [(5_000, "写真/夏.jpg", 12), (20_000, "отчёт № 3.txt", 9), (35_000, "🌊", -12), (45_000, "שלום.txt", 4)];
    check("other-scripts", &chart(frame(20, 60), names));
}

#[test]
fn a_history_that_was_not_read_to_its_end() {
    let mut chart = chart(frame(1 << 30, 7_200), busy(10_000));
    chart.cut();
    check("not-read-to-its-end", &chart);
}
