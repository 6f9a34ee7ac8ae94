//! An execution on the stack that `up` keeps running: a case of `cargo stack run`.

use std::path::Path;

use spillway_stack::Connection;
use spillway_stack::commands::outcome::Outcome;
use spillway_stack::commands::signals::Signals;
use spillway_stack::commands::{run, scenario};
use spillway_stack::connection::STACK_NAME;
use spillway_stack::connection::stack_file::StackFile;
use spillway_stack::workspace::Workspace;

use crate::error::Error;

/// Starts an execution with the scenario at `input`, and follows it.
pub(super) async fn run(input: Option<&Path>, signals: &mut Signals) -> Result<Outcome, Error> {
    let input = scenario::read(input)?;
    let file = StackFile::read(&Workspace::locate().await?.local()).await?;
    Ok(run::run(&Connection::local(file, STACK_NAME), &input, None, signals).await?)
}
