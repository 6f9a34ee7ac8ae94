//! Which stack a command is about, and how it is reached.

pub mod deployed;
pub mod stack_file;

use std::fmt;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::shell;
use crate::workspace::{Workspace, WorkspaceError};
use stack_file::{StackFile, StackFileError};

/// The name that a stack has unless it is given another.
pub const STACK_NAME: &str = "spillway";

/// What the person who typed a command says about the stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Choice {
    /// The stack's name.
    #[arg(long, value_name = "NAME", default_value = STACK_NAME)]
    pub stack_name: String,
    /// The AWS profile that has the credentials and the region; without it, those that the AWS CLI would take.
    #[arg(long)]
    pub profile: Option<String>,
    /// The AWS region; without it, the profile's.
    #[arg(long)]
    pub region: Option<String>,
    /// Where AWS is, if it is an emulator.
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
}

/// A way to a stack.
#[derive(Clone, Debug)]
pub struct Connection {
    /// For clients.
    pub config: SdkConfig,
    /// The stack's name.
    pub stack_name: String,
    place: Place,
}

/// Where a stack is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// The local AWS that `cargo local up` keeps running.
    Local(Box<StackFile>),
    /// AWS, or an emulator that was asked for.
    Aws { profile: Option<String>, region: String, endpoint_url: Option<String> },
}

/// Why there is no way to the stack.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Nobody knows where a local stack would leave word of itself.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// What a local stack left can't be read.
    #[error(transparent)]
    StackFile(#[from] StackFileError),
    /// Nobody says which region.
    #[error(
        "no region is known. Give one with --region, in AWS_REGION or in the profile, or start a local stack with `cargo local up`"
    )]
    NoRegion,
    /// There are no credentials, or they don't work any more.
    #[error(
        "there are no credentials for AWS: {0}. Choose a profile with --profile, sign in with `aws sso login` if it uses \
         single sign-on, or start a local stack with `cargo local up`"
    )]
    NoCredentials(String),
    /// There is no such stack.
    #[error(
        "there is no stack `{name}` here ({place}). Choose another with --stack-name, --region or --profile, or deploy it"
    )]
    NoStack {
        /// The name.
        name: String,
        /// Where it was looked for.
        place: String,
    },
    /// It is another stack.
    #[error("the stack `{name}` is not one of Spillway, or of another version: it has no output {output}")]
    NotSpillway {
        /// The stack.
        name: String,
        /// The output that it lacks.
        output: String,
    },
}

impl Choice {
    /// The local stack if it runs and nothing else was asked for; AWS otherwise.
    pub async fn connect(&self) -> Result<Connection, ConnectionError> {
        let is_explicit = self.profile.is_some() || self.region.is_some() || self.endpoint_url.is_some();
        if !is_explicit {
            match StackFile::read(&Workspace::locate().await?.local()).await {
                Ok(file) => return Ok(Connection::local(file, &self.stack_name)),
                Err(StackFileError::NotRunning | StackFileError::Stale { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.aws().await
    }

    /// The chain of credentials and regions that every SDK follows: variables, profiles, single sign-on, metadata.
    async fn aws(&self) -> Result<Connection, ConnectionError> {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http_client());
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let config = loader.load().await;
        let region = config.region().ok_or(ConnectionError::NoRegion)?.to_string();
        let provider =
            config.credentials_provider().ok_or_else(|| ConnectionError::NoCredentials("none".to_owned()))?;
        provider.provide_credentials().await.map_err(|error| ConnectionError::NoCredentials(sentence(&error)))?;
        let endpoint_url = config.endpoint_url().map(str::to_owned);
        let place = Place::Aws { profile: self.profile.clone(), region, endpoint_url };
        Ok(Connection { config, stack_name: self.stack_name.clone(), place })
    }
}

/// An error with its causes.
fn sentence(error: &CredentialsError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text.trim_end_matches('.').to_owned()
}

/// It trusts what the system trusts: people's ways to AWS lead through proxies, too.
fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// The configuration for an AWS at `endpoint` by a key; nothing of it comes from the environment.
pub fn sdk_config(endpoint: &str, region: &str, access_key_id: &str, secret_access_key: &str) -> SdkConfig {
    let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .http_client(http_client())
        .build()
}

impl Connection {
    /// To the stack on the local AWS that left `file`.
    pub fn local(file: StackFile, stack_name: &str) -> Self {
        let config = sdk_config(&file.endpoint, &file.region, &file.access_key_id, &file.secret_access_key);
        Self { config, stack_name: stack_name.to_owned(), place: Place::Local(Box::new(file)) }
    }

    /// Where the stack is, in words.
    pub fn place(&self) -> String {
        self.place.to_string()
    }

    /// Whether it costs nothing to ask often.
    pub fn is_local(&self) -> bool {
        matches!(self.place, Place::Local(_))
    }

    /// A client for buckets. Emulators know them by the path only.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        s3(&self.config)
    }

    /// A line for a shell: the AWS CLI asked the same way.
    pub fn aws<'a>(&'a self, words: impl IntoIterator<Item = &'a str>) -> String {
        let command = shell::line(std::iter::once("aws").chain(words));
        match &self.place {
            Place::Local(file) => format!(
                "AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={} {command} --region {} --endpoint-url {}",
                file.access_key_id, file.secret_access_key, file.region, file.endpoint
            ),
            Place::Aws { profile, region, endpoint_url } => {
                let profile = profile.iter().flat_map(|it| ["--profile", it.as_str()]);
                let endpoint = endpoint_url.iter().flat_map(|it| ["--endpoint-url", it.as_str()]);
                let options = profile.chain(["--region", region]).chain(endpoint);
                format!("{command} {}", shell::line(options))
            }
        }
    }

    /// A line for a shell: `cargo stack` on the same stack.
    pub fn cargo_stack<'a>(&'a self, words: impl IntoIterator<Item = &'a str>) -> String {
        let mut line: Vec<&str> = ["cargo", "stack"].into_iter().chain(words).collect();
        if self.stack_name != STACK_NAME {
            line.extend(["--stack-name", &self.stack_name]);
        }
        if let Place::Aws { profile, region, endpoint_url } = &self.place {
            line.extend(profile.iter().flat_map(|it| ["--profile", it.as_str()]));
            line.extend(["--region", region]);
            line.extend(endpoint_url.iter().flat_map(|it| ["--endpoint-url", it.as_str()]));
        }
        shell::line(line)
    }
}

