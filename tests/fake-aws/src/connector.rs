//! Answers the SDK's requests without a network.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

/// An answer, or none at all.
pub type Answer = Result<Reply, ConnectorError>;

/// What AWS answers.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl From<(u16, String)> for Reply {
    fn from((status, body): (u16, String)) -> Self {
        Self { status, headers: Vec::new(), body: body.into_bytes() }
    }
}

/// That the connection broke.
pub fn lost() -> ConnectorError {
    ConnectorError::io("the connection is gone".into())
}

type Answering = dyn Fn(HttpRequest) -> HttpConnectorFuture + Send + Sync;

#[derive(Clone)]
struct Connector(Arc<Answering>);

/// An HTTP client whose requests `answer` answers at once.
pub fn http_client(answer: impl Fn(&HttpRequest) -> Answer + Send + Sync + 'static) -> SharedHttpClient {
    client(move |request| HttpConnectorFuture::ready(answer(&request).map(response)))
}

/// An HTTP client whose requests `answer` answers when it likes.
pub fn patient_http_client<F>(answer: impl Fn(HttpRequest) -> F + Send + Sync + 'static) -> SharedHttpClient
where
    F: Future<Output = Answer> + Send + 'static,
{
    client(move |request| {
        let answer = answer(request);
        HttpConnectorFuture::new(async move { answer.await.map(response) })
    })
}

/// What all clients are configured with: none of the SDK's own retries, and nothing that makes the first call unlike the next.
pub fn sdk_config(http_client: SharedHttpClient) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .region(Region::new("us-east-1"))
        .retry_config(RetryConfig::disabled())
        .identity_cache(IdentityCache::no_cache())
        .http_client(http_client)
        .build()
}

/// The same, but with the SDK's own retries, as functions have them.
pub fn persistent_sdk_config(http_client: SharedHttpClient) -> SdkConfig {
    sdk_config(http_client).into_builder().retry_config(RetryConfig::standard()).build()
}

fn client(answer: impl Fn(HttpRequest) -> HttpConnectorFuture + Send + Sync + 'static) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(Arc::new(answer)));
    http_client_fn(move |_, _| connector.clone())
}

fn response(reply: Reply) -> HttpResponse {
    let mut response = HttpResponse::new(reply.status.try_into().unwrap(), SdkBody::from(reply.body));
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value);
    }
    response
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        (self.0)(request)
    }
}
