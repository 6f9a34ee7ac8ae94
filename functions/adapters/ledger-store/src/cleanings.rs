//! What the cleaner keeps in the ledger: a row, and the records of its cleanings.

use aws_sdk_dynamodb::types::AttributeValue;
use spillway_aws::CallError;
use spillway_contracts::audit::{AUDITED_KEY, AuditedRow};
use spillway_contracts::ledger::{CLEANER_KEY, CLEANINGS_PARTITION, CleanerRow, CleaningRecord, STATE_KEY, StateRow};

use crate::commit::{Outcome, put, put_if};
use crate::history::{AFTER_ALL, Key};
use crate::rows::Reading;
use crate::{Store, StoreError, item};

/// The rows that an invocation of the cleaner begins with.
const KEYS: [&str; 3] = [STATE_KEY, CLEANER_KEY, AUDITED_KEY];

/// What an invocation of the cleaner begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The bucket's total; `None` before the first event.
    pub state: Option<StateRow>,
    /// What the last invocation left; `None` before the first.
    pub cleaner: Option<CleanerRow>,
    /// The last audit that ended well; `None` before the first.
    pub audited: Option<AuditedRow>,
}

impl Store {
    /// `__STATE__`, `__CLEANER__` and `__AUDITED__`, each read consistently.
    pub async fn standing(&self) -> Result<Standing, StoreError> {
        let table = &self.tables.object_table;
        let mut standing = Standing::default();
        for row in self.batch_get(&KEYS.map(str::to_owned), Reading::Consistent).await? {
            match row.get("object_name").and_then(|key| key.as_s().ok()).map(String::as_str) {
                Some(AUDITED_KEY) => standing.audited = Some(item::read(table, row)?),
                Some(CLEANER_KEY) => standing.cleaner = Some(item::read(table, row)?),
                _ => standing.state = Some(item::read(table, row)?),
            }
        }
        Ok(standing)
    }

    /// The records of cleanings from `event_key` on, oldest first. The read is consistent.
    pub async fn cleanings_from(&self, event_key: &str) -> Result<Vec<CleaningRecord>, StoreError> {
        self.cleanings(event_key, |_| true).await
    }

    /// Those of them whose keys are wanted. The others are read, and not kept.
    pub async fn cleanings(
        &self,
        event_key: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<CleaningRecord>, StoreError> {
        let query = self.partition(CLEANINGS_PARTITION, "#bucket = :bucket AND #key >= :low", event_key);
        let mut pages = query.into_paginator().items().send();
        let mut records = Vec::new();
        while let Some(record) = pages.next().await {
            let record: CleaningRecord =
                item::read(&self.tables.history_table, record.map_err(CallError::of("Query"))?)?;
            if is_wanted(&record.event_key) {
                records.push(record);
            }
        }
        Ok(records)
    }

    /// The records of the cleaning that began last, oldest first. The read is consistent.
    pub async fn last_cleaning(&self) -> Result<Vec<CleaningRecord>, StoreError> {
        let newest = self.newest_before(CLEANINGS_PARTITION, AFTER_ALL, "event_key").await?;
        let Some(Key { event_key }) = newest else { return Ok(Vec::new()) };
        let begun_at = event_key.split('#').next().unwrap_or_default();
        let mut records = self.cleanings_from(&format!("{begun_at}#")).await?;
        if let Some(newest) = records.last().map(|record| record.cleaning_id.clone()) {
            records.retain(|record| record.cleaning_id == newest);
        }
        Ok(records)
    }

    /// Writes `__CLEANER__` and the records, or nothing if the row's version isn't `expected` any more (`None`: if there is
    /// a row).
    pub async fn save_cleaner(
        &self,
        row: &CleanerRow,
        expected: Option<u64>,
        records: &[CleaningRecord],
    ) -> Result<Outcome, StoreError> {
        let (objects, history) = (&self.tables.object_table, &self.tables.history_table);
        let version = expected.map(|version| AttributeValue::N(version.to_string()));
        let mut actions = vec![put_if(objects, item::write(objects, row)?, "version", version)?];
        for record in records {
            actions.push(put(history, item::write(history, record)?)?);
        }
        self.transact(actions).await
    }
}
