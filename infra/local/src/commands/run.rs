//! An execution on the stack that `up` keeps running.

use std::path::Path;

use super::outcome::Outcome;
use super::scenario;
use crate::commands::display::Display;
use crate::commands::stack_file::StackFile;
use crate::emulator::client;
use crate::error::Error;
use crate::run::execution::Driver;
use crate::workspace::Workspace;

/// Starts an execution with the scenario at `input`, and follows it.
pub(super) async fn run(input: Option<&Path>, display: &Display) -> Result<Outcome, Error> {
    let input = scenario::read(input)?;
    let stack = StackFile::read(&Workspace::locate().await?.local()).await?;
    let driver = Driver::new(&client::sdk_config(&stack.endpoint), &stack.outputs);
    let ending = scenario::drive(&driver, &input, &display.reporter()).await?;
    let report = ending.report()?;
    let outcome = scenario::conclude(&report);
    scenario::say(&format!("plot    s3://{}/{}", report.plot.bucket_name, report.plot.object_name.as_str()));
    Ok(outcome)
}
