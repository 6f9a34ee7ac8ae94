//! Signed requests to the stack's HTTP API.

mod client;
mod sign;

use aws_credential_types::Credentials;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use reqwest::{Client, Url};

pub use client::{client_of_a_function, client_of_a_person};

/// What the API answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API did not answer: {0:?}")]
    Unreachable(#[from] reqwest::Error),
    #[error("the request can't be signed: {0}")]
    Signing(String),
}

/// Signs a GET of `url`, sends it, and waits for the whole answer.
pub async fn get(
    client: &Client,
    url: Url,
    credentials: Credentials,
    region: &str,
    now: Timestamp,
) -> Result<Answer, Error> {
    let headers = sign::headers(&url, credentials, region, now)?;
    let answer = client.get(url).headers(headers).send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    Ok(Answer { status, headers, body: answer.bytes().await?.to_vec() })
}
