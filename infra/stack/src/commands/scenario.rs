//! A scenario on a running stack: from its file to its timeline.

use std::fs;
use std::io::Write;
use std::path::Path;

use spillway_contracts::report::RunReport;
use spillway_contracts::run::RunInput;

use super::outcome::Outcome;
use crate::error::Error;
use crate::file_error::FileError;
use crate::progress::{Progress, Reporter, Step};
use crate::run::execution::{Driver, Ending};
use crate::run::results::Results;
use crate::run::timeline;

/// The execution's input: what is in the file at `path`, or the default scenario.
///
/// It is read by its contract, as the state machine will read it: what is wrong is said before anything begins.
pub fn read(path: Option<&Path>) -> Result<String, Error> {
    let Some(path) = path else { return Ok("{}".to_owned()) };
    let text = fs::read_to_string(path).map_err(FileError::to("read", path))?;
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|source| Error::NotJson { path: path.to_owned(), source })?;
    serde_path_to_error::deserialize::<_, RunInput>(json).map_err(|error| {
        let (field, reason) = (error.path().to_string(), error.inner());
        let breach = if field == "." { reason.to_string() } else { format!("{field}: {reason}") };
        Error::Scenario { path: path.to_owned(), breach }
    })?;
    Ok(text)
}

/// Waits for the end of an execution.
pub async fn follow(driver: &Driver, execution: &str, reporter: &Reporter) -> Result<Ending, Error> {
    let ending = driver.follow(execution, reporter).await?;
    reporter.tell(Progress::Done(Step::RUN, ending.in_a_word()));
    Ok(ending)
}

/// Prints the timeline and where report and plot are, and judges the timeline.
pub fn conclude(report: &RunReport, results: &Results) -> Outcome {
    say(&format!(
        "\nThe bucket's total in bytes:\n\n{}",
        timeline::table(&report.expected_timeline, &report.observed_timeline)
    ));
    say(&format!("report  {}\nplot    {}", results.report.display(), results.plot.display()));
    if results.page.exists() {
        say(&format!("page    {}", results.page.display()));
    }
    if report.observed_timeline == report.expected_timeline { Outcome::Success } else { Outcome::Unexpected }
}

/// Prints a result.
pub fn say(text: &str) {
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
    fn a_field_that_breaks_the_contract_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), r#"{ "cycles": [{ "upload": [{ "object_name": "a", "size_bytes": -1 }] }] }"#).unwrap();
        let message = read(Some(file.path())).unwrap_err().to_string();
        let breach = "cycles[0].upload[0].size_bytes: invalid value: integer `-1`, expected u64";
        let contract = "Its contract is contracts/schemas/run-input.schema.json";
        assert_eq!(message, format!("{} is not a scenario: {breach}. {contract}", file.path().display()));
        fs::write(file.path(), "[]").unwrap();
        let message = read(Some(file.path())).unwrap_err().to_string();
        assert!(message.contains("is not a scenario: invalid type: sequence, expected an object."), "{message}");
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
