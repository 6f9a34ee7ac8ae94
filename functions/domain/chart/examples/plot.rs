//! Draws a bucket that crosses its threshold once, as an SVG on the standard output.

use jiff::{SignedDuration, Timestamp};
use spillway_chart::{Change, ChangeKind, Chart, Frame, RenderError};

fn main() -> Result<(), RenderError> {
    let start = Timestamp::UNIX_EPOCH;
    let after = |seconds| start + SignedDuration::from_secs(seconds);
    let mut chart = Chart::new(Frame {
        bucket_name: "a-bucket".to_owned(),
        threshold_bytes: 20,
        initial_total: 0,
        start,
        end: after(60),
        width: 1_200,
        height: 675,
    })?;
    let mut total_size = 0;
    for (seconds, object_name, size_delta) in [(5, "small", 18), (10, "large", 28), (25, "large", -28)] {
        total_size += size_delta;
        let kind = if size_delta < 0 { ChangeKind::Deleted } else { ChangeKind::Created };
        let total = total_size.unsigned_abs();
        chart.push(Change {
            at: after(seconds),
            object_name: object_name.to_owned(),
            size_delta,
            total_size: total,
            kind,
        });
    }
    println!("{}", chart.to_svg());
    Ok(())
}
