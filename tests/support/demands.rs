//! What AWS's services need of a stack's roles, to do for it what it is configured to have done.
//!
//! MiniStack does all this without asking the roles' policies.

use std::collections::BTreeSet;

use aws_sdk_lambda::types::TracingMode;
use aws_sdk_sfn::types::LogLevel;

use crate::{Permission, Stack};

// "Granting Lambda permission to write logs", "Configuring a queue to use with Lambda", "Adding a destination for
// asynchronous invocations" and "Visualize invocations with X-Ray" in Lambda's developer guide.
const WRITE_LOGS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];
const READ_QUEUE: [&str; 3] = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
const SEND: [&str; 1] = ["sqs:SendMessage"];
const TRACE: [&str; 2] = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];
// "IAM policies for logging to CloudWatch Logs" and "IAM policies for X-Ray" in Step Functions' developer guide.
const DELIVER_LOGS: [&str; 8] = [
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
];
const SAMPLE: [&str; 2] = ["xray:GetSamplingRules", "xray:GetSamplingTargets"];

impl Stack {
    /// Everything that AWS's services need of the stack's roles.
    pub async fn demanded(&self) -> BTreeSet<Permission> {
        let roles = self.roles().await;
        let logical = |arn: Option<&str>| {
            let name = arn.and_then(|arn| arn.rsplit('/').next()).expect("a role's ARN");
            roles.iter().find(|(_, physical)| physical == name).expect("a role of the stack").0.clone()
        };
        let mut demanded = BTreeSet::new();
        let mut demand = |role: &str, actions: &[&str], resource: &str| {
            demanded.extend(actions.iter().map(|action| Permission::new(role, action, resource)));
        };
        for function in self.functions().await.into_keys() {
            let configuration = self.lambda.get_function_configuration().function_name(&function).send().await;
            let configuration = configuration.expect("a function has a configuration");
            let role = logical(configuration.role());
            demand(&role, &WRITE_LOGS, &self.log_group_arn(&self.log_group(&function).await).await);
            if configuration.tracing_config().and_then(|tracing| tracing.mode()) == Some(&TracingMode::Active) {
                demand(&role, &TRACE, "*");
            }
            let mappings = self.lambda.list_event_source_mappings().function_name(&function).send().await;
            for mapping in mappings.expect("mappings can be listed").event_source_mappings() {
                demand(&role, &READ_QUEUE, mapping.event_source_arn().expect("a queue's ARN"));
            }
            let config = self.lambda.get_function_event_invoke_config().function_name(&function).qualifier("$LATEST");
            // Few functions have one.
            if let Ok(config) = config.send().await {
                let destination = config.destination_config().and_then(|it| it.on_failure()?.destination());
                demand(&role, &SEND, destination.expect("a queue's ARN"));
            }
        }
        let outputs = self.local_aws.outputs();
        for arn in [&outputs.state_machine_arn, &outputs.audit_state_machine_arn] {
            let machine = aws_sdk_sfn::Client::new(self.local_aws.sdk_config()).describe_state_machine();
            let machine = machine.state_machine_arn(arn).send().await.expect("the state machine can be described");
            let role = logical(Some(&machine.role_arn));
            if machine.logging_configuration().is_some_and(|logging| logging.level() != Some(&LogLevel::Off)) {
                demand(&role, &DELIVER_LOGS, "*");
            }
            // MiniStack's CloudFormation forgets whether the machine is traced.
            demand(&role, &TRACE, "*");
            demand(&role, &SAMPLE, "*");
        }
        // "Configuring a dead-letter queue" in EventBridge Scheduler's user guide.
        demand("ScheduleRole", &SEND, &self.queue_arn(&self.resource("ScheduleDlq").await).await);
        demanded
    }

    async fn log_group_arn(&self, name: &str) -> String {
        let request = self.logs.describe_log_groups().log_group_name_prefix(name);
        let groups = request.send().await.expect("log groups can be listed").log_groups.unwrap_or_default();
        let named = groups.into_iter().find(|group| group.log_group_name() == Some(name));
        named.and_then(|group| group.arn).unwrap_or_else(|| panic!("there is no log group {name}"))
    }
}