/// A client for buckets; an AWS with an address of its own knows them by the path only.
pub fn s3(config: &SdkConfig) -> aws_sdk_s3::Client {
    let by_path = config.endpoint_url().is_some();
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(config).force_path_style(by_path).build())
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stack {} on {}", self.stack_name, self.place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(file) => write!(f, "the local AWS at {}, which `cargo local up` started", file.endpoint),
            Self::Aws { profile, region, endpoint_url } => {
                write!(f, "{} in {region}", endpoint_url.as_deref().unwrap_or("AWS"))?;
                profile.iter().try_for_each(|profile| write!(f, ", profile {profile}"))
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::outputs::tests::outputs;

    pub(crate) fn aws(profile: Option<&str>, endpoint_url: Option<&str>) -> Connection {
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::v2026_01_12()).build();
        let endpoint_url = endpoint_url.map(str::to_owned);
        let place = Place::Aws { profile: profile.map(str::to_owned), region: "eu-west-1".to_owned(), endpoint_url };
        Connection { config, stack_name: "other".to_owned(), place }
    }

    #[test]
    fn a_connection_says_where_it_leads_and_what_to_type_for_it() {
        let plain = aws(Some("dev"), None);
        assert_eq!(plain.to_string(), "stack other on AWS in eu-west-1, profile dev");
        let expect = "cargo stack run --stack-name other --profile dev --region eu-west-1";
        assert_eq!(plain.cargo_stack(["run"]), expect);
        let emulator = aws(None, Some("http://localhost:4566"));
        assert_eq!(emulator.to_string(), "stack other on http://localhost:4566 in eu-west-1");
        let expect = "aws s3 ls --region eu-west-1 --endpoint-url http://localhost:4566";
        assert_eq!(emulator.aws(["s3", "ls"]), expect);
    }

    #[test]
    fn the_local_stack_needs_no_options_and_its_keys() {
        let file = StackFile {
            endpoint: "http://127.0.0.1:4566".to_owned(),
            region: "us-east-1".to_owned(),
            access_key_id: "id".to_owned(),
            secret_access_key: "secret".to_owned(),
            outputs: outputs(),
        };
        let local = Connection::local(file, STACK_NAME);
        let expect = "stack spillway on the local AWS at http://127.0.0.1:4566, which `cargo local up` started";
        assert_eq!(local.to_string(), expect);
        assert_eq!(local.cargo_stack(["doctor"]), "cargo stack doctor");
        let expect = "AWS_ACCESS_KEY_ID=id AWS_SECRET_ACCESS_KEY=secret aws s3 ls --region us-east-1 --endpoint-url \
                      http://127.0.0.1:4566";
        assert_eq!(local.aws(["s3", "ls"]), expect);
    }
}
