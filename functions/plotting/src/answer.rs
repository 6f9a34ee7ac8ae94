//! What the plot API answers.

use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayV2httpResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use spillway_contracts::ErrorName;
use spillway_contracts::task::{PLOT_BUCKET_HEADER, PLOT_KEY_HEADER};

use crate::Error;

/// A plot, and where it is stored.
pub fn plot(bucket_name: &str, key: &str, png: &[u8]) -> ApiGatewayV2httpResponse {
    let headers = [("content-type", "image/png"), (PLOT_BUCKET_HEADER, bucket_name), (PLOT_KEY_HEADER, key)];
    let mut answer = respond(200, &headers, STANDARD.encode(png));
    answer.is_base64_encoded = true;
    answer
}

/// An error, as JSON; a wrong parameter is named.
pub fn failure(error: &Error) -> ApiGatewayV2httpResponse {
    let (status, name, parameter) = match error {
        Error::Parameter(bad) => (400, ErrorName::InvalidInput, Some(bad.parameter)),
        Error::Render(_) => (500, ErrorName::Internal, None),
        Error::Store(error) => (status_of(error.name()), error.name(), None),
        Error::Bucket(error) => (status_of(error.name()), error.name(), None),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Range;
    use std::collections::HashMap;

    #[test]
    fn a_plot_says_where_it_is_stored() {
        assert_eq!(
            json!(plot("plots", "a.png", b"\x89PNG")),
            json!({
                "statusCode": 200,
                "headers": {
                    "content-type": "image/png", "x-spillway-plot-bucket": "plots", "x-spillway-plot-key": "a.png",
                },
                "multiValueHeaders": {}, "body": "iVBORw==", "isBase64Encoded": true, "cookies": [],
            })
        );
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let query = HashMap::from([("to".to_owned(), "soon".to_owned())]);
        let error = Range::from_query(&query.into(), jiff::Timestamp::UNIX_EPOCH).unwrap_err();
        let answer = failure(&error.into());
        let Some(Body::Text(body)) = answer.body else { panic!("{answer:?}") };
        assert_eq!(answer.status_code, 400);
        assert_eq!(
            body,
            r#"{"error":"InvalidInput","message":"to must be a time in RFC 3339 or in seconds since the epoch, not \"soon\"","parameter":"to"}"#
        );
    }
}
