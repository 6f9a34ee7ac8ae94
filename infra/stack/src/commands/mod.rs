//! What people type, and what these commands have in common: how they show progress, are interrupted and exit.

pub mod display;
pub mod outcome;
pub mod run;
pub mod scenario;
pub mod signals;

use std::process::ExitCode;

use clap::Parser;

const RUN_EXAMPLES: &str = "\
Examples:
  cargo stack run                                        the stack of `cargo local up` if it runs, otherwise AWS
  cargo stack run --profile dev --input scenario.json    a scenario of your own on AWS, with the profile's credentials
  cargo stack run --follow 2f9a…                         look again at a run that goes on

Report and plot are kept in target/stack/<stack name>/. The exit code is 0 only if the run succeeded with the expected
timeline. Ctrl-C stops looking; the run goes on.";

/// Works on a deployed stack: on AWS, on the local AWS, on an emulator.
///
/// Without --profile, --region and --endpoint-url it takes the stack that `cargo local up` keeps running; if there is none,
/// AWS with the credentials and the region that the AWS CLI would take.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo stack", bin_name = "cargo stack", version)]
pub enum Command {
    /// Start an execution of the state machine, follow it, fetch the report and the plot.
    #[command(after_help = RUN_EXAMPLES)]
    Run(run::Options),
}

/// Does what `command` says, and gives the exit code for what became of it.
pub async fn perform(command: Command) -> ExitCode {
    outcome::exit_code(match command {
        Command::Run(options) => run::perform(options).await,
    })
}
