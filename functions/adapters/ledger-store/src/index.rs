//! The index by size.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;
use spillway_aws::CallError;
use spillway_contracts::Sequencer;
use spillway_contracts::ledger::row_name;
use spillway_ledger::choice::Candidate;

use crate::item::{self, Item};
use crate::{Store, StoreError};

/// The name of ObjectTable's index on (`bucket_name`, `size`), as in the template.
pub const SIZE_INDEX: &str = "by-size";

/// How many objects the first page has. They are nearly always enough; if not, pages of a megabyte follow.
const FIRST_PAGE: i32 = 100;

/// Some of the bucket's objects, largest first.
#[derive(Debug)]
pub struct LargestObjects {
    /// The objects. Empty ones are left out: deleting them frees nothing.
    pub candidates: Vec<Candidate>,
    /// Where to read on; `None` if there are no more.
    pub next: Option<Item>,
}

/// What the index has of an [`ObjectRow`](spillway_contracts::ledger::ObjectRow).
#[derive(Deserialize)]
struct IndexRow {
    object_name: String,
    size: u64,
    etag: Option<String>,
    sequencer: Sequencer,
}

impl Store {
    /// A page of the bucket's objects, largest first. The index lags a little behind the table.
    pub async fn largest_objects(&self, start: Option<Item>) -> Result<LargestObjects, StoreError> {
        let table = &self.tables.object_table;
        let request = self
            .client
            .query()
            .table_name(table)
            .index_name(SIZE_INDEX)
            .key_condition_expression("#bucket = :bucket AND #size > :nothing")
            .expression_attribute_names("#bucket", "bucket_name")
            .expression_attribute_names("#size", "size")
            .expression_attribute_values(":bucket", AttributeValue::S(self.tables.bucket_name.clone()))
            .expression_attribute_values(":nothing", AttributeValue::N("0".into()))
            .scan_index_forward(false)
            .set_limit(start.is_none().then_some(FIRST_PAGE))
            .set_exclusive_start_key(start);
        let answer = request.send().await.map_err(CallError::of("Query"))?;
        let rows = answer.items.unwrap_or_default().into_iter().map(|item| item::read::<IndexRow>(table, item));
        let mut candidates = Vec::new();
        for row in rows {
            let row = row?;
            if let Some(object_name) = row_name(&row.object_name) {
                candidates.push(Candidate { object_name, size: row.size, etag: row.etag, sequencer: row.sequencer });
            }
        }
        Ok(LargestObjects { candidates, next: answer.last_evaluated_key.filter(|key| !key.is_empty()) })
    }
}
