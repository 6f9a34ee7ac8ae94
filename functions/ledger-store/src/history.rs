//! Queries of HistoryTable.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use spillway_boundary::AwsCallError;
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::HistoryRecord;
use spillway_ledger::fold::key_time;

use crate::{Store, StoreError, item};

/// How many of the newest records count as recent: one read's worth of rows, with `__STATE__`.
const RECENT: i32 = 99;

impl Store {
    /// The records behind `event_key`, oldest first; all of them if it is empty. The read is consistent.
    pub async fn history_after(&self, event_key: &str) -> Result<Vec<HistoryRecord>, StoreError> {
        // A key condition can't be open below, and no key is as small as a space.
        let after = if event_key.is_empty() { " " } else { event_key };
        self.query("#bucket = :bucket AND #key > :low", after, None).await
    }

    /// The records committed in a span of time, oldest first: `from` included, `to` excluded.
    pub async fn history_between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<HistoryRecord>, StoreError> {
        let (low, high) = (key_time(from), key_time(to));
        self.query("#bucket = :bucket AND #key BETWEEN :low AND :high", &low, Some(&high)).await
    }

    /// The names of the objects in the newest records, at most 99 of them. The read is consistent.
    pub async fn recently_changed(&self) -> Result<BTreeSet<ObjectName>, StoreError> {
        let table = &self.tables.history_table;
        let request = self
            .client
            .query()
            .table_name(table)
            .key_condition_expression("#bucket = :bucket")
            .expression_attribute_names("#bucket", "bucket_name")
            .expression_attribute_values(":bucket", AttributeValue::S(self.tables.bucket_name.clone()))
            .scan_index_forward(false)
            .limit(RECENT)
            .consistent_read(true);
        let answer = request.send().await.map_err(|error| AwsCallError::new("Query", error))?;
        let records = answer.items.unwrap_or_default().into_iter().map(|item| item::read::<HistoryRecord>(table, item));
        records.map(|record| Ok(record?.object_name)).collect()
    }

    async fn query(&self, condition: &str, low: &str, high: Option<&str>) -> Result<Vec<HistoryRecord>, StoreError> {
        let table = &self.tables.history_table;
        let request = self
            .client
            .query()
            .table_name(table)
            .key_condition_expression(condition)
            .expression_attribute_names("#bucket", "bucket_name")
            .expression_attribute_names("#key", "event_key")
            .expression_attribute_values(":bucket", AttributeValue::S(self.tables.bucket_name.clone()))
            .expression_attribute_values(":low", AttributeValue::S(low.into()))
            .consistent_read(true);
        let request = match high {
            Some(high) => request.expression_attribute_values(":high", AttributeValue::S(high.into())),
            None => request,
        };
        let mut pages = request.into_paginator().items().send();
        let mut records = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| AwsCallError::new("Query", error))?;
            records.push(item::read(table, item)?);
        }
        Ok(records)
    }
}
