//! Queries of HistoryTable.
//!
//! A bucket's records are spread over partitions, which are asked side by side.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use spillway_aws::CallError;
use spillway_contracts::ledger::HistoryRecord;
use spillway_contracts::partition::{in_order, partitions};
use spillway_ledger::fold::key_time;

use crate::{Store, StoreError, item};

/// No key is as small, and a key condition can't be open below.
pub(crate) const BEFORE_ALL: &str = " ";

/// No key is as large: they begin with a year.
pub(crate) const AFTER_ALL: &str = "~";

#[derive(Deserialize)]
pub(crate) struct Key {
    pub(crate) event_key: String,
}

/// A record, as far as it says where the history was.
#[derive(Deserialize)]
struct Point {
    event_key: String,
    total_size: u64,
}

impl Store {
    /// The records after `event_key`, oldest first; all of them if it is empty. The read is consistent.
    ///
    /// The partitions are not read at one moment. If a record is not there yet when its partition is read, those after it are
    /// left out. Every record that was committed before the call is there, except that a transaction becomes visible record by
    /// record.
    pub async fn history_after(&self, event_key: &str) -> Result<Vec<HistoryRecord>, StoreError> {
        let after = if event_key.is_empty() { BEFORE_ALL } else { event_key };
        let reads = partitions(&self.tables.bucket_name).map(|partition| self.records_after(partition, after));
        let records = try_join_all(reads).await?.into_iter().flatten().collect();
        Ok(in_order(event_key, records, |record: &HistoryRecord| &record.event_key))
    }

    async fn records_after(&self, partition: String, after: &str) -> Result<Vec<HistoryRecord>, StoreError> {
        let query = self.partition(&partition, "#bucket = :bucket AND #key > :low", after);
        let mut pages = query.into_paginator().items().send();
        let mut records = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(CallError::of("Query"))?;
            records.push(item::read(&self.tables.history_table, item)?);
        }
        Ok(records)
    }

    /// The key of the newest record whose key is smaller than `event_key`. The read is consistent.
    pub async fn key_before(&self, event_key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.newest_point(event_key).await?.map(|point| point.event_key))
    }

    /// The total when a moment came. The read is consistent.
    pub async fn total_before(&self, moment: Timestamp) -> Result<u64, StoreError> {
        Ok(self.newest_point(&key_time(moment)).await?.map_or(0, |point| point.total_size))
    }

    /// The newest of the bucket's records whose key is smaller than `event_key`.
    async fn newest_point(&self, event_key: &str) -> Result<Option<Point>, StoreError> {
        let newest = async |partition: String| self.newest_before(&partition, event_key, "event_key, total_size").await;
        let points: Vec<Option<Point>> = try_join_all(partitions(&self.tables.bucket_name).map(newest)).await?;
        Ok(points.into_iter().flatten().max_by(|one, other| one.event_key.cmp(&other.event_key)))
    }

    /// Attributes of the newest record of a partition whose key is smaller than `event_key`.
    pub(crate) async fn newest_before<T: DeserializeOwned>(
        &self,
        partition: &str,
        event_key: &str,
        attributes: &str,
    ) -> Result<Option<T>, StoreError> {
        let request = self
            .partition(partition, "#bucket = :bucket AND #key < :low", event_key)
            .projection_expression(attributes)
            .scan_index_forward(false)
            .limit(1);
        let answer = request.send().await.map_err(CallError::of("Query"))?;
        let item = answer.items.unwrap_or_default().pop();
        item.map(|item| item::read(&self.tables.history_table, item)).transpose()
    }

    /// A query of one of HistoryTable's partitions; `condition` says of `#bucket`, `:bucket`, `#key` and `:low` which records.
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
