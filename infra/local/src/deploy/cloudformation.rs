//! Deploys a packaged template through the CloudFormation API.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{Capability, Parameter, Stack, StackEvent};
use spillway_aws::CallError;
use spillway_stack::Outputs;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Template parameters, by name.
pub type Parameters = BTreeMap<String, String>;

const DEADLINE: Duration = Duration::from_secs(120);

/// Why there is no stack.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// CloudFormation refused.
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the stack ended in {status}. {reason}")]
    Failed {
        status: String,
        /// Which resource failed, and why.
        reason: String,
    },
    #[error("the stack is still {status} after {} s. {reason}", DEADLINE.as_secs())]
    Late {
        status: String,
        /// What is known about failures.
        reason: String,
    },
    /// It is there, but not what this crate expects.
    #[error("the stack lacks an output: {0}")]
    Outputs(serde_json::Error),
}

/// Creates the stack `name` from the template at this address, or updates it, and waits until it is complete.
pub async fn deploy(
    cloudformation: &Client,
    name: &str,
    template_url: &str,
    parameters: &Parameters,
) -> Result<Outputs, DeployError> {
    match create(cloudformation, name, template_url, parameters).await {
        Err(error) if error.code() == Some("AlreadyExistsException") => {
            match update(cloudformation, name, template_url, parameters).await {
                Err(error) if error.says("No updates are to be performed") => {}
                updated => updated?,
            }
        }
        created => created?,
    }
    let stack = wait(cloudformation, name).await?;
    let outputs = stack.outputs().iter().filter_map(|output| Some((output.output_key()?, output.output_value()?)));
    let outputs = outputs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Outputs::from_stack(outputs).map_err(DeployError::Outputs)
}

async fn create(client: &Client, name: &str, template_url: &str, parameters: &Parameters) -> Result<(), CallError> {
    let request = client.create_stack().stack_name(name).template_url(template_url);
    let request = request.capabilities(Capability::CapabilityIam).capabilities(Capability::CapabilityAutoExpand);
    request.set_parameters(Some(list(parameters))).send().await.map_err(CallError::of("CreateStack"))?;
    Ok(())
}

async fn update(client: &Client, name: &str, template_url: &str, parameters: &Parameters) -> Result<(), CallError> {
    let request = client.update_stack().stack_name(name).template_url(template_url);
    let request = request.capabilities(Capability::CapabilityIam).capabilities(Capability::CapabilityAutoExpand);
    request.set_parameters(Some(list(parameters))).send().await.map_err(CallError::of("UpdateStack"))?;
    Ok(())
}

fn list(parameters: &Parameters) -> Vec<Parameter> {
    let parameter = |(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build();
    parameters.iter().map(parameter).collect()
}

async fn wait(client: &Client, name: &str) -> Result<Stack, DeployError> {
    let start = Instant::now();
    let mut tick = interval(Duration::from_millis(100));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let answer = client.describe_stacks().stack_name(name).send().await;
        let answer = answer.map_err(CallError::of("DescribeStacks"))?;
        let Some(stack) = answer.stacks.unwrap_or_default().into_iter().next() else { continue };
        let status = stack.stack_status().map(|status| status.as_str().to_owned()).unwrap_or_default();
        match status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" => return Ok(stack),
            busy if busy.ends_with("_IN_PROGRESS") && start.elapsed() < DEADLINE => {}
            busy if busy.ends_with("_IN_PROGRESS") => {
                return Err(DeployError::Late { status, reason: why(client, name).await? });
            }
            _ => return Err(DeployError::Failed { status, reason: why(client, name).await? }),
        }
    }
}

async fn why(client: &Client, name: &str) -> Result<String, CallError> {
    let answer = client.describe_stack_events().stack_name(name).send().await;
    let events = answer.map_err(CallError::of("DescribeStackEvents"))?.stack_events.unwrap_or_default();
    Ok(first_failure(&events))
}

/// The failure that the others followed from. Events come newest first.
fn first_failure(events: &[StackEvent]) -> String {
    let failed = |event: &&StackEvent| {
        event.resource_status().is_some_and(|status| status.as_str().ends_with("_FAILED"))
            && !event.resource_status_reason().is_some_and(|reason| reason.contains("cancelled"))
    };
    let Some(event) = events.iter().rev().find(failed) else {
        return "CloudFormation reports no failed resource".to_owned();
    };
    format!(
        "{} ({}) failed: {}",
        event.logical_resource_id().unwrap_or("a resource"),
        event.resource_type().unwrap_or("of unknown type"),
        event.resource_status_reason().unwrap_or("CloudFormation gives no reason"),
    )
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::ResourceStatus;

    use super::*;

    fn event(id: &str, status: ResourceStatus, reason: &str) -> StackEvent {
        StackEvent::builder()
            .logical_resource_id(id)
            .resource_type("AWS::SQS::Queue")
            .resource_status(status)
            .resource_status_reason(reason)
            .build()
    }

    #[test]
    fn the_resource_that_failed_first_is_the_reason() {
        let events = [
            event("stack", ResourceStatus::CreateFailed, "The following resource(s) failed to create: [Queue]"),
            event("Topic", ResourceStatus::CreateFailed, "Resource creation cancelled"),
            event("Queue", ResourceStatus::CreateFailed, "no such attribute"),
            event("Queue", ResourceStatus::CreateInProgress, ""),
        ];
        assert_eq!(first_failure(&events), "Queue (AWS::SQS::Queue) failed: no such attribute");
    }

    #[test]
    fn a_stack_that_gives_no_reason_is_said_to_give_none() {
        let events = [event("Queue", ResourceStatus::CreateComplete, "")];
        assert_eq!(first_failure(&events), "CloudFormation reports no failed resource");
    }
}
