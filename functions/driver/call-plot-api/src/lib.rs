//! Calls the plot API with a signed request and checks that a PNG came back.
//!
//! Asked twice, there are two plots; the run report names the one of the answer that arrived.

mod answer;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use jiff::Timestamp;
use spillway_contracts::plot::StoredPlot;
use spillway_contracts::task::CallPlotApiRequest;
use spillway_contracts::{ErrorName, Failure};
use spillway_signed_http::{Answer, Error as Call, get};

pub use spillway_signed_http::client_of_a_function as http_client;

#[derive(Debug)]
pub struct Deps {
    pub http: reqwest::Client,
    /// Who signs.
    pub credentials: SharedCredentialsProvider,
    /// The region that the signature is for.
    pub region: String,
    pub plot_api_url: reqwest::Url,
}

/// Why there is no plot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the plot API answered {status}: {body}")]
    Unavailable {
        status: u16,
        /// The start of the body.
        body: String,
    },
    /// The API refused, or answered with something other than a plot.
    #[error("the plot API's answer is not a plot: {0}")]
    Rejected(String),
    #[error("there are no credentials to sign with: {0}")]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Call(#[from] Call),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let name = match &error {
            Error::Unavailable { .. } | Error::Call(Call::Unreachable(_)) => ErrorName::ServiceUnavailable,
            Error::Rejected(_) => ErrorName::PlotRejected,
            Error::Credentials(_) | Error::Call(Call::Signing(_)) => ErrorName::Internal,
        };
        Self { name, message: error.to_string() }
    }
}

/// Has the run plotted, and says where the plot is.
pub async fn handle(deps: &Deps, request: CallPlotApiRequest, now: Timestamp) -> Result<StoredPlot, Error> {
    let mut url = deps.plot_api_url.clone();
    url.query_pairs_mut().append_pair("from", &request.from.to_string());
    let credentials = deps.credentials.provide_credentials().await?;
    let Answer { status, headers, body } = get(&deps.http, url, credentials, &deps.region, now).await?;
    answer::read(status, &headers, &body)
}
