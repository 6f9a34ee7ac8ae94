//! When a run of the state machine was.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::SdkError;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::primitives::DateTime;
use jiff::Timestamp;
use spillway_aws::CallError;

use crate::Error;
use crate::query::Range;

const CALL: &str = "DescribeExecution";

/// The executions of one state machine.
#[derive(Clone, Debug)]
pub struct Runs {
    client: Client,
    state_machine_arn: String,
}

impl Runs {
    /// The executions of the state machine with this ARN.
    pub fn new(client: Client, state_machine_arn: String) -> Self {
        Self { client, state_machine_arn }
    }

    /// From the start of a run to its end; to `now` while it goes on.
    pub async fn range(&self, name: &str, now: Timestamp) -> Result<Range, Error> {
        let arn = format!("{}:{name}", self.state_machine_arn.replacen(":stateMachine:", ":execution:", 1));
        let answer = self.client.describe_execution().execution_arn(arn).send().await;
        let run = match answer {
            Err(error) if is_unknown(&error) => return Err(Error::NoSuchRun(name.to_owned())),
            answer => answer.map_err(CallError::of(CALL))?,
        };
        let from = moment(run.start_date)?;
        let to = run.stop_date.map_or(Ok(now), moment)?;
        // The clocks of Step Functions and of this function may differ.
        Ok(Range { from: Some(from), to: to.max(from) })
    }
}

fn moment(at: DateTime) -> Result<Timestamp, CallError> {
    Timestamp::from_nanosecond(at.as_nanos()).map_err(|error| CallError::unexpected(CALL, error.to_string()))
}

/// A name that no execution can have makes an ARN that none can have.
fn is_unknown(error: &SdkError<DescribeExecutionError>) -> bool {
    use DescribeExecutionError::{ExecutionDoesNotExist, InvalidArn};
    matches!(error.as_service_error(), Some(ExecutionDoesNotExist(_) | InvalidArn(_)))
}
