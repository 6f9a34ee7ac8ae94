//! The commands, and what they have in common: how they are interrupted, and what they exit with.

mod demo;
pub mod display;
mod outcome;
mod run;
mod scenario;
mod signals;
pub mod stack_file;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::commands::display::{Display, Stream};
use crate::error::Error;
use outcome::Outcome;
use signals::Signals;

/// A local AWS with the whole system on it.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo local", version, about)]
pub enum Command {
    /// Start a local AWS, run the scenario on it, keep the report and the plot, stop.
    Demo {
        /// A JSON file with the scenario (contracts/schemas/run-input.schema.json); without it, the default scenario.
        #[arg(long)]
        input: Option<PathBuf>,
    },
    /// Start a local AWS and keep it running until Ctrl-C.
    Up {
        /// The port to listen on; without it, a free one.
        #[arg(long)]
        port: Option<u16>,
    },
    /// Start an execution on the local AWS that `up` keeps running, and follow it.
    Run {
        /// A JSON file with the scenario (contracts/schemas/run-input.schema.json); without it, the default scenario.
        #[arg(long)]
        input: Option<PathBuf>,
    },
}

/// Runs `command`, says what became of it, and gives the exit code for it.
pub async fn run(command: Command) -> ExitCode {
    match perform(command).await {
        Ok(Outcome::Success) => ExitCode::SUCCESS,
        Ok(Outcome::Unexpected) => ExitCode::FAILURE,
        // What a shell reports for a process that a signal ended.
        Ok(Outcome::Interrupted(signal)) => ExitCode::from(128 + signal),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn perform(command: Command) -> Result<Outcome, Error> {
    let mut signals = Signals::listen()?;
    match command {
        Command::Demo { input } => {
            let display = Display::new(Stream::Stdout);
            signals.interrupting(demo::demo(input.as_deref(), &display), &display).await
        }
        Command::Run { input } => {
            let display = Display::new(Stream::Stdout);
            signals.interrupting(run::run(input.as_deref(), &display), &display).await
        }
        Command::Up { port } => up::up(port, signals).await,
    }
}
