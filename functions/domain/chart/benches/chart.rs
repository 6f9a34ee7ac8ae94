//! How long the renderer takes: pushing changes, and drawing them.

#![allow(clippy::unwrap_used, reason = "a benchmark that can't build its input should stop there")]

#[path = "../tests/histories/mod.rs"]
mod histories;

use criterion::{Criterion, criterion_group, criterion_main};

use histories::{SCENARIO, busy, changes, chart, frame};
use spillway_chart::Chart;

fn plots(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plot");
    group.sample_size(20);
    for count in [10, 100_000, 1_000_000] {
        let frame = frame(1 << 30, 3_600);
        group.bench_function(format!("{count} changes as PNG"), |bencher| {
            bencher.iter_with_large_drop(|| {
                let mut chart = Chart::new(frame.clone()).unwrap();
                chart.extend(changes(&frame, busy(count)));
                chart.to_png().unwrap()
            });
        });
    }
    let scenario = chart(frame(20, 50), SCENARIO);
    group.bench_function("the scenario as SVG", |bencher| bencher.iter(|| scenario.to_svg()));
    group.finish();
}

criterion_group!(benches, plots);
criterion_main!(benches);
