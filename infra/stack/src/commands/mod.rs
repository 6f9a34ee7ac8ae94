//! What people type, and what these commands have in common: how they show progress, are interrupted and exit.

mod audit;
pub mod display;
mod doctor;
pub mod outcome;
mod plan;
mod restore;
pub mod run;
pub mod scenario;
pub mod signals;
mod usage;
mod watch;

use std::process::ExitCode;

use clap::Parser;

const EXAMPLES: &str = "\
Examples:
  cargo stack run
      Run the default scenario on the stack of `cargo local up` if it runs, otherwise on AWS.
  cargo stack doctor --profile dev
      Check a deployment on AWS, with the profile's credentials and region.
  cargo stack watch
      Show what goes on.";

const EXAMPLES_OF_RUN: &str = "\
Examples:
  cargo stack run
      Run the default scenario on the stack of `cargo local up` if it runs, otherwise on AWS.
  cargo stack run --profile dev --input scenario.json
      Run a scenario of your own on AWS, with the profile's credentials and region.
  cargo stack run --follow 2f9a0d1c
      Look again at a run that goes on.

Report, plot and page (run.html, also of a run that fails) are kept in target/stack/<stack name>/. The exit code is 0 only if the run succeeded with the expected
timeline. Ctrl-C stops looking; the run goes on.";

const EXAMPLES_OF_DOCTOR: &str = "\
Examples:
  cargo stack doctor
      Check the stack of `cargo local up` if it runs, otherwise the one on AWS.
  cargo stack doctor --stack-name mine --profile dev
      Check another stack, with the profile's credentials and region.

It changes nothing. infra/stack/read-policy.json has the permissions that it needs. For each piece that is not what it
should be, it says what it looked at, what it saw, and how to put it right. The exit code is 0 if nothing is wrong.";

const EXAMPLES_OF_AUDIT: &str = "\
Examples:
  cargo stack audit --profile dev
      Compare ledger and bucket of a stack on AWS, and put the ledger right.
  cargo stack audit --no-repair
      Only say where they differ.

It changes nothing in the bucket. The exit code is 0 if the ledger is right in the end. Ctrl-C stops looking; the audit goes
on.";

const EXAMPLES_OF_RESTORE: &str = "\
Examples:
  cargo stack restore photos/a.jpg photos/b.jpg
      Bring back two objects, whoever deleted them.
  cargo stack restore --since 2h --dry-run
      Show what of the last two hours' cleanings can come back.
  cargo stack restore --cleaning 2026-11-26T10:00:00.000Z#00000000000000000007#00000
      Bring back what one cleaning deleted: `cleaning` of the cleaner's decision line.

S3 keeps what is deleted for KeepDeletedDays, and as long as an existing bucket's own rules say. Each object is copied onto its
name, with its content, metadata, tags and storage class, and the ledger counts it again. What is there already is left as it is.
If the total would reach SizeThreshold, nothing is restored unless --over-threshold says so. infra/stack/restore-policy.json
has the permissions that it needs. The exit code is 0 if everything that was asked for is back.";

const EXAMPLES_OF_USAGE: &str = "\
Examples:
  cargo stack usage
      Ask the stack of `cargo local up` if it runs, otherwise the one on AWS.
  cargo stack usage --profile dev --region eu-west-1
      Ask a stack on AWS.

It changes nothing. It needs execute-api:Invoke on GET /usage, and cloudformation:DescribeStacks.";

const EXAMPLES_OF_PLAN: &str = "\
Examples:
  cargo stack plan
      Show what the cleaner would delete now.
  cargo stack plan --threshold 400000000000 --target 90 --limit 100
      Show what would go with a threshold of 400 GB and a target of 90 percent of it.
  cargo stack plan --delete-first largest
      Show what would go if the largest objects went first. `oldest` can be tried only on a stack whose DeleteFirst is oldest.

It changes nothing. It needs execute-api:Invoke on GET /plan, and cloudformation:DescribeStacks.";

const EXAMPLES_OF_WATCH: &str = "\
Examples:
  cargo stack watch
      Watch the stack of `cargo local up` if it runs, otherwise the one on AWS.
  cargo stack watch --profile dev --region eu-west-1
      Watch a stack on AWS.

It looks every second at a local stack and every five seconds at AWS, prints a line for each change if it is piped, and
ends on Ctrl-C.";

/// Works on a deployed stack: on AWS, on the local AWS, on an emulator.
///
/// Without --profile, --region and --endpoint-url it takes the stack that `cargo local up` keeps running; if there is none,
/// AWS with the credentials and the region that the AWS CLI would take.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo stack", bin_name = "cargo stack", version, after_help = EXAMPLES)]
pub enum Command {
    /// Start an execution of the state machine, follow it, fetch the report and the plot.
    #[command(after_help = EXAMPLES_OF_RUN)]
    Run(run::Options),
    /// Check a deployment piece by piece, and say how to put right what is wrong.
    #[command(after_help = EXAMPLES_OF_DOCTOR)]
    Doctor(doctor::Options),
    /// Compare the ledger with the bucket, and put the ledger right where they differ.
    #[command(after_help = EXAMPLES_OF_AUDIT)]
    Audit(audit::Options),
    /// Bring back what was deleted, from a bucket that keeps it.
    #[command(after_help = EXAMPLES_OF_RESTORE)]
    Restore(restore::Options),
    /// Say how full the bucket is, and what the cleaner has done about it.
    #[command(after_help = EXAMPLES_OF_USAGE)]
    Usage(usage::Options),
    /// Show what the cleaner would delete now, by its rule or by another one.
    #[command(after_help = EXAMPLES_OF_PLAN)]
    Plan(plan::Options),
    /// Show the total, the alarm, the queues and the last deletions, until Ctrl-C.
    #[command(after_help = EXAMPLES_OF_WATCH)]
    Watch(watch::Options),
}

/// Does what `command` says, and gives the exit code for what became of it.
pub async fn perform(command: Command) -> ExitCode {
    outcome::exit_code(match command {
        Command::Run(options) => run::perform(options).await,
        Command::Doctor(options) => doctor::perform(options).await,
        Command::Audit(options) => audit::perform(options).await,
        Command::Restore(options) => restore::perform(options).await,
        Command::Usage(options) => usage::perform(options).await,
        Command::Plan(options) => plan::perform(options).await,
        Command::Watch(options) => watch::perform(options).await,
    })
}
