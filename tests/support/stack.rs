//! A live stack on a local AWS of its own.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::StackResource;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{NotificationConfiguration, Tag, Tagging};
use serde_json::Value;
use spillway_cloudwatch::definition::SHORTEST_PERIOD;
use spillway_contracts::audit::AuditReport;
use spillway_contracts::ledger::STATE_KEY;
use spillway_contracts::report::RunReport;
use spillway_local::emulator::client;
use spillway_local::{LocalAws, Options};
use spillway_stack::progress::Reporter;
use spillway_stack::run::execution::{Driver, Ending};

/// A stack that a test drives, and looks into with root's eyes.
pub struct Stack {
    /// The local AWS that it runs on.
    pub local_aws: LocalAws,
    /// Starts and follows executions.
    pub driver: Driver,
    /// Looks into buckets.
    pub s3: aws_sdk_s3::Client,
    /// Looks into tables.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Looks into queues.
    pub sqs: aws_sdk_sqs::Client,
    /// Looks into logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    pub lambda: aws_sdk_lambda::Client,
}

/// An item of a table, with its numbers and texts as JSON has them.
pub type Item = BTreeMap<String, Value>;

impl Stack {
    /// Starts one.
    pub async fn up() -> Self {
        Self::with(&[]).await
    }

    /// Starts one with these parameters of the template, with an alarm of the shortest period that the local CloudWatch
    /// knows, and with no schedule that would act while a test looks on.
    pub async fn with(parameters: &[(&str, &str)]) -> Self {
        Self::with_period(SHORTEST_PERIOD.unsigned_abs(), parameters).await
    }

    /// Like [`Stack::with`], with an alarm of this period, in seconds.
    pub async fn with_period(alarm_period: u32, parameters: &[(&str, &str)]) -> Self {
        Self::after(alarm_period, parameters, async |_| {}).await
    }

    /// Like [`Stack::with`], for this bucket, which `prepare` fills and configures before there is a stack.
    pub async fn for_existing(
        bucket: &str,
        parameters: &[(&str, &str)],
        prepare: impl AsyncFnOnce(&SdkConfig),
    ) -> Self {
        let parameters = [parameters, &[("ExistingBucketName", bucket)]].concat();
        let make = async |config: &SdkConfig| {
            let made = client::s3(config).create_bucket().bucket(bucket).send().await;
            made.expect("a bucket can be made");
            prepare(config).await;
        };
        Self::after(SHORTEST_PERIOD.unsigned_abs(), &parameters, make).await
    }

