//! What the plot API answers.

use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayV2httpResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::json;
use spillway_contracts::ErrorName;
use spillway_contracts::plot::{PLOT_BUCKET_HEADER, PLOT_FROM_HEADER, PLOT_KEY_HEADER, PLOT_TO_HEADER};

use crate::Error;
use crate::format::Format;

/// A plot that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plot {
    /// Its key in the bucket of plots.
    pub key: String,
    pub format: Format,
    pub image: Vec<u8>,
    /// The range that is drawn.
    pub drawn: (Timestamp, Timestamp),
}

/// A plot, where it is stored, and how much of the history it shows.
pub fn plot(bucket_name: &str, plot: &Plot) -> ApiGatewayV2httpResponse {
    let (from, to) = plot.drawn;
    let headers = [
        ("content-type", plot.format.media_type()),
        (PLOT_BUCKET_HEADER, bucket_name),
        (PLOT_KEY_HEADER, &plot.key),
        (PLOT_FROM_HEADER, &from.to_string()),
        (PLOT_TO_HEADER, &to.to_string()),
    ];
    let mut answer = respond(200, &headers, STANDARD.encode(&plot.image));
    answer.is_base64_encoded = true;
    answer
}

/// An error, as JSON; a wrong parameter is named.
pub fn failure(error: &Error) -> ApiGatewayV2httpResponse {
    let (status, name, parameter) = match error {
        Error::Parameter(bad) => (400, ErrorName::InvalidInput, Some(bad.parameter.as_str())),
        Error::NoSuchRun(_) => (404, ErrorName::InvalidInput, Some("run")),
        Error::Render(_) | Error::Pack(_) => (500, ErrorName::Internal, None),
        Error::Store(error) => (status_of(error.name()), error.name(), None),
        Error::Call(error) => (status_of(error.name()), error.name(), None),
    };
    if status >= 500 {
        tracing::error!(%error, "there is no plot");
    }
    let body = json!({ "error": name, "message": error.to_string(), "parameter": parameter });
    respond(status, &[("content-type", "application/json")], body.to_string())
}

fn status_of(name: ErrorName) -> i64 {
    if name == ErrorName::ServiceUnavailable { 503 } else { 500 }
}

fn respond(status: i64, headers: &[(&'static str, &str)], body: String) -> ApiGatewayV2httpResponse {
    let header = |&(name, value): &(&'static str, &str)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
    };
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = status;
    answer.headers = headers.iter().filter_map(header).collect::<HeaderMap>();
    answer.body = Some(Body::Text(body));
    answer
}
