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
    let changes = [(5, "small", 18, 18), (10, "large", 28, 46), (25, "large", -28, 18)];
    for (seconds, object_name, size_delta, total_size) in changes {
        let kind = if size_delta < 0 { ChangeKind::Deleted } else { ChangeKind::Created };
        let object_name = object_name.to_owned();
        chart.push(Change { at: after(seconds), object_name, size_delta, total_size, kind });
    }
    println!("{}", chart.to_svg());
    Ok(())
}
