//! The functions of a live stack: their names, what they log, and how to break them.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::StackResource;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Environment, InvocationType};
use serde_json::Value;

use crate::{Stack, kebab_case};

/// The functions of the pipeline that an event passes through, by the names of their crates.
pub const PIPELINE: &[&str] = FUNCTIONS.split_at(4).0;

/// The functions whose crate is a function's alone, by its name: the pipeline's without usage, which links the cleaner, then those of
/// the driver in the order of a run.
pub const FUNCTIONS: [&str; 11] = [
    "size-tracking",
    "logging",
    "cleaner",
    "plotting",
    "prepare-run",
    "align-window",
    "upload",
    "wait-for-deletion",
    "wait-for-alarm-ok",
    "check-run",
    "call-plot-api",
];

impl Stack {
    /// The functions' names and their binaries: `SizeTrackingFunction` runs `size-tracking`.
    pub async fn functions(&self) -> BTreeMap<String, String> {
        let function = |resource: &StackResource| {
            let id = resource.logical_resource_id()?.strip_suffix("Function")?;
            Some((resource.physical_resource_id()?.to_owned(), kebab_case(id)))
        };
        self.resources().await.iter().filter_map(function).collect()
    }

    /// The name of the function that runs this binary.
    pub async fn function(&self, binary: &str) -> String {
        let functions = self.functions().await.into_iter();
        let named = functions.filter(|(_, of)| of == binary).map(|(name, _)| name).next();
        named.unwrap_or_else(|| panic!("no function of the stack runs {binary}"))
    }

    /// Invokes a function as AWS services do that don't wait for its answer.
    pub async fn invoke(&self, function: &str, event: &Value) {
        let request = self.lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
        request.payload(Blob::new(event.to_string())).send().await.expect("the function can be invoked");
    }

    /// Stops a function as infra/README.md says, or lets it go on.
    pub async fn stop(&self, function: &str, is_stopped: bool) {
        if is_stopped {
            let request = self.lambda.put_function_concurrency().function_name(function);
            request.reserved_concurrent_executions(0).send().await.expect("functions are stopped");
        } else {
            let request = self.lambda.delete_function_concurrency().function_name(function);
            request.send().await.expect("functions go on");
        }
    }

    /// Invokes a function and waits for its answer; the error is Lambda's.
    pub async fn answer(&self, function: &str, event: &Value) -> Result<Value, String> {
        let request = self.lambda.invoke().function_name(function).payload(Blob::new(event.to_string()));
        let answer = request.send().await.map_err(|error| error.code().unwrap_or_default().to_owned())?;
        Ok(serde_json::from_slice(answer.payload.unwrap_or_else(|| Blob::new("null")).as_ref()).expect("JSON"))
    }

    /// Takes from AWS's services the permission to invoke the function.
    pub async fn forbid_invocations(&self, function: &str) {
        let policy = self.lambda.get_policy().function_name(function).send().await.expect("a policy").policy;
        let policy: Value = serde_json::from_str(&policy.unwrap_or_default()).expect("a policy is JSON");
        for statement in policy["Statement"].as_array().expect("statements") {
            let id = statement["Sid"].as_str().expect("a statement has a name");
            let request = self.lambda.remove_permission().function_name(function).statement_id(id);
            request.send().await.expect("the permission can be taken");
        }
    }

    /// Gives the function's environment another value for a variable, as a bad deployment does; gives the one it had.
    pub async fn set_variable(&self, function: &str, name: &str, value: &str) -> String {
        let configuration = self.lambda.get_function_configuration().function_name(function).send().await;
        let environment = configuration.expect("the function is there").environment;
        let mut variables = environment.and_then(|it| it.variables).unwrap_or_default();
        let before = variables.insert(name.to_owned(), value.to_owned()).expect("the variable is set");
        let environment = Environment::builder().set_variables(Some(variables)).build();
        let request = self.lambda.update_function_configuration().function_name(function).environment(environment);
        request.send().await.expect("the function can be changed");
        before
    }

    /// Where a function's log lines go.
    pub async fn log_group(&self, function: &str) -> String {
        let configuration = self.lambda.get_function_configuration().function_name(function).send().await;
        let logging = configuration.expect("the function is there").logging_config;
        logging.and_then(|logging| logging.log_group).unwrap_or_else(|| format!("/aws/lambda/{function}"))
    }

    /// The log lines of a function that are JSON, in the order of each of its processes.
    pub async fn log_lines(&self, function: &str) -> Vec<Value> {
        let messages = self.log_messages(&self.log_group(function).await).await;
        messages.iter().filter_map(|message| serde_json::from_str(message).ok()).collect()
    }

    /// Everything in a log group, in the order of each process.
    pub async fn log_messages(&self, group: &str) -> Vec<String> {
        let streams = self.logs.describe_log_streams().log_group_name(group).into_paginator().items().send();
        let mut messages = Vec::new();
        for stream in streams.collect::<Result<Vec<_>, _>>().await.expect("log streams") {
            let request = self.logs.get_log_events().log_group_name(group).start_from_head(true);
            let request = request.set_log_stream_name(stream.log_stream_name);
            let events = request.send().await.expect("log lines").events.unwrap_or_default();
            messages.extend(events.into_iter().filter_map(|event| event.message));
        }
        messages
    }
}
