//! The commands for a deployed stack: `run`, `doctor`, `audit`, `usage`, `plan`, `restore`, `watch`.

use std::process::ExitCode;

use clap::Parser;
use spillway_stack::commands::{Command, perform};

fn main() -> std::io::Result<ExitCode> {
    let command = Command::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    Ok(runtime.block_on(perform(command)))
}
