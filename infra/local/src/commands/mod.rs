//! The commands of the local AWS.

mod demo;
mod page;
mod run;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use spillway_stack::commands::display::{Display, Stream};
use spillway_stack::commands::outcome::{Outcome, exit_code};
use spillway_stack::commands::signals::Signals;

use self::page::PageOptions;
use crate::error::Error;

const EXAMPLES: &str = "Examples:
  cargo local up
      Start a local AWS with the stack on it, and keep it running.
  cargo local run --input scenario.json
      In another terminal: run a scenario of your own on it.
  cargo demo
      Start one, run the default scenario, stop: the same as cargo local demo.";
const EXAMPLES_OF_DEMO: &str = "Examples:
  cargo demo
      Run the default scenario; the report, the plot and the page (run.html) are in target/demo afterwards.
  cargo demo --open
      Open the page in a browser, and keep serving it after the run until Ctrl-C.
  cargo demo --input scenario.json
      Run a scenario of your own.";
const EXAMPLES_OF_UP: &str = "Examples:
  cargo local up
      Listen on a free port, and print what to paste into a shell for the AWS CLI.
  cargo local up --port 4566
      Listen on this port.
  cargo local up --open
      Open the page of the stack in a browser.";
const EXAMPLES_OF_RUN: &str = "Examples:
  cargo local run
      Run the default scenario.
  cargo local run --input scenario.json
      Run a scenario of your own.";

/// A local AWS with the whole system on it.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo local", bin_name = "cargo local", version, about, after_help = EXAMPLES)]
pub enum Command {
    /// Start a local AWS, run the scenario on it, keep the report, the plot and the page, stop.
    #[command(after_help = EXAMPLES_OF_DEMO)]
    Demo {
        /// A JSON file with the scenario (contracts/schemas/run-input.schema.json); without it, the default scenario.
        #[arg(long)]
        input: Option<PathBuf>,
        /// The page.
        #[command(flatten)]
        page: PageOptions,
    },
    /// Start a local AWS and keep it running until Ctrl-C.
    #[command(after_help = EXAMPLES_OF_UP)]
    Up {
        /// The port to listen on; without it, a free one.
        #[arg(long)]
        port: Option<u16>,
        /// The page.
        #[command(flatten)]
        page: PageOptions,
    },
    /// Start an execution on the local AWS that `up` keeps running, and follow it; `cargo stack` can do more.
    #[command(after_help = EXAMPLES_OF_RUN)]
    Run {
        /// A JSON file with the scenario (contracts/schemas/run-input.schema.json); without it, the default scenario.
        #[arg(long)]
        input: Option<PathBuf>,
    },
}

/// Runs `command`, says what became of it, and gives the exit code for it.
pub async fn run(command: Command) -> ExitCode {
    exit_code(perform(command).await)
}

async fn perform(command: Command) -> Result<Outcome, Error> {
    let mut signals = Signals::listen()?;
    match command {
        Command::Demo { input, page } => {
            demo::demo(input.as_deref(), page, &Display::new(Stream::Stdout), &mut signals).await
        }
        Command::Run { input } => run::run(input.as_deref(), &mut signals).await,
        Command::Up { port, page } => up::up(port, page, signals).await,
    }
}
