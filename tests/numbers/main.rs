//! Measures Spillway's functions, those of the pipeline beside the same functions in Python, and prints the tables of it.

mod backend;
mod figures;
mod functions;
mod http;
mod implementation;
mod lambda;
mod ledger;
mod machine;
mod plots;
mod starts;
mod targets;
mod tracker;
mod workflow;

use clap::{Parser, ValueEnum};
use spillway_tests::readme;

use crate::implementation::Implementations;
use crate::targets::Measured;

const BEGIN: &str = "<!-- Measured by cargo numbers --update-readme -->";
const END: &str = "<!-- The end of the numbers. -->";

const EXAMPLES: &str = "Examples:
  cargo numbers
      Measure everything, which takes a quarter of an hour after a release build.
  cargo numbers starts plots
      Measure two parts.
  cargo numbers --update-readme
      Measure everything, and put the tables into tests/README.md.";

/// Measures Spillway's functions, those of the pipeline beside the same functions in Python, and prints tables in Markdown.
#[derive(Parser)]
#[command(bin_name = "cargo numbers", after_help = EXAMPLES)]
struct Command {
    /// What to measure; everything without it.
    parts: Vec<Part>,
    /// Put all tables into tests/README.md, too.
    #[arg(long, conflicts_with = "parts")]
    update_readme: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Start, memory and package of each function.
    Starts,
    /// Plots of longer and longer histories.
    Plots,
    /// Events per second on larger and larger buckets.
    Tracker,
    /// The default run.
    Workflow,
}

#[tokio::main]
async fn main() {
    let command = Command::parse();
    let wanted = |part| command.parts.is_empty() || command.parts.contains(&part);
    let implementations = Implementations::prepare().await;
    let machine = machine::describe();
    let mut measured = Measured::default();
    if wanted(Part::Starts) {
        measured.starts = starts::measure(&implementations).await;
    }
    if wanted(Part::Plots) {
        measured.plots = plots::measure(&implementations).await;
    }
    if wanted(Part::Tracker) {
        measured.tracked = tracker::measure(&implementations).await;
    }
    if wanted(Part::Workflow) {
        measured.run = Some(workflow::measure(&implementations.rust).await);
    }
    let report = format!("{machine}; load average at the end: {}.\n\n{}", machine::load(), measured.report());
    println!("{report}");
    if command.update_readme {
        readme::update("tests/README.md", BEGIN, END, &report);
    }
}
