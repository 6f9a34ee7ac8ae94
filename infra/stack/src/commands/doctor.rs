//! What is wrong with a deployed stack.

use super::outcome::Outcome;
use super::scenario::say;
use crate::connection::Choice;
use crate::doctor::finding::Finding;
use crate::doctor::{Settings, examine};
use crate::error::Error;

/// Which stack to examine.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Which stack.
    #[command(flatten)]
    pub choice: Choice,
}

/// Examines the stack, and says what it found of each piece.
pub(super) async fn perform(options: Options) -> Result<Outcome, Error> {
    let connection = options.choice.connect().await?;
    eprintln!("{connection}");
    let findings = examine(&connection, &Settings::default()).await?;
    findings.iter().for_each(|finding| say(&finding.to_string()));
    let (text, outcome) = conclude(&findings);
    say(&text);
    Ok(outcome)
}

fn conclude(findings: &[Finding]) -> (String, Outcome) {
    match findings.iter().filter(|finding| !finding.is_healthy()).count() {
        0 => (format!("\n{} pieces are what they should be.", findings.len()), Outcome::Success),
        1 => (format!("\n1 of {} pieces is not what it should be.", findings.len()), Outcome::Unexpected),
        count => (format!("\n{count} of {} pieces are not what they should be.", findings.len()), Outcome::Unexpected),
    }
}
