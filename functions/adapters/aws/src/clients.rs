//! The one configuration of a function's AWS clients.

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::{ConfigError, root_certificates, variable};

/// The configuration of every AWS client, from the variables that Lambda sets: `AWS_REGION` and those of the credentials.
///
/// Nothing else is looked for, as it would be on a person's machine: that keeps a cold start short and a package small.
/// `AWS_ENDPOINT_URL`, if it is set, is where AWS is, as for every AWS SDK.
pub fn sdk_config() -> Result<SdkConfig, ConfigError> {
    let trust_store = match root_certificates() {
        Some(certificates) => TrustStore::empty().with_pem_certificate(certificates),
        None => TrustStore::default(),
    };
    let tls = TlsContext::builder().with_trust_store(trust_store).build();
    let tls = tls.map_err(|error| ConfigError::Certificates(error.to_string()))?;
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls).build_https();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(variable::<String>("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .http_client(SharedHttpClient::new(Untried(http)));
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL").ok());
    Ok(config.build())
}

/// An HTTP client that no client of AWS tries out when it is built.
///
/// Each would have it make a connector with all its certificates, and drop that again: the first request makes its own.
#[derive(Debug)]
struct Untried(SharedHttpClient);

impl HttpClient for Untried {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}
