//! Rows as DynamoDB items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use spillway_contracts::ledger::HistoryRecord;
use spillway_contracts::partition::partition;
use spillway_ledger::Row;

use crate::StoreError;

pub type Item = HashMap<String, AttributeValue>;

pub fn read<T: DeserializeOwned>(table: &str, item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|error| corrupt(table, &error))
}

pub fn write<T: Serialize>(table: &str, row: &T) -> Result<Item, StoreError> {
    serde_dynamo::to_item(row).map_err(|error| corrupt(table, &error))
}

/// Only a row of an object that is in the bucket has a size.
pub fn read_row(table: &str, item: Item) -> Result<Row, StoreError> {
    if item.contains_key("size") { read(table, item).map(Row::Live) } else { read(table, item).map(Row::Tombstone) }
}

pub fn write_row(table: &str, row: &Row) -> Result<Item, StoreError> {
    match row {
        Row::Live(row) => write(table, row),
        Row::Tombstone(row) => write(table, row),
    }
}

/// The record in its partition. Whoever reads it as a [`HistoryRecord`] finds the bucket there again.
pub fn write_record(table: &str, record: &HistoryRecord) -> Result<Item, StoreError> {
    let mut item = write(table, record)?;
    let partition = partition(&record.bucket_name, &record.event_key);
    item.insert("bucket_name".into(), AttributeValue::S(partition));
    Ok(item)
}

fn corrupt(table: &str, error: &serde_dynamo::Error) -> StoreError {
    StoreError::Corrupt { table: table.into(), reason: error.to_string() }
}
