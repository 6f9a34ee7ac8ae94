//! A deployed stack, and the calls by which it says what goes on in it.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmHistoryItem, Dimension, HistoryItemType, Metric, MetricAlarm, MetricDataQuery, MetricStat, ScanBy,
};
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionListItem, HistoryEvent};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde_json::Value;
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::{STATE_KEY, row_key};
use spillway_contracts::partition::{in_order, partitions};

use crate::history::millis;
use crate::ledger::Item;
use crate::record::{Millis, Queue};

/// The queues, by their names in the template: those that functions read, then those that nothing reads.
pub(crate) const QUEUES: [&str; 6] =
    ["TrackingQueue", "LoggingQueue", "TrackingDlq", "LoggingDlq", "CleanerDlq", "ScheduleDlq"];
/// Whose logs are read, each with the log group's name in the template.
pub(crate) const LOG_GROUPS: [(&str, &str); 6] = [
    ("SizeTracking", "SizeTrackingLogGroup"),
    ("Cleaner", "CleanerLogGroup"),
    ("Driver", "DriverLogGroup"),
    ("Logging", "LoggingLogGroup"),
    ("Plotting", "PlottingLogGroup"),
    ("Audit", "AuditLogGroup"),
];
/// The state machines, each with its name in the template.
const MACHINES: [(&str, &str); 2] = [("driver", "DriverStateMachine"), ("audit", "AuditStateMachine")];
/// What SQS tells CloudWatch of a queue, once a minute.
const DEPTHS: [&str; 3] = [
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
];
/// How often, in seconds.
const DEPTHS_EVERY: u32 = 60;
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
    /// The functions' names in the template by their own.
    functions: BTreeMap<String, String>,
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
        let resources: BTreeMap<String, String> = ids.collect();
        let functions = resources
            .iter()
            .filter_map(|(logical, physical)| Some((physical.clone(), logical.strip_suffix("Function")?.to_owned())));
        // An AWS with an address of its own knows buckets by the path only.
        let by_path = config.endpoint_url().is_some();
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(by_path).build();
        Ok(Self {
            name: name.to_owned(),
            place: place.to_owned(),
            functions: functions.collect(),
            resources,
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

    /// The functions' names in the template by their own.
    pub(crate) fn functions(&self) -> &BTreeMap<String, String> {
        &self.functions
    }

    /// The state machines that there are: their ids and their ARNs. The driver's is the first.
    pub(crate) fn machines(&self) -> impl Iterator<Item = (&'static str, &str)> {
        MACHINES.iter().map(|&(id, name)| (id, self.resource(name))).filter(|(_, arn)| !arn.is_empty())
    }

    /// The id of the state machine of an execution.
    pub(crate) fn machine_of(&self, execution_arn: &str) -> &'static str {
        let (machine, _) = execution_arn.rsplit_once(':').unwrap_or_default();
        let machine = machine.replace(":execution:", ":stateMachine:");
        self.machines().find(|(_, arn)| *arn == machine).map_or("driver", |(id, _)| id)
    }

    pub(crate) async fn definition(&self, machine_arn: &str) -> Result<Value, CallError> {
        let request = self.sfn.describe_state_machine().state_machine_arn(machine_arn);
        let answer = request.send().await.map_err(CallError::of("DescribeStateMachine"))?;
        Ok(serde_json::from_str(&answer.definition).unwrap_or_default())
    }

    pub(crate) async fn start(&self, input: &str) -> Result<String, CallError> {
        let request = self.sfn.start_execution().state_machine_arn(self.resource("DriverStateMachine")).input(input);
        Ok(request.send().await.map_err(CallError::of("StartExecution"))?.execution_arn)
    }

    /// The newest executions of a state machine, the newest one first.
    pub(crate) async fn executions(&self, machine_arn: &str) -> Result<Vec<ExecutionListItem>, CallError> {
        let request = self.sfn.list_executions().state_machine_arn(machine_arn).max_results(20);
        Ok(request.send().await.map_err(CallError::of("ListExecutions"))?.executions)
    }

    pub(crate) async fn execution(&self, arn: &str) -> Result<DescribeExecutionOutput, CallError> {
        self.sfn.describe_execution().execution_arn(arn).send().await.map_err(CallError::of("DescribeExecution"))
    }

    /// The events after number `after`, oldest first.
    pub(crate) async fn events(&self, arn: &str, after: i64) -> Result<Vec<HistoryEvent>, CallError> {
        let request = self.sfn.get_execution_history().execution_arn(arn).include_execution_data(true);
        // Most looks find none or a few, and each has what its state got and gave; the first one at a run that goes on for
        // long finds thousands.
        let size = if after == 0 { 1000 } else { 5 };
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

    /// The records of events after the one of this key, oldest first, up to the first that is not there yet.
    pub(crate) async fn history(&self, after: &str) -> Result<Vec<Item>, CallError> {
        let partitions: Vec<String> = partitions(self.bucket()).collect();
        let records = try_join_all(partitions.iter().map(|partition| self.records(partition, after))).await?;
        Ok(in_order(after, records.concat(), event_key))
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
        let request = request.start_date(DateTime::from_millis(since));
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
        Ok(Queue {
            id: format!("{name}/{at}"),
            at,
            queue: name.to_owned(),
            waiting,
            delayed,
            in_flight,
            within_seconds: None,
        })
    }

    pub(crate) async fn queue_arn(&self, name: &str) -> Result<String, CallError> {
        let request = self.sqs.get_queue_attributes().queue_url(self.resource(name));
        let answer = request.attribute_names(Attribute::QueueArn).send().await;
        let mut attributes = answer.map_err(CallError::of("GetQueueAttributes"))?.attributes.unwrap_or_default();
        let missing = || CallError::unexpected("GetQueueAttributes", "there is no ARN");
        attributes.remove(&Attribute::QueueArn).ok_or_else(missing)
    }

    /// What the queues held from `from` until `until`: the highest counts of each minute. CloudWatch has a minute a while
    /// after it is over.
    pub(crate) async fn depths(&self, from: Millis, until: Millis) -> Result<Vec<Queue>, CallError> {
        let minute = Millis::from(DEPTHS_EVERY) * 1000;
        let names = QUEUES.iter().enumerate().flat_map(|it| DEPTHS.iter().enumerate().map(move |metric| (it, metric)));
        let queries = names.map(|((queue, name), (at, metric))| {
            // A URL ends with the queue's name.
            let name = self.resource(name).rsplit('/').next().unwrap_or_default();
            let dimension = Dimension::builder().name("QueueName").value(name).build();
            let metric = Metric::builder().namespace("AWS/SQS").metric_name(*metric).dimensions(dimension).build();
            let period = DEPTHS_EVERY.cast_signed();
            let stat = MetricStat::builder().metric(metric).period(period).stat("Maximum").build();
            MetricDataQuery::builder().id(format!("q{queue}_{at}")).metric_stat(stat).build()
        });
        let request = self.cloudwatch.get_metric_data().set_metric_data_queries(Some(queries.collect()));
        let request = request.start_time(DateTime::from_millis(from - from.rem_euclid(minute)));
        let mut pages = request.end_time(DateTime::from_millis(until)).into_paginator().send();
        let mut depths: BTreeMap<(Millis, usize), [u64; 3]> = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let results = page.map_err(CallError::of("GetMetricData"))?.metric_data_results.unwrap_or_default();
            for result in results {
                let place = result.id().and_then(|id| id.strip_prefix('q')?.split_once('_'));
                let place = place.and_then(|(queue, at)| Some((queue.parse().ok()?, at.parse::<usize>().ok()?)));
                let Some((queue, at)) = place else { continue };
                for (moment, count) in result.timestamps().iter().zip(result.values()) {
                    let counts = depths.entry((millis(moment), queue)).or_default();
                    counts[at] = *count as u64;
                }
            }
        }
        let queue = |((at, queue), [waiting, delayed, in_flight]): ((Millis, usize), [u64; 3])| {
            let queue = QUEUES[queue].to_owned();
            let within_seconds = Some(DEPTHS_EVERY);
            Queue { id: format!("{queue}/{at}"), at, queue, waiting, delayed, in_flight, within_seconds }
        };
        Ok(depths.into_iter().map(queue).collect())
    }

    /// The log events of a group of [`LOG_GROUPS`] from `from` on.
    pub(crate) async fn lines(&self, group: &str, from: Millis) -> Result<Vec<FilteredLogEvent>, CallError> {
        let request = self.logs.filter_log_events().log_group_name(self.resource(group)).start_time(from);
        let pages = request.into_paginator().send().collect::<Result<Vec<_>, _>>().await;
        let pages = pages.map_err(CallError::of("FilterLogEvents"))?;
        Ok(pages.into_iter().flat_map(|page| page.events.unwrap_or_default()).collect())
    }
}

/// The key of a record of the history.
fn event_key(record: &Item) -> &str {
    record.get("event_key").and_then(|key| key.as_s().ok()).map_or("", String::as_str)
}
