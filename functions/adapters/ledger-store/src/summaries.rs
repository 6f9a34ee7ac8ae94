//! What old parts of the history come to. What is in these rows, and when they are written, is `plotting`'s.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use spillway_aws::CallError;
use spillway_contracts::partition::summaries;
use spillway_contracts::summary::HistorySummary;
use spillway_ledger::fold::key_time;

use crate::history::{AFTER_ALL, Key};
use crate::item::Item;
use crate::{Store, StoreError, item};

/// The summaries of a span of time, of which no more than a page is in memory.
#[derive(Debug)]
pub struct Summaries {
    store: Store,
    partition: String,
    low: String,
    high: String,
    /// Where the next page begins.
    start: Option<Item>,
    is_over: bool,
}

impl Store {
    /// Writes a summary; the same one may be there.
    pub async fn put_summary(&self, summary: &HistorySummary) -> Result<(), StoreError> {
        let table = &self.tables.history_table;
        let request = self.client.put_item().table_name(table).set_item(Some(item::write(table, summary)?));
        request.send().await.map_err(CallError::of("PutItem"))?;
        Ok(())
    }

    /// The key of the newest summary of seconds, or of minutes. The read is consistent.
    pub async fn newest_summary(&self, of: &str) -> Result<Option<String>, StoreError> {
        let partition = summaries(&self.tables.bucket_name, of);
        let newest: Option<Key> = self.newest_before(&partition, AFTER_ALL, "event_key").await?;
        Ok(newest.map(|key| key.event_key))
    }

    /// The summaries of seconds, or of minutes, that begin in a span of time, `from` included, `to` excluded.
    pub fn summaries(&self, of: &str, from: Timestamp, to: Timestamp) -> Summaries {
        Summaries {
            store: self.clone(),
            partition: summaries(&self.tables.bucket_name, of),
            low: key_time(from),
            high: key_time(to),
            start: None,
            is_over: from >= to,
        }
    }
}

impl Summaries {
    /// The next ones, oldest first; `None` after the last. The read is consistent.
    pub async fn next(&mut self) -> Result<Option<Vec<HistorySummary>>, StoreError> {
        if self.is_over {
            return Ok(None);
        }
        let table = &self.store.tables.history_table;
        let condition = "#bucket = :bucket AND #key BETWEEN :low AND :high";
        let request = self.store.partition(&self.partition, condition, &self.low);
        let request = request.expression_attribute_values(":high", AttributeValue::S(self.high.clone()));
        let request = request.set_exclusive_start_key(self.start.take());
        let answer = request.send().await.map_err(CallError::of("Query"))?;
        self.start = answer.last_evaluated_key;
        self.is_over = self.start.is_none();
        let mut page = Vec::new();
        for row in answer.items.unwrap_or_default() {
            let summary: HistorySummary = item::read(table, row)?;
            if summary.event_key < self.high {
                page.push(summary);
            }
        }
        Ok(Some(page))
    }

    /// Whether all of them were given out.
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}
