//! Answers the SDK's requests without a network.

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

/// A status and a body, or no answer at all.
pub type Answer = Result<(u16, String), ConnectorError>;

type Answering = dyn Fn(&HttpRequest) -> Answer + Send + Sync;

#[derive(Clone)]
struct Connector(Arc<Answering>);

/// An HTTP client whose requests `answer` answers.
pub fn http_client(answer: impl Fn(&HttpRequest) -> Answer + Send + Sync + 'static) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(Arc::new(answer)));
    http_client_fn(move |_, _| connector.clone())
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let response =
            (self.0)(&request).map(|(status, body)| HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body)));
        HttpConnectorFuture::ready(response)
    }
}
