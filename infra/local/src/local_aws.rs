//! A local AWS with the stack deployed to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use spillway_stack::Outputs;
use spillway_stack::connection::STACK_NAME;
use spillway_stack::progress::{Progress, Reporter, Step};
use spillway_stack::workspace::Workspace;

use crate::deploy::artifacts;
use crate::deploy::binaries::{self, Profile};
use crate::deploy::cloudformation::{Parameters, deploy};
use crate::deploy::template::Template;
use crate::emulator::account::Account;
use crate::emulator::client;
use crate::error::Error;
use crate::python::venv::{self, Venv};

const STEP: Step = Step("stack");
/// An alarm period for a laptop, in seconds.
pub const SHORT_PERIOD: u32 = 10;

#[derive(Clone, Debug)]
pub struct Options {
    /// The port to listen on; a free one if there is none.
    pub port: Option<u16>,
    /// Parameters of the template that differ from its defaults.
    pub parameters: Parameters,
    /// The period of the alarm on the total, in seconds. The template's own is for AWS: a minute at least.
    pub alarm_period: u32,
    /// Who is told about progress.
    pub reporter: Reporter,
}

impl Default for Options {
    /// A free port, the template's defaults, an alarm with the shortest period that CloudWatch knows, and nobody who listens.
    fn default() -> Self {
        Self { port: None, parameters: Parameters::new(), alarm_period: SHORT_PERIOD, reporter: Reporter::silent() }
    }
}

/// A running local AWS with the stack deployed to it. It ends when this is dropped or the process ends.
#[derive(Debug)]
pub struct LocalAws {
    outputs: Outputs,
    account: Account,
}

impl LocalAws {
    /// Builds the functions, starts a local AWS and deploys the template to it. Any number can run side by side.
    pub async fn up(options: Options) -> Result<Self, Error> {
        Self::up_after(options, async |_| {}).await
    }

    /// Like [`LocalAws::up`], and before the stack is deployed, `prepare` has the account to itself.
    pub async fn up_after(options: Options, prepare: impl AsyncFnOnce(&SdkConfig)) -> Result<Self, Error> {
        let Options { port, parameters, alarm_period, reporter } = options;
        let workspace = Workspace::locate().await?;
        let directory = workspace.local();

        reporter.tell(Progress::Began(venv::STEP));
        let venv = Venv::with(&workspace.requirements(), &directory, &reporter).await?;
        let template = Template::read(&workspace.template(), &venv).await?;
        reporter.tell(Progress::Done(venv::STEP, "ready".to_owned()));

        let (account, artifacts) = tokio::try_join!(
            async { Ok(Account::start(&workspace, &venv, port, alarm_period, &reporter).await?) },
            build(&workspace, &template, &reporter)
        )?;

        prepare(account.sdk_config()).await;
        reporter.tell(Progress::Began(STEP));
        let s3 = client::s3(account.sdk_config());
        let keys = artifacts::upload(&s3, artifacts).await?;
        let packaged = template.package(artifacts::BUCKET, &keys)?.to_string();
        let template_url = artifacts::upload_template(&s3, &account.endpoint(), &packaged).await?;
        let cloudformation = aws_sdk_cloudformation::Client::new(account.sdk_config());
        let outputs = deploy(&cloudformation, STACK_NAME, &template_url, &parameters).await?;
        reporter.tell(Progress::Done(STEP, "deployed".to_owned()));
        Ok(Self { outputs, account })
    }

    /// Root's configuration for clients of the local AWS.
    pub fn sdk_config(&self) -> &SdkConfig {
        self.account.sdk_config()
    }

    pub fn stack_name(&self) -> &'static str {
        STACK_NAME
    }

    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// Where the local AWS listens.
    pub fn endpoint(&self) -> String {
        self.account.endpoint()
    }

    /// What the local AWS printed.
    pub fn log(&self) -> &Path {
        self.account.log()
    }

    /// Ends everything, and returns when it has ended.
    pub async fn shutdown(self) {
        self.account.shutdown().await;
    }
}

/// Everything that the template refers to, by the name that the template has for it.
async fn build(
    workspace: &Workspace,
    template: &Template,
    reporter: &Reporter,
) -> Result<BTreeMap<String, PathBuf>, Error> {
    reporter.tell(Progress::Began(binaries::STEP));
    let binaries = binaries::build(workspace, &template.binaries()?, Profile::Dev, reporter).await?;
    let count = binaries.len();
    let mut artifacts = binaries::zip(binaries, &workspace.local().join("functions"), reporter).await?;
    let beside = workspace.template();
    for definition in template.definitions() {
        let path = beside.with_file_name(&definition);
        artifacts.insert(definition, path);
    }
    reporter.tell(Progress::Done(binaries::STEP, format!("{count} built")));
    Ok(artifacts)
}
