//! An execution on a deployed stack.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::display::{Display, Stream};
use super::outcome::Outcome;
use super::scenario;
use super::signals::Signals;
use crate::connection::deployed::Deployed;
use crate::connection::{Choice, Connection};
use crate::error::Error;
use crate::progress::{Progress, Step};
use crate::run::execution::{Driver, Ending};
use crate::run::recording::Recorded;
use crate::run::results::Results;
use crate::workspace::Workspace;

/// What to run, and where.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Which stack.
    #[command(flatten)]
    pub choice: Choice,
    /// A JSON file with the scenario (contracts/schemas/run-input.schema.json); without it, the default scenario.
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Start nothing, and follow the execution of this name or ARN.
    #[arg(long, value_name = "EXECUTION", conflicts_with = "input")]
    pub follow: Option<String>,
}

/// Starts an execution, or takes the one that is named, and follows it to its end.
pub(super) async fn perform(options: Options) -> Result<Outcome, Error> {
    let input = scenario::read(options.input.as_deref())?;
    let mut signals = Signals::listen()?;
    let connection = options.choice.connect().await?;
    run(&connection, &input, options.follow.as_deref(), &mut signals).await
}

/// Runs the scenario in the file at `input` on the stack that is behind `connection`.
pub async fn run(
    connection: &Connection,
    input: &str,
    follow: Option<&str>,
    signals: &mut Signals,
) -> Result<Outcome, Error> {
    eprintln!("{connection}");
    let display = Display::new(Stream::Stderr);
    let execution = OnceLock::new();
    let work = drive(connection, input, follow, &execution, &display);
    let outcome = signals.interrupting(work, &display).await;
    if let (Ok(Outcome::Interrupted(_)) | Err(Error::Call(_)), Some(execution)) = (&outcome, execution.get()) {
        eprintln!("{}", how_to_go_on(connection, execution));
    }
    outcome
}

async fn drive(
    connection: &Connection,
    input: &str,
    follow: Option<&str>,
    started: &OnceLock<String>,
    display: &Display,
) -> Result<Outcome, Error> {
    let outputs = Deployed::read(connection).await?.outputs(connection)?;
    let driver = Driver::new(&connection.config, &outputs);
    let directory = Workspace::locate().await?.results(&connection.stack_name);
    let results = Results::prepare(Path::new(&directory))?;
    let reporter = display.reporter();
    let recorded = match Recorded::begin(connection).await {
        Ok(recorded) => Some(recorded),
        Err(error) => {
            reporter.tell(Progress::Problem(format!("the run will have no run.html: {error}")));
            None
        }
    };
    reporter.tell(Progress::Began(Step::RUN));
    let execution = match follow {
        Some(name) => driver.execution(name),
        None => driver.start(input).await?,
    };
    let execution = started.get_or_init(|| execution);
    recorded.iter().for_each(|recorded| recorded.follow(execution));
    let ending = scenario::follow(&driver, execution, &reporter).await?;
    display.stop();
    if let Some(recorded) = recorded {
        match recorded.of(execution).await {
            Ok(recording) => results.keep_page(&recording)?,
            Err(error) => eprintln!("problem: the run has no run.html: {error}"),
        }
    }
    if let Ending::Succeeded(output) = &ending {
        results.keep_report(output)?;
    }
    if matches!(ending, Ending::Failed { .. }) && results.page.exists() {
        scenario::say(&format!("page    {}", results.page.display()));
    }
    let report = ending.report()?;
    results.keep_plot(&connection.s3(), &report).await?;
    Ok(scenario::conclude(&report, &results))
}

/// What to tell somebody who has stopped looking at a run.
fn how_to_go_on(connection: &Connection, execution: &str) -> String {
    let name = execution.rsplit(':').next().unwrap_or_default();
    format!(
        "The run was not stopped: it goes on as {name}.\n  follow it again:  {}\n  stop it:          {}",
        connection.cargo_stack(["run", "--follow", name]),
        connection.aws(["stepfunctions", "stop-execution", "--execution-arn", execution]),
    )
}
