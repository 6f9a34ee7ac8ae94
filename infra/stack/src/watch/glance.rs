//! One look at what changes: the total, the alarm, the queues, the last deletions.

use std::cmp::Reverse;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use spillway_aws::CallError;
use spillway_contracts::ledger::is_deletion;
use spillway_contracts::partition::partitions;

use crate::connection::Connection;
use crate::connection::deployed::Deployed;
use crate::error::Error;
use crate::outputs::Outputs;
use crate::{messages, state};

/// How many events are read for their deletions.
const EVENTS: usize = 50;
/// How many deletions are shown.
const DELETIONS: usize = 5;

type Item = std::collections::HashMap<String, AttributeValue>;

/// What was seen at about one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// The ledger's total, in bytes; `None` before the first event.
    pub total: Option<u64>,
    /// The total at which the alarm goes off, in bytes.
    pub threshold: u64,
    /// The alarm's state, such as `OK`.
    pub alarm: String,
    /// Since when it has been in that state.
    pub since: Option<Timestamp>,
    /// Messages in the queues of object events, each with the queue's name: waiting, delayed or being handled.
    pub queues: Vec<(&'static str, u64)>,
    /// Messages that were given up, by the same names.
    pub dead_letters: Vec<(&'static str, u64)>,
    /// The last deletions, the newest first.
    pub deletions: Vec<Deletion>,
}

/// A deletion, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The object's key.
    pub object_name: String,
    /// Its size, in bytes.
    pub size: u64,
    /// When S3 says that it happened.
    pub at: String,
}

/// Looks at one stack.
#[derive(Clone, Debug)]
pub struct Watcher {
    cloudwatch: aws_sdk_cloudwatch::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    outputs: Outputs,
}

impl Watcher {
    /// Finds the stack.
    pub async fn new(connection: &Connection) -> Result<Self, Error> {
        let config = &connection.config;
        Ok(Self {
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
            outputs: Deployed::read(connection).await?.outputs(connection)?,
        })
    }

    /// Looks once.
    pub async fn glance(&self) -> Result<Glance, CallError> {
        let outputs = &self.outputs;
        let state = state::read(&self.dynamodb, outputs);
        let (state, alarm, deletions) = tokio::try_join!(state, self.alarm(), self.deletions())?;
        let (tracking, logging, dead_tracking, dead_logging, dead_cleaner) = tokio::try_join!(
            self.messages(&outputs.tracking_queue_url),
            self.messages(&outputs.logging_queue_url),
            self.messages(&outputs.tracking_dlq_url),
            self.messages(&outputs.logging_dlq_url),
            self.messages(&outputs.cleaner_dlq_url),
        )?;
        Ok(Glance {
            total: state.map(|state| state.total_size),
            deletions,
            queues: vec![("tracking", tracking), ("logging", logging)],
            dead_letters: vec![("tracking", dead_tracking), ("logging", dead_logging), ("cleaner", dead_cleaner)],
            ..alarm
        })
    }

    /// What the alarm says.
    async fn alarm(&self) -> Result<Glance, CallError> {
        let request = self.cloudwatch.describe_alarms().alarm_names(&self.outputs.alarm_name);
        let alarms = request.send().await.map_err(CallError::of("DescribeAlarms"))?.metric_alarms;
        let Some(alarm) = alarms.unwrap_or_default().into_iter().next() else {
            return Ok(Glance { alarm: "gone".to_owned(), ..Glance::default() });
        };
        let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
        Ok(Glance {
            threshold: alarm.threshold().unwrap_or_default() as u64,
            alarm: alarm.state_value().map(|state| state.as_str().to_owned()).unwrap_or_default(),
            since: since.and_then(|since| Timestamp::from_second(since.secs()).ok()),
            ..Glance::default()
        })
    }

    async fn messages(&self, url: &str) -> Result<u64, CallError> {
        Ok(messages::count(&messages::attributes(&self.sqs, url).await?))
    }

    async fn deletions(&self) -> Result<Vec<Deletion>, CallError> {
        let newest = try_join_all(partitions(&self.outputs.test_bucket_name).map(|name| self.newest(name))).await?;
        let mut records = newest.concat();
        let key = |record: &Item| record.get("event_key").and_then(|key| key.as_s().ok()).cloned();
        records.sort_by_cached_key(|record| Reverse(key(record)));
        Ok(records.iter().take(EVENTS).filter_map(deletion).take(DELETIONS).collect())
    }

    /// The newest records of a partition of the history: as many as are needed if all of the newest are in it.
    async fn newest(&self, partition: String) -> Result<Vec<Item>, CallError> {
        let request = self.dynamodb.query().table_name(&self.outputs.history_table_name).scan_index_forward(false);
        let request = request.key_condition_expression("bucket_name = :partition").limit(EVENTS as i32);
        let request = request.expression_attribute_values(":partition", AttributeValue::S(partition));
        let answer = request.send().await.map_err(CallError::of("Query"))?;
        Ok(answer.items.unwrap_or_default())
    }
}

fn deletion(record: &Item) -> Option<Deletion> {
    let text = |name: &str| record.get(name)?.as_s().ok();
    if !is_deletion(text("event_type")?) {
        return None;
    }
    let delta: i64 = record.get("size_delta")?.as_n().ok()?.parse().ok()?;
    let (object_name, at) = (text("object_name")?.clone(), text("event_time")?.clone());
    Some(Deletion { object_name, size: delta.unsigned_abs(), at })
}
