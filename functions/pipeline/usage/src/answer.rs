//! What the API answers.

use spillway_contracts::plot::{PlotError, PlotHeaders, PlotResponse};
use spillway_contracts::{ErrorName, Failure};

use crate::Error;

/// What was asked for.
pub fn success(body: String) -> PlotResponse {
    respond(200, body)
}

/// An error, as JSON; a wrong parameter is named.
pub fn failure(error: &Error) -> PlotResponse {
    let message = error.to_string();
    let (name, parameter) = match error {
        Error::Parameter(bad) => (ErrorName::InvalidInput, Some(bad.parameter.clone())),
        Error::Store(error) => (error.name(), None),
        Error::Cleaner(error) => (error.name(), None),
        Error::Call(error) => (error.name(), None),
        Error::OutOfTime(_) => (ErrorName::ServiceUnavailable, None),
    };
    let status = match name {
        ErrorName::InvalidInput => 400,
        ErrorName::ServiceUnavailable => 503,
        _ => 500,
    };
    if status >= 500 {
        tracing::error!(%error, "there is no answer");
    }
    // What quotes the caller may be long.
    let Failure { name, message } = Failure { name, message }.bounded();
    respond(status, serde_json::to_string(&PlotError { error: name, message, parameter }).unwrap_or_default())
}

fn respond(status_code: u16, body: String) -> PlotResponse {
    let headers = PlotHeaders {
        content_type: "application/json".to_owned(),
        x_spillway_plot_bucket: None,
        x_spillway_plot_key: None,
        x_spillway_plot_from: None,
        x_spillway_plot_to: None,
    };
    PlotResponse { status_code, headers, body, is_base64_encoded: false }
}
