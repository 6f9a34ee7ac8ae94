//! Logs: one flat JSON object a line on stdout.

use serde::Serialize;
use spillway_aws::variable;
use tracing_subscriber::filter::LevelFilter;

/// Makes `tracing` write one flat JSON object a line. Fields stand at the top level, beside `message`.
///
/// The level is that of `AWS_LAMBDA_LOG_LEVEL`, which Lambda sets from the function's log configuration; otherwise `INFO`.
/// `TRACE` and `DEBUG` log no more than that: what is below `INFO` is left out of the release binaries.
pub fn init() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .with_max_level(variable("AWS_LAMBDA_LOG_LEVEL").unwrap_or(LevelFilter::INFO))
        .init();
}

/// Writes a line that has a contract: the document as it is, on one line of stdout.
pub fn write_line(line: &impl Serialize) {
    match serde_json::to_string(line) {
        Ok(text) => println!("{text}"),
        Err(error) => tracing::error!(%error, "a log line could not be written"),
    }
}
