//! How long a plot takes, by the length of the history.

use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::figures::{Pair, median, megabytes, milliseconds, row, table};
use crate::functions::{Weight, event};
use crate::implementation::{Implementation, Implementations};
use crate::lambda::Lambda;
use crate::starts::Surroundings;

/// The lengths, and how often each is plotted.
const HISTORIES: [(usize, usize); 4] = [(10, 21), (10_000, 5), (100_000, 3), (1_000_000, 1)];

/// What was measured of one length.
pub struct Plot {
    pub events: usize,
    pub drawing: Pair<Duration>,
    pub answering: Pair<Duration>,
    pub peak_memory: Pair<u64>,
}

/// What was measured of one language.
#[derive(Clone, Copy)]
struct Figures {
    drawing: Duration,
    answering: Duration,
    peak_memory: u64,
}

/// Plots every history with both.
pub async fn measure(implementations: &Implementations) -> Vec<Plot> {
    let surroundings = Surroundings::up().await;
    let mut plots = Vec::new();
    for (events, runs) in HISTORIES {
        eprintln!("plots of {events} events: {runs}");
        let backend = Backend::start(surroundings.bucket(), events).await;
        let rust = plot(&implementations.rust, &surroundings, &backend, runs).await;
        let python = plot(&implementations.python, &surroundings, &backend, runs).await;
        let pair = Pair { rust, python };
        plots.push(Plot {
            events,
            drawing: pair.map(|figures| figures.drawing),
            answering: pair.map(|figures| figures.answering),
            peak_memory: pair.map(|figures| figures.peak_memory),
        });
    }
    surroundings.stack.local_aws.shutdown().await;
    plots
}

/// Plots several times with one process; the median leaves out that the first plot has more to do.
async fn plot(implementation: &Implementation, surroundings: &Surroundings, backend: &Backend, runs: usize) -> Figures {
    let variables = surroundings.variables("plotting", backend);
    let mut lambda = Lambda::start(&implementation.bootstrap("plotting"), &variables).await;
    lambda.first_poll().await;
    let (mut drawing, mut answering) = (Vec::new(), Vec::new());
    for run in 0..runs {
        let start = Instant::now();
        let event = event("plotting", surroundings.bucket(), Weight::Light, run);
        let (answered, answer) = lambda.invoke(&event).await;
        assert_eq!(answer["statusCode"], 200, "{answer}");
        drawing.push(backend.drawing());
        answering.push(answered - start);
    }
    let peak_memory = lambda.peak_memory();
    lambda.stop().await;
    Figures { drawing: median(&drawing), answering: median(&answering), peak_memory }
}

/// The figures in Markdown.
pub fn report(plots: &[Plot]) -> String {
    let columns = ["events", "drawing, ms", "Python", "whole answer, ms", "Python", "peak memory, MB", "Python"];
    let figures = |plot: &Plot| {
        let (drawing, answering) = (plot.drawing.map(milliseconds), plot.answering.map(milliseconds));
        let memory = plot.peak_memory.map(megabytes);
        row(plot.events, [drawing.rust, drawing.python, answering.rust, answering.python, memory.rust, memory.python])
    };
    table(&columns, plots.iter().map(figures))
}
