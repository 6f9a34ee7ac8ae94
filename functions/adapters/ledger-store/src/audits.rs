//! What an audit reads of the ledger, and what it keeps there besides its repairs.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_contracts::audit::{AUDITED_KEY, AUDITS_PARTITION, AuditFindings, AuditedRow, Difference, Found};
use spillway_contracts::ledger::{ObjectRow, STATE_KEY, StateRow, row_name};
use spillway_ledger::Row;

use crate::rows::Reading;
use crate::{Store, StoreError, item};

/// How many examples of what differs a report has.
const EXAMPLES: usize = 20;

/// A page of a segment of ObjectTable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowsPage {
    /// The objects that the ledger counts.
    pub rows: Vec<(ObjectName, ObjectRow)>,
    /// The key of the last row that was read; `None` if it was the segment's last.
    pub after: Option<String>,
}

impl Store {
    /// The rows of objects as they were up to a moment ago, for half the price of what they are now.
    pub async fn rows_of_late(&self, names: &BTreeSet<ObjectName>) -> Result<BTreeMap<ObjectName, Row>, StoreError> {
        self.rows_by(names, Reading::Eventual).await
    }

    /// `__STATE__` and `__AUDITED__`, each read consistently.
    pub async fn audited(&self) -> Result<(Option<StateRow>, Option<AuditedRow>), StoreError> {
        let table = &self.tables.object_table;
        let (mut state, mut audited) = (None, None);
        for row in self.batch_get(&[STATE_KEY.to_owned(), AUDITED_KEY.to_owned()], Reading::Consistent).await? {
            match row.get("object_name").and_then(|key| key.as_s().ok()).map(String::as_str) {
                Some(AUDITED_KEY) => audited = Some(item::read(table, row)?),
                _ => state = Some(item::read(table, row)?),
            }
        }
        Ok((state, audited))
    }

    /// Writes `__AUDITED__`.
    pub async fn save_audited(&self, row: &AuditedRow) -> Result<(), StoreError> {
        let table = &self.tables.object_table;
        let request = self.client.put_item().table_name(table).set_item(Some(item::write(table, row)?));
        request.send().await.map_err(CallError::of("PutItem"))?;
        Ok(())
    }

    /// The objects that a part of a segment of ObjectTable counts, from the row after this key on. The read is consistent.
    pub async fn segment(&self, segment: u32, of: u32, after: Option<&str>) -> Result<RowsPage, StoreError> {
        let table = &self.tables.object_table;
        let request = self
            .client
            .scan()
            .table_name(table)
            .segment(segment.cast_signed())
            .total_segments(of.cast_signed())
            .consistent_read(true)
            .filter_expression("attribute_exists(#size)")
            .expression_attribute_names("#size", "size")
            .set_exclusive_start_key(after.map(|key| [("object_name".into(), AttributeValue::S(key.into()))].into()));
        let answer = request.send().await.map_err(CallError::of("Scan"))?;
        let mut page = RowsPage::default();
        for row in answer.items.unwrap_or_default() {
            let row: ObjectRow = item::read(table, row)?;
            page.rows.extend(row_name(&row.object_name).map(|name| (name, row)));
        }
        let last = answer.last_evaluated_key.and_then(|mut key| key.remove("object_name"));
        page.after = last.and_then(|key| key.as_s().ok().cloned());
        Ok(page)
    }

    /// Keeps what a task of an audit found, unless an earlier attempt at it has.
    pub async fn keep_findings(&self, findings: &AuditFindings) -> Result<(), StoreError> {
        let table = &self.tables.history_table;
        let request = self.client.put_item().table_name(table).set_item(Some(item::write(table, findings)?));
        let request = request.condition_expression("attribute_not_exists(event_key)");
        match request.send().await {
            Err(error)
                if !error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Err(CallError::of("PutItem")(error).into())
            }
            _ => Ok(()),
        }
    }

    /// The sum of what an audit's tasks have found, and some of it by name.
    pub async fn findings(&self, audit_id: &str) -> Result<(Found, Vec<Difference>), StoreError> {
        let condition = "#bucket = :bucket AND begins_with(#key, :low)";
        let query = self.partition(AUDITS_PARTITION, condition, &format!("{audit_id}#"));
        let mut pages = query.into_paginator().items().send();
        let (mut found, mut examples) = (Found::default(), Vec::new());
        while let Some(record) = pages.next().await {
            let record = record.map_err(CallError::of("Query"))?;
            let findings: AuditFindings = item::read(&self.tables.history_table, record)?;
            found += findings.found;
            let room = EXAMPLES.saturating_sub(examples.len());
            examples.extend(findings.examples.into_iter().take(room));
        }
        Ok((found, examples))
    }
}
