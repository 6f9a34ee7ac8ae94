//! Measures Spillway's functions, those of the pipeline beside the same functions in Python, and prints the tables of it.

mod backend;
mod ceiling;
mod cleaner;
mod curve;
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
mod year;

use std::fs;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};
use spillway_tests::{readme, repository};

use crate::implementation::Implementations;
use crate::targets::Measured;

const BEGIN: &str = "<!-- Measured by cargo numbers --update-readme -->";
const END: &str = "<!-- The end of the numbers. -->";

const BEGIN_LEDGER: &str = "<!-- Measured by cargo numbers ledger --update-readme -->";
const END_LEDGER: &str = "<!-- The end of the ledger's numbers. -->";
const BEGIN_CLEANER: &str = "<!-- Measured by cargo numbers cleaner --update-readme -->";
const END_CLEANER: &str = "<!-- The end of the cleaner's numbers. -->";
const CURVE: &str = "tests/numbers/pictures/ledger.svg";

const EXAMPLES: &str = "Examples:
  cargo numbers
      Measure everything, which takes two hours after a release build.
  cargo numbers starts plots
      Measure two parts.
  cargo numbers ledger
      See what one bucket's ledger takes, on a model of DynamoDB. This needs no release build, and half an hour.
  cargo numbers cleaner
      See how many objects the cleaner deletes in a second, on models of S3 and DynamoDB. This takes an hour and a half.
  cargo numbers --update-readme
      Measure everything, and put the tables into tests/README.md.
  cargo numbers ledger --update-readme
      Do the same with the ledger's tables and their curve alone; cleaner has tables of its own, too.";

/// Measures Spillway's functions, those of the pipeline beside the same functions in Python, and prints tables in Markdown.
#[derive(Parser)]
#[command(bin_name = "cargo numbers", after_help = EXAMPLES)]
struct Command {
    /// What to measure; everything without it.
    parts: Vec<Part>,
    /// Put the tables into tests/README.md, too: all of them, or those of the part ledger or cleaner alone.
    #[arg(long)]
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
    /// Events per second of one bucket's ledger, on a model of DynamoDB.
    Ledger,
    /// Deletions per second of the cleaner, on models of S3 and DynamoDB.
    Cleaner,
}

#[tokio::main]
async fn main() {
    let command = Command::parse();
    let wanted = |part| command.parts.is_empty() || command.parts.contains(&part);
    let is_model = |part: &Part| matches!(part, Part::Ledger | Part::Cleaner);
    let is_models_alone = !command.parts.is_empty() && command.parts.iter().all(is_model);
    if command.update_readme && !command.parts.is_empty() && !is_models_alone {
        let message = "--update-readme is for all parts, or for the parts ledger and cleaner alone";
        Command::command().error(ErrorKind::ArgumentConflict, message).exit();
    }
    let machine = machine::describe();
    let publish = |begin, end, report: &str| {
        println!("{report}");
        if command.update_readme {
            readme::update("tests/README.md", begin, end, report);
        }
    };
    if !is_models_alone {
        publish(BEGIN, END, &format!("{machine}; {}", measure(wanted).await));
    }
    if wanted(Part::Ledger) {
        let ceiling = tokio::task::spawn_blocking(ceiling::measure).await.expect("the ledger is measured");
        publish(BEGIN_LEDGER, END_LEDGER, &format!("{machine}.\n\n{}", ceiling.report()));
        if command.update_readme {
            fs::write(repository().join(CURVE), ceiling.curve().to_svg()).expect("the curve can be written");
        }
    }
    if wanted(Part::Cleaner) {
        let figures = tokio::task::spawn_blocking(cleaner::measure).await.expect("the cleaner is measured");
        publish(BEGIN_CLEANER, END_CLEANER, &format!("{machine}.\n\n{}", figures.report()));
    }
}

/// Measures what needs the functions, and gives the report.
async fn measure(wanted: impl Fn(Part) -> bool) -> String {
    let implementations = Implementations::prepare().await;
    let mut measured = Measured::default();
    if wanted(Part::Starts) {
        measured.starts = starts::measure(&implementations).await;
    }
    if wanted(Part::Plots) {
        measured.plots = plots::measure(&implementations).await;
        measured.year = year::measure(&implementations.rust).await;
    }
    if wanted(Part::Tracker) {
        measured.tracked = tracker::measure(&implementations).await;
    }
    if wanted(Part::Workflow) {
        measured.run = Some(workflow::measure(&implementations.rust).await);
    }
    format!("load average at the end: {}.\n\n{}", machine::load(), measured.report())
}
