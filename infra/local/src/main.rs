//! The commands of the local AWS: `demo`, `up`, `run`.

use std::process::ExitCode;

use clap::Parser;
use spillway_local::commands::{Command, run};

fn main() -> std::io::Result<ExitCode> {
    let command = Command::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    let code = runtime.block_on(run(command));
    // A thread that waits for a lock of the file system can't be told to stop, and need not keep the command waiting.
    runtime.shutdown_background();
    Ok(code)
}
