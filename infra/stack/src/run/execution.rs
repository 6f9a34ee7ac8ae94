//! Starts an execution of the state machine, and follows it to its end.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use spillway_aws::CallError;
use spillway_contracts::report::RunReport;
use tokio::time::{MissedTickBehavior, interval};

use crate::outputs::Outputs;
use crate::progress::{Progress, Reporter};
use crate::run::history::History;
use crate::state;

/// Between two looks at a stack that doesn't mind.
const POLL: Duration = Duration::from_millis(400);
/// Between two looks at one on AWS, which takes a few requests a second from all of an account.
const POLL_AWS: Duration = Duration::from_secs(3);

/// Starts and follows executions on one stack.
#[derive(Clone, Debug)]
pub struct Driver {
    sfn: aws_sdk_sfn::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    outputs: Outputs,
    machine: String,
    poll: Duration,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// It succeeded, with this output.
    Succeeded(String),
    /// It did not.
    Failed {
        /// `FAILED`, `TIMED_OUT` or `ABORTED`.
        status: String,
        /// The error's name.
        error: String,
        /// The error in words.
        cause: String,
    },
}

/// Why a run has no report.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionError {
    /// The execution failed.
    #[error("the run ended with status {status}: {error}\n{cause}")]
    Failed {
        /// `FAILED`, `TIMED_OUT` or `ABORTED`.
        status: String,
        /// The error's name.
        error: String,
        /// The error in words.
        cause: String,
    },
    /// The audit failed.
    #[error("the audit ended with status {status}: {error}\n{cause}")]
    AuditFailed {
        /// `FAILED`, `TIMED_OUT` or `ABORTED`.
        status: String,
        /// The error's name.
        error: String,
        /// The error in words.
        cause: String,
    },
    /// The audit succeeded with something else.
    #[error("the audit succeeded, but its output is not an audit's report: {0}")]
    NoAudit(serde_json::Error),
    /// It succeeded with something else.
    #[error("the run succeeded, but its output is not a run report: {0}")]
    NoReport(serde_json::Error),
}

/// What was seen and told already.
#[derive(Debug, Default)]
struct Seen {
    history: History,
    total: Option<u64>,
    alarm: Option<String>,
}

impl Driver {
    /// For the stack with `outputs` on the AWS of `config`.
    pub fn new(config: &SdkConfig, outputs: &Outputs) -> Self {
        Self {
            sfn: aws_sdk_sfn::Client::new(config),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            outputs: outputs.clone(),
            machine: outputs.state_machine_arn.clone(),
            poll: if config.endpoint_url().is_some() { POLL } else { POLL_AWS },
        }
    }

    /// For the audits of that stack instead of its runs.
    pub fn of_audits(config: &SdkConfig, outputs: &Outputs) -> Self {
        Self { machine: outputs.audit_state_machine_arn.clone(), ..Self::new(config, outputs) }
    }

    /// Starts an execution with `input`, which is JSON, and gives its ARN.
    pub async fn start(&self, input: &str) -> Result<String, CallError> {
        let request = self.sfn.start_execution().state_machine_arn(&self.machine).input(input);
        Ok(request.send().await.map_err(CallError::of("StartExecution"))?.execution_arn)
    }

    /// The ARN of the execution of this name, or of this ARN.
    pub fn execution(&self, name: &str) -> String {
        let name = name.rsplit(':').next().unwrap_or_default();
        format!("{}:{name}", self.machine.replacen(":stateMachine:", ":execution:", 1))
    }

