//! The indexes by size and by age.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Deserialize;
use spillway_aws::CallError;
use spillway_contracts::Sequencer;
use spillway_contracts::ledger::row_name;
use spillway_contracts::rule::DeleteFirst;
use spillway_ledger::Row;
use spillway_ledger::choice::Candidate;

use crate::item::{self, Item};
use crate::{Store, StoreError};

/// How many objects the first page has. They are nearly always enough; if not, pages of a megabyte follow.
const FIRST_PAGE: i32 = 100;

/// Some of the bucket's objects, in the order in which they go.
#[derive(Debug)]
pub struct CandidatesPage {
    /// The objects. Empty ones are left out: deleting them frees nothing.
    pub candidates: Vec<Candidate>,
    /// Where to read on; `None` if there are no more.
    pub next: Option<Item>,
}

/// What an index has of an [`ObjectRow`](spillway_contracts::ledger::ObjectRow).
#[derive(Deserialize)]
struct IndexRow {
    object_name: String,
    size: u64,
    etag: Option<String>,
    sequencer: Sequencer,
    last_modified_ms: Option<i64>,
}

impl Store {
    /// A page of the bucket's objects, in the order in which they go. The index lags a little behind the table. The one by size
    /// doesn't say when objects were written: [`look_up_ages`](Self::look_up_ages) does.
    pub async fn candidates(
        &self,
        delete_first: DeleteFirst,
        start: Option<Item>,
    ) -> Result<CandidatesPage, StoreError> {
        let (index, keys, filter, is_forward) = match delete_first {
            DeleteFirst::Largest => ("by-size", "#bucket = :bucket AND #size > :nothing", None, false),
            DeleteFirst::Oldest => ("by-age", "#bucket = :bucket", Some("#size > :nothing"), true),
        };
        let table = &self.tables.object_table;
        let request = self
            .client
            .query()
            .table_name(table)
            .index_name(index)
            .key_condition_expression(keys)
            .set_filter_expression(filter.map(str::to_owned))
            .expression_attribute_names("#bucket", "bucket_name")
            .expression_attribute_names("#size", "size")
            .expression_attribute_values(":bucket", AttributeValue::S(self.tables.bucket_name.clone()))
            .expression_attribute_values(":nothing", AttributeValue::N("0".into()))
            .scan_index_forward(is_forward)
            .set_limit(start.is_none().then_some(FIRST_PAGE))
            .set_exclusive_start_key(start);
        let answer = request.send().await.map_err(CallError::of("Query"))?;
        let rows = answer.items.unwrap_or_default().into_iter().map(|item| item::read::<IndexRow>(table, item));
        let mut candidates = Vec::new();
        for row in rows {
            let row = row?;
            let last_modified = row.last_modified_ms.and_then(|at| Timestamp::from_millisecond(at).ok());
            if let Some(object_name) = row_name(&row.object_name) {
                let (size, etag, sequencer) = (row.size, row.etag, row.sequencer);
                candidates.push(Candidate { object_name, size, etag, sequencer, last_modified });
            }
        }
        Ok(CandidatesPage { candidates, next: answer.last_evaluated_key.filter(|key| !key.is_empty()) })
    }

    /// Reads from their rows when objects were written. An object that was written again since the index was read keeps none.
    pub async fn look_up_ages(&self, candidates: &mut [Candidate]) -> Result<(), StoreError> {
        let unknown = candidates.iter().filter(|candidate| candidate.last_modified.is_none());
        let names: BTreeSet<_> = unknown.map(|candidate| candidate.object_name.clone()).collect();
        let rows = self.rows(&names).await?;
        for candidate in candidates.iter_mut().filter(|candidate| candidate.last_modified.is_none()) {
            if let Some(Row::Live(row)) = rows.get(&candidate.object_name)
                && row.sequencer == candidate.sequencer
            {
                candidate.last_modified = Some(row.last_modified());
            }
        }
        Ok(())
    }
}
