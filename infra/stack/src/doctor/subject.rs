//! The stack that is examined: what it is made of, and clients for looking at it.

use std::collections::BTreeMap;

use spillway_aws::CallError;

use super::finding::Finding;
use super::stack;
use crate::connection::Connection;
use crate::connection::deployed::Deployed;
use crate::error::Error;
use crate::outputs::Outputs;

/// A stack whose pieces can be found.
pub(super) struct Subject<'a> {
    pub(super) connection: &'a Connection,
    pub(super) outputs: Outputs,
    parameters: BTreeMap<String, String>,
    resources: BTreeMap<String, String>,
    arn: String,
    pub(super) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(super) dynamodb: aws_sdk_dynamodb::Client,
    pub(super) eventbridge: aws_sdk_eventbridge::Client,
    pub(super) lambda: aws_sdk_lambda::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) scheduler: aws_sdk_scheduler::Client,
    pub(super) sfn: aws_sdk_sfn::Client,
    pub(super) sns: aws_sdk_sns::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
}

impl<'a> Subject<'a> {
    /// Asks CloudFormation, and judges what it says of the stack as a whole. There is no subject without outputs.
    pub(super) async fn read(connection: &'a Connection) -> Result<(Option<Self>, Vec<Finding>), Error> {
        let config = &connection.config;
        let deployed = Deployed::read(connection).await?;
        let resources = match resources(connection).await {
            Ok(resources) => resources,
            Err(error) => return Ok((None, vec![Finding::unseen("resources", &deployed.arn, &error)])),
        };
        let findings = stack::judge(connection, &deployed, &resources);
        let Ok(outputs) = deployed.outputs(connection) else { return Ok((None, findings)) };
        let subject = Self {
            connection,
            outputs,
            parameters: deployed.parameters,
            resources,
            arn: deployed.arn,
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            eventbridge: aws_sdk_eventbridge::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            s3: connection.s3(),
            scheduler: aws_sdk_scheduler::Client::new(config),
            sfn: aws_sdk_sfn::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
        };
        Ok((Some(subject), findings))
    }

    /// The physical id of a resource, by its name in the template; empty if the stack has none, which is a finding already.
    pub(super) fn resource(&self, logical_id: &str) -> &str {
        self.resources.get(logical_id).map(String::as_str).unwrap_or_default()
    }

    /// A parameter that the stack was deployed with.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Whether the bucket existed before the stack.
    pub(super) fn has_existing_bucket(&self) -> bool {
        !self.parameter("ExistingBucketName").is_empty()
    }

    /// The part of the stack's ARN with this number: partition 1, region 3, account 4.
    fn part(&self, number: usize) -> &str {
        self.arn.split(':').nth(number).unwrap_or_default()
    }

    pub(super) fn region(&self) -> &str {
        self.part(3)
    }

    pub(super) fn account(&self) -> &str {
        self.part(4)
    }

    /// The ARN of something in the stack's account and region.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.part(1), self.part(3), self.part(4))
    }

    pub(super) fn bucket_arn(&self) -> String {
        format!("arn:{}:s3:::{}", self.part(1), self.outputs.test_bucket_name)
    }

    pub(super) fn role_arn(&self, logical_id: &str) -> String {
        format!("arn:{}:iam::{}:role/{}", self.part(1), self.part(4), self.resource(logical_id))
    }

    pub(super) fn queue_arn(&self, url: &str) -> String {
        self.arn("sqs", url.rsplit('/').next().unwrap_or_default())
    }

    pub(super) fn function_arn(&self, logical_id: &str) -> String {
        self.arn("lambda", &format!("function:{}", self.resource(logical_id)))
    }

    /// The namespace of the stack's own metrics.
    pub(super) fn namespace(&self) -> String {
        format!("Spillway/{}", self.connection.stack_name)
    }

    /// A command of the AWS CLI on this stack.
    pub(super) fn aws(&self, words: &[&str]) -> String {
        self.connection.aws(words.iter().copied())
    }
}

async fn resources(connection: &Connection) -> Result<BTreeMap<String, String>, CallError> {
    let client = aws_sdk_cloudformation::Client::new(&connection.config);
    let resources = client.list_stack_resources().stack_name(&connection.stack_name).into_paginator().items().send();
    let resources = resources.collect::<Result<Vec<_>, _>>().await.map_err(CallError::of("ListStackResources"))?;
    let ids = resources.into_iter().filter_map(|it| Some((it.logical_resource_id?, it.physical_resource_id?)));
    Ok(ids.collect())
}
