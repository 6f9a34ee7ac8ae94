//! The size axis: sizes as rows of pixels, and its ticks.

use super::geometry::Rect;
use super::units::{UNITS, trim, unit_of};

/// The room above the greatest size, for labels.
const HEADROOM: f64 = 1.2;

/// A threshold this many times the peak is left out of the plot: the line would be flat.
const FAR: u64 = 10;

/// Steps between ticks, in the axis's unit. All of them are whole bytes: the fractions are of KiB and above.
const STEPS: [f64; 11] = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// The size axis of a plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SizeScale {
    largest: u64,
    top: f64,
    plot: Rect,
}

impl SizeScale {
    /// The scale that shows `peak`, and `threshold` unless it is far above.
    pub fn new(peak: u64, threshold: u64, plot: Rect) -> Self {
        let far = peak > 0 && threshold / FAR >= peak;
        let largest = if far { peak } else { peak.max(threshold) }.max(1);
        Self { largest, top: largest as f64 * HEADROOM, plot }
    }

    /// The row of a size; `None` above the plot.
    pub fn row(&self, bytes: u64) -> Option<i32> {
        let share = bytes as f64 / self.top;
        (share <= 1.0).then(|| self.plot.bottom - (share * f64::from(self.plot.height())).round() as i32)
    }

    /// The ticks, `at_most` steps apart.
    pub fn ticks(&self, at_most: usize) -> Vec<SizeTick> {
        size_ticks(self.largest, self.top, at_most)
    }
}

/// A tick of the size axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SizeTick {
    /// Where it is.
    pub bytes: u64,
    /// What stands beside it; every tick of an axis has the same unit.
    pub label: String,
}

/// The ticks from zero to `top`, `at_most` steps of a round size apart, in the unit that suits `largest`.
fn size_ticks(largest: u64, top: f64, at_most: usize) -> Vec<SizeTick> {
    let unit = unit_of(largest);
    let scale = 1024f64.powi(unit as i32);
    let whole = |step: &&f64| unit > 0 || **step >= 1.0;
    let fits = |step: &&f64| top / (**step * scale) <= at_most.max(1) as f64;
    let step = STEPS.iter().filter(whole).find(fits).copied().unwrap_or(1_000.0);
    (0..)
        .map(|index| f64::from(index) * step)
        .take_while(|multiple| multiple * scale <= top)
        .map(|multiple| SizeTick { bytes: (multiple * scale) as u64, label: label(multiple, unit) })
        .collect()
}

fn label(multiple: f64, unit: usize) -> String {
    if multiple == 0.0 { "0".to_owned() } else { format!("{} {}", trim(&format!("{multiple:.2}")), UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(largest: u64, expect: &[&str]) {
        let ticks = size_ticks(largest, largest as f64 * 1.18, 7);
        assert_eq!(ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn steps_are_round_in_the_axis_unit() {
        check(46, &["0", "10 B", "20 B", "30 B", "40 B", "50 B"]);
        check(20, &["0", "5 B", "10 B", "15 B", "20 B"]);
        check(1_000, &["0", "200 B", "400 B", "600 B", "800 B", "1000 B"]);
        check(1 << 20, &["0", "0.25 MiB", "0.5 MiB", "0.75 MiB", "1 MiB"]);
        check(5_000_000_000_000, &["0", "1 TiB", "2 TiB", "3 TiB", "4 TiB", "5 TiB"]);
        check(u64::MAX, &["0", "5 EiB", "10 EiB", "15 EiB"]);
    }

    #[test]
    fn bytes_are_never_split() {
        check(0, &["0"]);
        check(1, &["0", "1 B"]);
        check(3, &["0", "1 B", "2 B", "3 B"]);
    }

    #[test]
    fn the_plot_shows_peak_and_threshold_with_room_above() {
        let plot = Rect::new(0, 0, 100, 120);
        let scale = SizeScale::new(46, 100, plot);
        assert_eq!(
            [0, 50, 100, 120, 121].map(|bytes| scale.row(bytes)),
            [Some(120), Some(70), Some(20), Some(0), None]
        );
    }

    #[test]
    fn a_threshold_far_above_the_peak_is_left_out() {
        let plot = Rect::new(0, 0, 100, 120);
        assert_eq!(SizeScale::new(46, 460, plot).row(460), None);
        assert_eq!(SizeScale::new(46, 459, plot).row(459), Some(20));
        assert_eq!(SizeScale::new(0, 460, plot).row(460), Some(20));
        assert_eq!(SizeScale::new(u64::MAX, u64::MAX, plot).row(u64::MAX), Some(20));
    }

    #[test]
    fn a_tick_stands_at_the_size_that_it_names() {
        let ticks = size_ticks(1 << 20, 1.0 * 1_048_576.0, 4);
        assert_eq!(ticks.iter().map(|tick| tick.bytes).collect::<Vec<_>>(), [0, 262_144, 524_288, 786_432, 1_048_576]);
    }
}
