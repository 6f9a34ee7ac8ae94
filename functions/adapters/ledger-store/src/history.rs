//! Queries of HistoryTable.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::HistoryRecord;
use spillway_ledger::fold::key_time;

use crate::item::Item;
use crate::{Store, StoreError, item};

/// No key is as small, and a key condition can't be open below.
const BEFORE_ALL: &str = " ";

/// What a history record says of the total.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HistoryChange {
    /// The object's key, as it is.
    pub object_name: ObjectName,
    /// S3's name of the event, such as `ObjectCreated:Put`.
    pub event_type: String,
    /// What the event changed the total by, in bytes.
    pub size_delta: i64,
    /// The total after the event, in bytes.
    pub total_size: u64,
    /// When the ledger recorded it.
    pub committed_at: Timestamp,
}

/// The attributes of a [`HistoryChange`].
const CHANGE: &str = "object_name, event_type, size_delta, total_size, committed_at";

/// As many changes as one read gives.
#[derive(Clone, Debug)]
pub struct ChangesPage {
    /// The changes, oldest first.
    pub changes: Vec<HistoryChange>,
    /// Where the next page begins, if there is one.
    pub next: Option<Item>,
}

#[derive(Deserialize)]
pub(crate) struct Key {
    pub(crate) event_key: String,
}

#[derive(Deserialize)]
struct Total {
    total_size: u64,
}

impl Store {
    /// The records after `event_key`, oldest first; all of them if it is empty. The read is consistent.
    pub async fn history_after(&self, event_key: &str) -> Result<Vec<HistoryRecord>, StoreError> {
        let after = if event_key.is_empty() { BEFORE_ALL } else { event_key };
        let mut pages = self.history("#bucket = :bucket AND #key > :low", after).into_paginator().items().send();
        let mut records = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(CallError::of("Query"))?;
            records.push(item::read(&self.tables.history_table, item)?);
        }
        Ok(records)
    }

    /// The key of the newest record whose key is smaller than `event_key`. The read is consistent.
    pub async fn key_before(&self, event_key: &str) -> Result<Option<String>, StoreError> {
        let newest: Option<Key> = self.newest_before(&self.tables.bucket_name, event_key, "event_key").await?;
        Ok(newest.map(|Key { event_key }| event_key))
    }

    /// A page of the changes committed in a span of time, `from` included, `to` excluded: the first page, or that which
    /// begins at `start`.
    ///
    /// The first page and the last are read consistently, so that what was recorded a moment ago is there. Those between
    /// are not, because that takes half the time: DynamoDB reads 12 MB of a partition a second consistently, and 24 MB
    /// else (3,000 read units of 4 or 8 KB).
    pub async fn changes(
        &self,
        from: Option<Timestamp>,
        to: Timestamp,
        start: Option<Item>,
    ) -> Result<ChangesPage, StoreError> {
        let low = from.map_or_else(|| BEFORE_ALL.to_owned(), key_time);
        let is_first = start.is_none();
        let request = self
            .history("#bucket = :bucket AND #key BETWEEN :low AND :high", &low)
            .expression_attribute_values(":high", AttributeValue::S(key_time(to)))
            .projection_expression(CHANGE)
            .set_exclusive_start_key(start);
        let send = async |request: QueryFluentBuilder| request.send().await.map_err(CallError::of("Query"));
        let mut answer = send(request.clone().consistent_read(is_first)).await?;
        if !is_first && answer.last_evaluated_key.is_none() {
            answer = send(request).await?;
        }
        let items = answer.items.unwrap_or_default().into_iter();
        let changes = items.map(|item| item::read(&self.tables.history_table, item)).collect::<Result<_, _>>()?;
        Ok(ChangesPage { changes, next: answer.last_evaluated_key })
    }

    /// The total when a moment came. The read is consistent.
    pub async fn total_before(&self, moment: Timestamp) -> Result<u64, StoreError> {
        let newest = self.newest_before(&self.tables.bucket_name, &key_time(moment), "total_size").await?;
        Ok(newest.map_or(0, |Total { total_size }| total_size))
    }

    /// An attribute of the newest record of a partition whose key is smaller than `event_key`.
    pub(crate) async fn newest_before<T: DeserializeOwned>(
        &self,
        partition: &str,
        event_key: &str,
        attribute: &str,
    ) -> Result<Option<T>, StoreError> {
        let request = self
            .partition(partition, "#bucket = :bucket AND #key < :low", event_key)
            .projection_expression(attribute)
            .scan_index_forward(false)
            .limit(1);
        let answer = request.send().await.map_err(CallError::of("Query"))?;
        let item = answer.items.unwrap_or_default().pop();
        item.map(|item| item::read(&self.tables.history_table, item)).transpose()
    }

    /// A query of the bucket's records; `condition` says of `#bucket`, `:bucket`, `#key` and `:low` which.
    fn history(&self, condition: &str, low: &str) -> QueryFluentBuilder {
        self.partition(&self.tables.bucket_name, condition, low)
    }

    /// A query of one of HistoryTable's partitions; `condition` is as above.
    pub(crate) fn partition(&self, name: &str, condition: &str, low: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.history_table)
            .key_condition_expression(condition)
            .expression_attribute_names("#bucket", "bucket_name")
            .expression_attribute_names("#key", "event_key")
            .expression_attribute_values(":bucket", AttributeValue::S(name.into()))
            .expression_attribute_values(":low", AttributeValue::S(low.into()))
            .consistent_read(true)
    }
}
