//! An audit of a deployed stack's ledger.

use std::sync::OnceLock;

use spillway_contracts::audit::{AuditReport, Difference, Tally};

use super::display::{Display, Stream};
use super::outcome::Outcome;
use super::scenario::say;
use super::signals::Signals;
use crate::connection::deployed::Deployed;
use crate::connection::{Choice, Connection};
use crate::error::Error;
use crate::progress::{Progress, Step};
use crate::run::execution::{Driver, Ending, ExecutionError};
use crate::shell::printable;

/// What to audit, and how.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Which stack.
    #[command(flatten)]
    pub choice: Choice,
    /// Only say where ledger and bucket differ, and repair nothing.
    #[arg(long)]
    pub no_repair: bool,
    /// Start nothing, and follow the audit of this name or ARN.
    #[arg(long, value_name = "EXECUTION", conflicts_with = "no_repair")]
    pub follow: Option<String>,
}

/// Starts an audit, or takes the one that is named, and follows it to its end.
pub(super) async fn perform(options: Options) -> Result<Outcome, Error> {
    let mut signals = Signals::listen()?;
    let connection = options.choice.connect().await?;
    eprintln!("{connection}");
    let display = Display::new(Stream::Stderr);
    let execution = OnceLock::new();
    let outcome = signals.interrupting(audit(&connection, &options, &execution, &display), &display).await;
    if let (Ok(Outcome::Interrupted(_)) | Err(Error::Call(_)), Some(execution)) = (&outcome, execution.get()) {
        let name = execution.rsplit(':').next().unwrap_or_default();
        eprintln!("The audit was not stopped: it goes on as {name}.");
        eprintln!("  follow it again:  {}", connection.cargo_stack(["audit", "--follow", name]));
    }
    outcome
}

async fn audit(
    connection: &Connection,
    options: &Options,
    started: &OnceLock<String>,
    display: &Display,
) -> Result<Outcome, Error> {
    let outputs = Deployed::read(connection).await?.outputs(connection)?;
    let auditor = Driver::of_audits(&connection.config, &outputs);
    let reporter = display.reporter();
    reporter.tell(Progress::Began(Step::AUDIT));
    let execution = match &options.follow {
        Some(name) => auditor.execution(name),
        None => auditor.start(&format!(r#"{{"repair":{}}}"#, !options.no_repair)).await?,
    };
    let ending = auditor.follow(started.get_or_init(|| execution), &reporter).await?;
    reporter.tell(Progress::Done(Step::AUDIT, ending.in_a_word()));
    display.stop();
    let report = report(ending)?;
    say(&text(&report));
    Ok(if report.drift_after == Tally::default() { Outcome::Success } else { Outcome::Unexpected })
}

fn report(ending: Ending) -> Result<AuditReport, ExecutionError> {
    match ending {
        Ending::Succeeded(output) => serde_json::from_str(&output).map_err(ExecutionError::NoAudit),
        Ending::Failed { status, error, cause } => Err(ExecutionError::AuditFailed { status, error, cause }),
    }
}

/// The report as it is printed.
fn text(report: &AuditReport) -> String {
    let found = &report.found;
    let rows = [
        ("in the bucket", found.listed),
        ("in the ledger before", report.ledger_before),
        ("missing in the ledger", found.added),
        ("of another size or ETag", found.corrected),
        ("not in the bucket any more", found.removed),
        ("in the ledger now", report.ledger_after),
    ];
    let mut text = format!("{:<28}{:>12}{:>20}\n", "", "objects", "bytes");
    for (what, Tally { objects, bytes }) in rows {
        text += &format!("{what:<28}{objects:>12}{bytes:>20}\n");
    }
    if found.under_way > 0 {
        text += &format!("{} differ whose events may still be under way; they were left alone\n", found.under_way);
    }
    for Difference { object_name, ledger_size, bucket_size } in &report.examples {
        let size = |size: Option<u64>| size.map_or("nothing".to_owned(), |size| format!("{size} bytes"));
        let name = printable(object_name.as_str());
        text += &format!("  {name}: {} in the ledger, {} in the bucket\n", size(*ledger_size), size(*bucket_size));
    }
    text += match (report.drift_before == Tally::default(), report.repaired) {
        (true, _) => "Ledger and bucket agree.",
        (false, true) => "The ledger was put right.",
        (false, false) => "Nothing was repaired, because of --no-repair.",
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_table_with_examples() {
        let example = include_str!("../../../../contracts/examples/audit-report/ok-repaired.json");
        let expected = "                                 objects               bytes
in the bucket                       1000             2048000
in the ledger before                 999             2046010
missing in the ledger                  2                2000
of another size or ETag                1                  10
not in the bucket any more             1                  20
in the ledger now                   1000             2048000
3 differ whose events may still be under way; they were left alone
  a\\u001b[2J: nothing in the ledger, 1000 bytes in the bucket
  b: 5 bytes in the ledger, 15 bytes in the bucket
  gone: 20 bytes in the ledger, nothing in the bucket
The ledger was put right.";
        assert_eq!(text(&serde_json::from_str(example).unwrap()), expected);
    }
}
