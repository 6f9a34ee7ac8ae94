//! A deployed stack, and the calls by which it says what goes on in it.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::types::{AlarmHistoryItem, HistoryItemType, MetricAlarm, ScanBy};
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionListItem, HistoryEvent};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use jiff::Timestamp;
use serde_json::Value;
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::{STATE_KEY, row_key};

use crate::ledger::Item;
use crate::record::{Millis, Queue};

/// The queues, by their names in the template: those that functions read, then those that nothing reads.
pub(crate) const QUEUES: [&str; 6] =
    ["TrackingQueue", "LoggingQueue", "TrackingDlq", "LoggingDlq", "CleanerDlq", "ScheduleDlq"];
/// The functions whose logs are read, each with its log group's name in the template.
pub(crate) const LOG_GROUPS: [(&str, &str); 5] = [
    ("SizeTracking", "SizeTrackingLogGroup"),
    ("Cleaner", "CleanerLogGroup"),
    ("Driver", "DriverLogGroup"),
    ("Logging", "LoggingLogGroup"),
    ("Plotting", "PlottingLogGroup"),
];
/// The row in which the cleaner notes where it is.
const CLEANER_KEY: &str = "__CLEANER__";
/// The partition of HistoryTable that has the cleanings.
const CLEANINGS: &str = "__CLEANINGS__";
/// How many rows of the largest objects are read at first.
const ROWS: i32 = 200;
/// DynamoDB answers so many keys at once.
const KEYS: usize = 100;

/// A deployed stack.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// Where it is, in words.
    pub place: String,
    resources: BTreeMap<String, String>,
    cloudwatch: aws_sdk_cloudwatch::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) sfn: aws_sdk_sfn::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
}

impl Stack {
    /// Asks CloudFormation what the stack of this name is made of.
    pub async fn find(config: &SdkConfig, name: &str, place: &str) -> Result<Self, CallError> {
        let cloudformation = aws_sdk_cloudformation::Client::new(config);
        let resources = cloudformation.list_stack_resources().stack_name(name).into_paginator().items().send();
        let resources = resources.collect::<Result<Vec<_>, _>>().await.map_err(CallError::of("ListStackResources"))?;
        let ids = resources.into_iter().filter_map(|it| Some((it.logical_resource_id?, it.physical_resource_id?)));
        // An AWS with an address of its own knows buckets by the path only.
        let by_path = config.endpoint_url().is_some();
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(by_path).build();
        Ok(Self {
            name: name.to_owned(),
            place: place.to_owned(),
            resources: ids.collect(),
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sfn: aws_sdk_sfn::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
        })
    }

    /// The physical id of a resource, such as a queue's URL.
    pub(crate) fn resource(&self, logical_id: &str) -> &str {
        self.resources.get(logical_id).map(String::as_str).unwrap_or_default()
    }

    pub(crate) fn bucket(&self) -> &str {
        self.resource("TestBucket")
    }

    fn machine(&self) -> &str {
        self.resource("DriverStateMachine")
    }

    pub(crate) async fn definition(&self) -> Result<Value, CallError> {
        let request = self.sfn.describe_state_machine().state_machine_arn(self.machine());
        let answer = request.send().await.map_err(CallError::of("DescribeStateMachine"))?;
        Ok(serde_json::from_str(&answer.definition).unwrap_or_default())
    }

    pub(crate) async fn start(&self, input: &str) -> Result<String, CallError> {
        let request = self.sfn.start_execution().state_machine_arn(self.machine()).input(input);
        Ok(request.send().await.map_err(CallError::of("StartExecution"))?.execution_arn)
    }

    /// The newest executions, the newest one first.
    pub(crate) async fn executions(&self) -> Result<Vec<ExecutionListItem>, CallError> {
        let request = self.sfn.list_executions().state_machine_arn(self.machine()).max_results(20);
        Ok(request.send().await.map_err(CallError::of("ListExecutions"))?.executions)
    }

    pub(crate) async fn execution(&self, arn: &str) -> Result<DescribeExecutionOutput, CallError> {
        self.sfn.describe_execution().execution_arn(arn).send().await.map_err(CallError::of("DescribeExecution"))
    }

    /// The events after number `after`, oldest first.
    pub(crate) async fn events(&self, arn: &str, after: i64) -> Result<Vec<HistoryEvent>, CallError> {
        let request = self.sfn.get_execution_history().execution_arn(arn).include_execution_data(true);
        // Most looks find a handful; the first one at a run that goes on for long finds thousands.
        let size = if after == 0 { 1000 } else { 100 };
        let mut pages = request.reverse_order(true).max_results(size).into_paginator().send();
        let mut events: Vec<HistoryEvent> = Vec::new();
        while let Some(page) = pages.next().await {
            events.extend(page.map_err(CallError::of("GetExecutionHistory"))?.events);
            if events.last().is_some_and(|oldest| oldest.id <= after + 1) {
                break;
            }
        }
        events.retain(|event| event.id > after);
        events.sort_by_key(|event| event.id);
        Ok(events)
    }

    /// What changes with every change of the ledger and of the cleaner: their rows' versions.
    pub(crate) async fn versions(&self) -> Result<[u64; 2], CallError> {
        let rows = self.items([STATE_KEY, CLEANER_KEY].map(str::to_owned).to_vec()).await?;
        let version = |key: &str| {
            let row = rows
                .iter()
                .find(|row| row.get("object_name").and_then(|it| it.as_s().ok()).is_some_and(|it| it == key));
            row.and_then(|row| row.get("version")?.as_n().ok()?.parse().ok()).unwrap_or_default()
        };
        Ok([version(STATE_KEY), version(CLEANER_KEY)])
    }

