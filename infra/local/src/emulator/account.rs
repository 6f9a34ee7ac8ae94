//! A local AWS with nothing in it.

use std::path::Path;

use aws_config::SdkConfig;
use spillway_stack::progress::{Progress, Reporter, Step};
use spillway_stack::workspace::Workspace;
use tokio::task::JoinSet;

use crate::emulator::client;
use crate::emulator::ministack::{MiniStack, MiniStackError, Settings};
use crate::python::venv::Venv;

const STEP: Step = Step("local AWS");

/// A running local AWS. It ends when this is dropped or the process ends.
#[derive(Debug)]
pub struct Account {
    config: SdkConfig,
    cloudwatch: JoinSet<()>,
    ministack: MiniStack,
}

impl Account {
    /// Starts one on `port`, or on a free one. Any number can run side by side.
    ///
    /// Deployed alarms that invoke a function get this period, in seconds, whatever the template says.
    pub async fn start(
        workspace: &Workspace,
        venv: &Venv,
        port: Option<u16>,
        alarm_period: u32,
        reporter: &Reporter,
    ) -> Result<Self, MiniStackError> {
        reporter.tell(Progress::Began(STEP));
        let settings = Settings::from([("LOCAL_ALARM_PERIOD_SECONDS", alarm_period.to_string().into())]);
        let ministack = MiniStack::start(venv, &workspace.local(), port, &settings).await?;
        let config = client::sdk_config(&ministack.endpoint());
        let mut cloudwatch = JoinSet::new();
        cloudwatch.spawn(evaluate_alarms(config.clone(), reporter.clone()));
        reporter.tell(Progress::Done(STEP, ministack.endpoint()));
        Ok(Self { config, cloudwatch, ministack })
    }

    /// Root's configuration for clients of the local AWS.
    pub fn sdk_config(&self) -> &SdkConfig {
        &self.config
    }

    /// Where the local AWS listens.
    pub fn endpoint(&self) -> String {
        self.ministack.endpoint()
    }

    /// What the local AWS printed.
    pub fn log(&self) -> &Path {
        self.ministack.log()
    }

    /// Ends everything, and returns when it has ended.
    pub async fn shutdown(mut self) {
        // First, for it would complain that nobody answers any more.
        self.cloudwatch.shutdown().await;
        self.ministack.stop().await;
    }
}

async fn evaluate_alarms(config: SdkConfig, reporter: Reporter) {
    let clients = spillway_cloudwatch::Clients {
        logs: aws_sdk_cloudwatchlogs::Client::new(&config),
        cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
        lambda: aws_sdk_lambda::Client::new(&config),
    };
    spillway_cloudwatch::run(clients, |problem| reporter.tell(Progress::Problem(problem.to_string()))).await;
}
