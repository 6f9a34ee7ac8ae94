//! A scenario on a running stack: from its file to its timeline.

use std::fs;
use std::io::Write;
use std::path::Path;

use spillway_contracts::report::RunReport;

use super::outcome::Outcome;
use crate::error::Error;
use crate::file_error::FileError;
use crate::progress::{Progress, Reporter, Step};
use crate::run::execution::{Driver, Ending};
use crate::run::timeline;

/// The execution's input: what is in the file at `path`, or the default scenario.
pub(super) fn read(path: Option<&Path>) -> Result<String, Error> {
    let Some(path) = path else { return Ok("{}".to_owned()) };
    let text = fs::read_to_string(path).map_err(FileError::to("read", path))?;
    // Only JSON reaches the state machine; whether it is a scenario is for the state machine to say.
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(_) => Ok(text),
        Err(source) => Err(Error::Scenario { path: path.to_owned(), source }),
    }
}

/// Starts an execution with `input` and waits for its end.
pub(super) async fn drive(driver: &Driver, input: &str, reporter: &Reporter) -> Result<Ending, Error> {
    reporter.tell(Progress::Began(Step::Run));
    let execution = driver.start(input).await?;
    let ending = driver.follow(&execution, reporter).await?;
    let outcome = match &ending {
        Ending::Succeeded(_) => "succeeded".to_owned(),
        Ending::Failed { status, .. } => status.to_lowercase(),
    };
    reporter.tell(Progress::Done(Step::Run, outcome));
    Ok(ending)
}

/// Prints the timeline, and judges it.
pub(super) fn conclude(report: &RunReport) -> Outcome {
    say(&format!(
        "\nThe bucket's total in bytes:\n\n{}",
        timeline::table(&report.expected_timeline, &report.observed_timeline)
    ));
    if report.observed_timeline == report.expected_timeline { Outcome::Success } else { Outcome::Unexpected }
}

/// Prints a result.
pub(super) fn say(text: &str) {
    // Nobody reads it if the pipe is closed, and that is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_the_default_scenario() {
        assert_eq!(read(None).unwrap(), "{}");
    }

    #[test]
    fn a_file_that_is_missing_or_not_json_is_named() {
        let missing = Path::new("nowhere/scenario.json");
        assert!(read(Some(missing)).unwrap_err().to_string().starts_with("cannot read nowhere/scenario.json: "));
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "{ cycles: [] }").unwrap();
        let message = read(Some(file.path())).unwrap_err().to_string();
        let expected = format!("{} is not JSON: key must be a string at line 1 column 3", file.path().display());
        assert_eq!(message, expected);
    }
}