    /// The records of events after the one of this key.
    pub(crate) async fn history(&self, after: &str) -> Result<Vec<Item>, CallError> {
        self.records(self.bucket(), after).await
    }

    /// The records of cleanings that began after this.
    pub(crate) async fn cleanings(&self, after: &str) -> Result<Vec<Item>, CallError> {
        self.records(CLEANINGS, after).await
    }

    async fn records(&self, partition: &str, after: &str) -> Result<Vec<Item>, CallError> {
        let request = self.dynamodb.query().table_name(self.resource("HistoryTable")).consistent_read(true);
        let request = request.key_condition_expression("bucket_name = :partition AND event_key > :after");
        let request = request.expression_attribute_values(":partition", AttributeValue::S(partition.to_owned()));
        let request = request.expression_attribute_values(":after", AttributeValue::S(after.to_owned()));
        let items = request.into_paginator().items().send().collect::<Result<_, _>>().await;
        items.map_err(CallError::of("Query"))
    }

    /// The keys of the largest objects' rows.
    pub(crate) async fn largest(&self) -> Result<Vec<String>, CallError> {
        let request = self.dynamodb.query().table_name(self.resource("ObjectTable")).index_name("by-size");
        let request = request.key_condition_expression("bucket_name = :bucket").scan_index_forward(false).limit(ROWS);
        let bucket = AttributeValue::S(self.bucket().to_owned());
        let answer = request.expression_attribute_values(":bucket", bucket).send().await;
        let items = answer.map_err(CallError::of("Query"))?.items.unwrap_or_default();
        Ok(items.iter().filter_map(|item| item.get("object_name")?.as_s().ok().cloned()).collect())
    }

    /// The rows of these objects.
    pub(crate) async fn rows(&self, names: &[&ObjectName]) -> Result<Vec<Item>, CallError> {
        self.items(names.iter().map(|name| row_key(name)).collect()).await
    }

    pub(crate) async fn items(&self, mut keys: Vec<String>) -> Result<Vec<Item>, CallError> {
        keys.sort();
        keys.dedup();
        let table = self.resource("ObjectTable");
        let mut items = Vec::new();
        for keys in keys.chunks(KEYS) {
            let key = |key: &String| Item::from([("object_name".to_owned(), AttributeValue::S(key.clone()))]);
            let mut wanted = KeysAndAttributes::builder().consistent_read(true);
            for key in keys.iter().map(key) {
                wanted = wanted.keys(key);
            }
            let wanted = wanted.build().map_err(|error| CallError::unexpected("BatchGetItem", error.to_string()))?;
            let answer = self.dynamodb.batch_get_item().request_items(table, wanted).send().await;
            let mut answer = answer.map_err(CallError::of("BatchGetItem"))?.responses.unwrap_or_default();
            items.extend(answer.remove(table).unwrap_or_default());
        }
        Ok(items)
    }

    pub(crate) async fn alarm(&self) -> Result<Option<MetricAlarm>, CallError> {
        let request = self.cloudwatch.describe_alarms().alarm_names(self.resource("TotalSizeAlarm"));
        let alarms = request.send().await.map_err(CallError::of("DescribeAlarms"))?.metric_alarms;
        Ok(alarms.unwrap_or_default().into_iter().next())
    }

    /// The alarm's changes of state, oldest first.
    pub(crate) async fn alarm_history(&self, since: Millis) -> Result<Vec<AlarmHistoryItem>, CallError> {
        let request = self.cloudwatch.describe_alarm_history().alarm_name(self.resource("TotalSizeAlarm"));
        let request = request.history_item_type(HistoryItemType::StateUpdate).scan_by(ScanBy::TimestampAscending);
        let request = request.start_date(aws_sdk_cloudwatch::primitives::DateTime::from_millis(since));
        let items = request.into_paginator().items().send().collect::<Result<_, _>>().await;
        items.map_err(CallError::of("DescribeAlarmHistory"))
    }

    /// What a queue of [`QUEUES`] holds now.
    pub(crate) async fn queue(&self, name: &'static str) -> Result<Queue, CallError> {
        let names = [
            Attribute::ApproximateNumberOfMessages,
            Attribute::ApproximateNumberOfMessagesDelayed,
            Attribute::ApproximateNumberOfMessagesNotVisible,
        ];
        let request = self.sqs.get_queue_attributes().queue_url(self.resource(name));
        let answer = request.set_attribute_names(Some(names.to_vec())).send().await;
        let attributes = answer.map_err(CallError::of("GetQueueAttributes"))?.attributes.unwrap_or_default();
        let [waiting, delayed, in_flight] =
            names.map(|name| attributes.get(&name).and_then(|text| text.parse().ok()).unwrap_or_default());
        let at = Timestamp::now().as_millisecond();
        Ok(Queue { id: format!("{name}/{at}"), at, queue: name.to_owned(), waiting, delayed, in_flight })
    }

    /// The log events of a group of [`LOG_GROUPS`] from `from` on.
    pub(crate) async fn lines(&self, group: &str, from: Millis) -> Result<Vec<FilteredLogEvent>, CallError> {
        let request = self.logs.filter_log_events().log_group_name(self.resource(group)).start_time(from);
        let pages = request.into_paginator().send().collect::<Result<Vec<_>, _>>().await;
        let pages = pages.map_err(CallError::of("FilterLogEvents"))?;
        Ok(pages.into_iter().flat_map(|page| page.events.unwrap_or_default()).collect())
    }
}