    async fn after(alarm_period: u32, parameters: &[(&str, &str)], prepare: impl AsyncFnOnce(&SdkConfig)) -> Self {
        let mut options = Options { alarm_period, ..Options::default() };
        options.parameters.insert("SafetyNetExpression".to_owned(), "rate(1 day)".to_owned());
        options.parameters.extend(parameters.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        let local_aws = LocalAws::up_after(options, prepare).await.unwrap_or_else(|error| panic!("{error}"));
        let config = local_aws.sdk_config();
        Self {
            driver: Driver::new(config, local_aws.outputs()),
            s3: client::s3(config),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            local_aws,
        }
    }

    /// Runs the scenario to its end.
    pub async fn run(&self, input: Value) -> Ending {
        let execution = self.start(input).await;
        self.end_of(&execution).await
    }

    pub async fn start(&self, input: Value) -> String {
        self.driver.start(&input.to_string()).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Has the ledger audited to the end.
    pub async fn audit(&self, input: Value) -> Ending {
        let execution = self.start_audit(input).await;
        self.end_of(&execution).await
    }

    pub async fn start_audit(&self, input: Value) -> String {
        let auditor = Driver::of_audits(self.local_aws.sdk_config(), self.local_aws.outputs());
        auditor.start(&input.to_string()).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Has the ledger audited, which must succeed.
    pub async fn audited(&self, input: Value) -> AuditReport {
        match self.audit(input).await {
            Ending::Succeeded(report) => serde_json::from_str(&report).expect("a report keeps its contract"),
            failed @ Ending::Failed { .. } => panic!("{failed:?}"),
        }
    }

    /// Waits for the end of an execution.
    pub async fn end_of(&self, execution: &str) -> Ending {
        self.driver.follow(execution, &Reporter::silent()).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs the scenario, which must succeed.
    pub async fn report(&self, input: Value) -> RunReport {
        self.run(input).await.report().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The ARNs of the executions that were started, by hand or by the schedule, the first one first.
    pub async fn executions(&self) -> Vec<String> {
        let sfn = aws_sdk_sfn::Client::new(self.local_aws.sdk_config());
        let request = sfn.list_executions().state_machine_arn(&self.local_aws.outputs().state_machine_arn);
        let executions = request.send().await.expect("executions can be listed").executions;
        executions.into_iter().rev().map(|execution| execution.execution_arn).collect()
    }

    pub async fn resources(&self) -> Vec<StackResource> {
        let cloudformation = aws_sdk_cloudformation::Client::new(self.local_aws.sdk_config());
        let request = cloudformation.describe_stack_resources().stack_name(self.local_aws.stack_name());
        request.send().await.expect("the stack has resources").stack_resources.unwrap_or_default()
    }

    /// The physical id of a resource, such as a queue's URL.
    pub async fn resource(&self, logical_id: &str) -> String {
        let mut resources = self.resources().await.into_iter();
        let named = resources.find(|resource| resource.logical_resource_id() == Some(logical_id));
        named.and_then(|resource| resource.physical_resource_id).unwrap_or_else(|| panic!("there is no {logical_id}"))
    }

    /// The keys and sizes of the objects in the bucket.
    pub async fn objects(&self) -> BTreeMap<String, i64> {
        let request = self.s3.list_objects_v2().bucket(&self.local_aws.outputs().test_bucket_name);
        let pages =
            request.into_paginator().send().collect::<Result<Vec<_>, _>>().await.expect("the bucket can be listed");
        let objects = pages.into_iter().flat_map(|page| page.contents.unwrap_or_default());
        objects.map(|object| (object.key.unwrap_or_default(), object.size.unwrap_or_default())).collect()
    }

    /// Puts an object that no run has put there.
    pub async fn put(&self, key: &str, bytes: usize) {
        let request = self.s3.put_object().bucket(&self.local_aws.outputs().test_bucket_name).key(key);
        request.body(ByteStream::from(vec![b'x'; bytes])).send().await.expect("an object can be put");
    }

    /// Tags an object, which doesn't change what the bucket holds.
    pub async fn tag(&self, key: &str) {
        let tag = Tag::builder().key("tag").value("value").build().expect("a tag");
        let tags = Tagging::builder().tag_set(tag).build().expect("tags");
        let request = self.s3.put_object_tagging().bucket(&self.local_aws.outputs().test_bucket_name).key(key);
        request.tagging(tags).send().await.expect("an object can be tagged");
    }

    /// Has S3 be told once more where its events go, which it tries with `s3:TestEvent`.
    pub async fn configure_notifications_again(&self) {
        let bucket = &self.local_aws.outputs().test_bucket_name;
        let answer = self.s3.get_bucket_notification_configuration().bucket(bucket).send().await;
        let topics = answer.expect("the bucket has a configuration").topic_configurations;
        let configuration = NotificationConfiguration::builder().set_topic_configurations(topics).build();
        let request = self.s3.put_bucket_notification_configuration().bucket(bucket);
        request.notification_configuration(configuration).send().await.expect("notifications can be configured");
    }

    pub async fn delete(&self, key: &str) {
        let request = self.s3.delete_object().bucket(&self.local_aws.outputs().test_bucket_name).key(key);
        request.send().await.expect("an object can be deleted");
    }

    /// Every item of a table.
    pub async fn items(&self, table: &str) -> Vec<Item> {
        let items =
            self.dynamodb.scan().table_name(table).into_paginator().items().send().collect::<Result<Vec<_>, _>>();
        items.await.expect("the table can be scanned").into_iter().map(plain).collect()
    }

    /// The ledger's total, in bytes; `None` before the first event.
    pub async fn total_size(&self) -> Option<i64> {
        self.row(STATE_KEY).await?.get("total_size")?.as_i64()
    }

    /// The item of ObjectTable with this key.
    pub async fn row(&self, key: &str) -> Option<Item> {
        let key = AttributeValue::S(key.into());
        let request = self.dynamodb.get_item().table_name(&self.local_aws.outputs().object_table_name);
        let answer = request.key("object_name", key).consistent_read(true).send().await;
        answer.expect("a row can be read").item.map(plain)
    }
}

fn plain(item: std::collections::HashMap<String, AttributeValue>) -> Item {
    serde_dynamo::from_item(item).expect("items are JSON")
}
