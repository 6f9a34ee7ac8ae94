//! The whole system, live, with one command.

use std::path::Path;

use spillway_stack::commands::display::Display;
use spillway_stack::commands::outcome::Outcome;
use spillway_stack::commands::scenario;
use spillway_stack::progress::{Progress, Step};
use spillway_stack::run::execution::{Driver, Ending};
use spillway_stack::run::results::Results;
use spillway_stack::workspace::Workspace;

use crate::emulator::client;
use crate::error::Error;
use crate::local_aws::{LocalAws, Options};

/// Starts a local AWS, runs the scenario at `input` on it, keeps the report and the plot, stops.
pub(super) async fn demo(input: Option<&Path>, display: &Display) -> Result<Outcome, Error> {
    let input = scenario::read(input)?;
    let results = Results::prepare(&Workspace::locate().await?.demo())?;
    let reporter = display.reporter();
    let local_aws = LocalAws::up(Options { reporter: reporter.clone(), ..Options::default() }).await?;
    let driver = Driver::new(local_aws.sdk_config(), local_aws.outputs());
    reporter.tell(Progress::Began(Step::RUN));
    let execution = driver.start(&input).await?;
    let ending = scenario::follow(&driver, &execution, &reporter).await?;
    match &ending {
        Ending::Succeeded(output) => results.keep_report(output)?,
        Ending::Failed { .. } => scenario::say(&format!("log     {}", local_aws.log().display())),
    }
    let report = ending.report()?;
    results.keep_plot(&client::s3(local_aws.sdk_config()), &report).await?;
    local_aws.shutdown().await;

    Ok(scenario::conclude(&report, &results))
}
