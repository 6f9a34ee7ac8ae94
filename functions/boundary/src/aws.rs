//! The one configuration of every AWS client, and what a failed call means.

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use spillway_contracts::ErrorName;

use crate::{StartError, root_certificates, variable};

/// The configuration of every AWS client, from the variables that Lambda sets: `AWS_REGION` and those of the credentials.
///
/// Nothing else is looked for, as it would be on a person's machine: that keeps a cold start short and a package small.
/// `AWS_ENDPOINT_URL`, if it is set, is where AWS is, as for every AWS SDK.
pub fn sdk_config() -> Result<SdkConfig, StartError> {
    let trust_store = match root_certificates() {
        Some(certificates) => TrustStore::empty().with_pem_certificate(certificates),
        None => TrustStore::default(),
    };
    let tls = TlsContext::builder().with_trust_store(trust_store).build()?;
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls).build_https();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(variable::<String>("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .http_client(http);
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL").ok());
    Ok(config.build())
}

/// A call to AWS that failed, after the SDK's own retries.
#[derive(Debug, thiserror::Error)]
#[error("{call} failed: {reason}")]
pub struct AwsCallError {
    call: &'static str,
    code: Option<String>,
    status: Option<u16>,
    reason: String,
}

impl AwsCallError {
    /// What `error` means, which the API operation `call` gave.
    pub fn new<E>(call: &'static str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
        let status = error.raw_response().map(|response| response.status().as_u16());
        let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
        let reason = match (&code, message) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            _ => DisplayErrorContext(&error).to_string(),
        };
        Self { call, code, status, reason }
    }

    /// A call that AWS answered, but not with what its documentation promises.
    pub fn unexpected(call: &'static str, reason: impl Into<String>) -> Self {
        Self { call, code: None, status: Some(200), reason: reason.into() }
    }

    /// The error code that AWS answered with, such as `NoSuchKey`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The HTTP status that AWS answered with; `None` if it didn't answer.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// `ServiceUnavailable` if the same call may succeed later, else `Internal`.
    pub fn name(&self) -> ErrorName {
        let throttled = self.code().is_some_and(|code| code.contains("Throttl") || code.contains("Exceeded"));
        match self.status {
            None | Some(429 | 500..) => ErrorName::ServiceUnavailable,
            Some(_) if throttled || self.code() == Some("SlowDown") => ErrorName::ServiceUnavailable,
            Some(_) => ErrorName::Internal,
        }
    }
}
