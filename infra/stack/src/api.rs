//! Asking the stack's HTTP API.

use aws_credential_types::provider::ProvideCredentials;
use http::StatusCode;
use jiff::Timestamp;
use reqwest::Url;
use serde::de::DeserializeOwned;
use spillway_contracts::plot::PlotError;
use spillway_signed_http::{Answer, client_of_a_person, get};

use crate::connection::Connection;
use crate::connection::deployed::Deployed;
use crate::error::Error;
use crate::shell::printable;

/// How many characters are told of an answer that nobody expected.
const TOLD: usize = 300;

/// Why the API did not give what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// It is nowhere, or did not answer.
    #[error("the stack's API at {url} can't be asked: {reason}")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// Why not.
        reason: String,
    },
    /// Whoever asks may not.
    #[error(
        "the stack's API refuses {path} to these credentials ({status}): they need execute-api:Invoke on it, which is described in \
         infra/README.md"
    )]
    Forbidden {
        /// What was asked for.
        path: String,
        /// The status.
        status: StatusCode,
    },
    /// What it was asked for is wrong, or it is not able to answer.
    #[error("the stack's API answers {status}: {message}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// What it says.
        message: String,
    },
    /// It is another version.
    #[error("the stack's API answers with something other than this version knows: {0}")]
    Unknown(String),
}

/// Asks for `path` with the connection's credentials, and reads the answer.
pub async fn ask<T: DeserializeOwned>(
    connection: &Connection,
    path: &str,
    parameters: &[(&str, String)],
) -> Result<T, Error> {
    let outputs = Deployed::read(connection).await?.outputs(connection)?;
    let unreachable = |reason: &dyn std::fmt::Display| ApiError::Unreachable {
        url: outputs.api_url.clone(),
        reason: reason.to_string(),
    };
    let mut url: Url = format!("{}/{path}", outputs.api_url).parse().map_err(|error| unreachable(&error))?;
    if !parameters.is_empty() {
        url.query_pairs_mut().extend_pairs(parameters);
    }
    let client = client_of_a_person(&url).map_err(|error| unreachable(&error))?;
    let config = &connection.config;
    let credentials = config.credentials_provider().ok_or_else(|| unreachable(&"there are no credentials"))?;
    let credentials = credentials.provide_credentials().await.map_err(|error| unreachable(&error))?;
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let answer =
        get(&client, url, credentials, &region, Timestamp::now()).await.map_err(|error| unreachable(&error))?;
    Ok(read(path, &answer)?)
}

/// Reads an answer.
fn read<T: DeserializeOwned>(path: &str, answer: &Answer) -> Result<T, ApiError> {
    let status = answer.status;
    if status == StatusCode::OK {
        return serde_json::from_slice(&answer.body).map_err(|error| ApiError::Unknown(error.to_string()));
    }
    match serde_json::from_slice::<PlotError>(&answer.body) {
        Ok(error) => Err(ApiError::Refused { status, message: printable(&error.message) }),
        Err(_) if matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED) => {
            Err(ApiError::Forbidden { path: format!("GET /{path}"), status })
        }
        Err(_) => {
            let text: String = String::from_utf8_lossy(&answer.body).chars().take(TOLD).collect();
            Err(ApiError::Refused { status, message: printable(&text) })
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expect: Result<u64, &str>) {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() };
        let read = read::<u64>("plan", &answer).map_err(|error| error.to_string());
        assert_eq!(read, expect.map_err(str::to_owned));
    }

    #[test]
    fn what_the_api_says_is_passed_on() {
        check(200, "5", Ok(5));
        let wrong = r#"{"error":"InvalidInput","message":"limit must be \u001b","parameter":"limit"}"#;
        check(400, wrong, Err("the stack's API answers 400 Bad Request: limit must be \\u001b"));
        check(
            403,
            r#"{"message":"Forbidden"}"#,
            Err(
                "the stack's API refuses GET /plan to these credentials (403 Forbidden): they need execute-api:Invoke on it, \
                 which is described in infra/README.md",
            ),
        );
        check(502, "<html>", Err("the stack's API answers 502 Bad Gateway: <html>"));
        check(
            200,
            "{}",
            Err(
                "the stack's API answers with something other than this version knows: invalid type: map, expected u64 at \
                 line 1 column 0",
            ),
        );
    }
}
