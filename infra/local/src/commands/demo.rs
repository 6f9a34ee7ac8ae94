//! The whole system, live, with one command.

use std::path::Path;

use spillway_stack::commands::display::Display;
use spillway_stack::commands::outcome::Outcome;
use spillway_stack::commands::scenario;
use spillway_stack::commands::signals::Signals;
use spillway_stack::progress::{Progress, Step};
use spillway_stack::run::execution::{Driver, Ending};
use spillway_stack::run::results::Results;
use spillway_stack::workspace::Workspace;

use super::page::{Page, PageOptions};
use crate::emulator::client;
use crate::error::Error;
use crate::local_aws::{LocalAws, Options};

/// A stack whose run is over, and its page.
struct Stage {
    local_aws: LocalAws,
    page: Page,
}

/// Starts a local AWS, runs the scenario at `input` on it, keeps the report, the plot and the page, stops: at once, or, if the
/// page was to be opened, when a signal arrives.
pub(super) async fn demo(
    input: Option<&Path>,
    options: PageOptions,
    display: &Display,
    signals: &mut Signals,
) -> Result<Outcome, Error> {
    let mut stage = None;
    let outcome = signals.interrupting(perform(input, options, display, &mut stage), display).await;
    let Some(Stage { local_aws, page }) = stage else { return outcome };
    match (page.url().filter(|_| options.open), &outcome) {
        (Some(url), Ok(Outcome::Success | Outcome::Unexpected) | Err(_)) => {
            if let Err(error) = &outcome {
                eprintln!("error: {error}");
            }
            eprintln!("The page at {url} stays until Ctrl-C.");
            signals.next().await;
            eprintln!("stopping ...");
            local_aws.shutdown().await;
            // The error was told.
            Ok(outcome.unwrap_or(Outcome::Unexpected))
        }
        (_, Ok(Outcome::Success | Outcome::Unexpected)) => {
            local_aws.shutdown().await;
            outcome
        }
        _ => outcome,
    }
}

async fn perform(
    input: Option<&Path>,
    options: PageOptions,
    display: &Display,
    stage: &mut Option<Stage>,
) -> Result<Outcome, Error> {
    let input = scenario::read(input)?;
    let results = Results::prepare(&Workspace::locate().await?.demo())?;
    let reporter = display.reporter();
    let local_aws = LocalAws::up(Options { reporter: reporter.clone(), ..Options::default() }).await?;
    let page = Page::begin(&local_aws, options, &reporter).await?;
    let Stage { local_aws, page } = stage.insert(Stage { local_aws, page });

    let driver = Driver::new(local_aws.sdk_config(), local_aws.outputs());
    reporter.tell(Progress::Began(Step::RUN));
    let execution = driver.start(&input).await?;
    page.follow(&execution);
    let ending = scenario::follow(&driver, &execution, &reporter).await?;
    results.keep_page(&page.recording().await)?;
    match &ending {
        Ending::Succeeded(output) => results.keep_report(output)?,
        Ending::Failed { .. } => {
            let (log, page) = (local_aws.log().display(), results.page.display());
            scenario::say(&format!("log     {log}\npage    {page}"));
        }
    }
    let report = ending.report()?;
    results.keep_plot(&client::s3(local_aws.sdk_config()), &report).await?;
    Ok(scenario::conclude(&report, &results))
}