    /// Waits for the end of `execution`, and tells `reporter` what happens until then.
    pub async fn follow(&self, execution: &str, reporter: &Reporter) -> Result<Ending, CallError> {
        let mut seen = Seen::default();
        let mut tick = interval(self.poll);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            // Asked first, so that the last look at the history sees all of it.
            let request = self.sfn.describe_execution().execution_arn(execution);
            let execution_now = request.send().await.map_err(CallError::of("DescribeExecution"))?;
            let (events, total, alarm) = tokio::try_join!(self.events(execution), self.total(), self.alarm())?;
            for progress in seen.changes(&events, total, alarm) {
                reporter.tell(progress);
            }
            if let Some(ending) = Ending::of(execution_now) {
                return Ok(ending);
            }
        }
    }

    /// The newest events, oldest first: more than happen between two looks.
    async fn events(&self, execution: &str) -> Result<Vec<HistoryEvent>, CallError> {
        let request = self.sfn.get_execution_history().execution_arn(execution).include_execution_data(false);
        let request = request.reverse_order(true).max_results(200);
        let answer = request.send().await.map_err(CallError::of("GetExecutionHistory"))?;
        Ok(answer.events.into_iter().rev().collect())
    }

    async fn total(&self) -> Result<Option<u64>, CallError> {
        Ok(state::read(&self.dynamodb, &self.outputs).await?.map(|state| state.total_size))
    }

    async fn alarm(&self) -> Result<Option<String>, CallError> {
        let answer = self.cloudwatch.describe_alarms().alarm_names(&self.outputs.alarm_name).send().await;
        let alarms = answer.map_err(CallError::of("DescribeAlarms"))?.metric_alarms.unwrap_or_default();
        Ok(alarms.first().and_then(|alarm| alarm.state_value()).map(|state| state.as_str().to_owned()))
    }
}

impl Ending {
    /// `None` while the execution runs.
    fn of(execution: DescribeExecutionOutput) -> Option<Self> {
        match execution.status {
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => None,
            ExecutionStatus::Succeeded => Some(Self::Succeeded(execution.output.unwrap_or_default())),
            status => Some(Self::Failed {
                status: status.as_str().to_owned(),
                error: execution.error.unwrap_or_else(|| "without an error".to_owned()),
                cause: execution.cause.unwrap_or_default(),
            }),
        }
    }

    /// `succeeded`, or what else became of it.
    pub fn in_a_word(&self) -> String {
        match self {
            Self::Succeeded(_) => "succeeded".to_owned(),
            Self::Failed { status, .. } => status.to_lowercase(),
        }
    }

    /// The run report of an execution that succeeded.
    pub fn report(&self) -> Result<RunReport, ExecutionError> {
        match self {
            Self::Succeeded(output) => serde_json::from_str(output).map_err(ExecutionError::NoReport),
            Self::Failed { status, error, cause } => {
                Err(ExecutionError::Failed { status: status.clone(), error: error.clone(), cause: cause.clone() })
            }
        }
    }
}

impl Seen {
    /// What is new.
    fn changes(&mut self, events: &[HistoryEvent], total: Option<u64>, alarm: Option<String>) -> Vec<Progress> {
        let mut changes: Vec<_> = self.history.read(events).into_iter().map(Progress::State).collect();
        if total != self.total {
            self.total = total;
            changes.extend(total.map(Progress::Total));
        }
        if alarm != self.alarm {
            self.alarm.clone_from(&alarm);
            changes.extend(alarm.map(Progress::Alarm));
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_and_an_alarm_are_told_when_they_change() {
        let mut seen = Seen::default();
        let alarm = || Some("OK".to_owned());
        assert_eq!(seen.changes(&[], Some(0), alarm()), [Progress::Total(0), Progress::Alarm("OK".to_owned())]);
        assert_eq!(seen.changes(&[], Some(0), alarm()), []);
        assert_eq!(seen.changes(&[], Some(18), alarm()), [Progress::Total(18)]);
    }

    #[test]
    fn a_failure_is_told_with_its_name_and_cause() {
        let ending = Ending::Failed {
            status: "FAILED".to_owned(),
            error: "BucketNotEmpty".to_owned(),
            cause: "the bucket holds notes.txt".to_owned(),
        };
        let message = ending.report().unwrap_err().to_string();
        assert_eq!(message, "the run ended with status FAILED: BucketNotEmpty\nthe bucket holds notes.txt");
    }
}
