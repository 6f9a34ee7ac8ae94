//! Committing what a batch did, in one conditional transaction.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Put, TransactWriteItem};
use spillway_aws::CallError;
use spillway_ledger::fold::RowChange;
use spillway_ledger::{Commit, Row};

use crate::item::{self, Item};
use crate::{Store, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is written.
    Committed,
    /// Nothing is written: somebody else changed a row since it was read, or is changing it right now.
    Conflict,
    /// Nothing is written: a partition has no room for it.
    Throttled,
}

impl Store {
    /// Writes all of `commit`, or nothing if a row isn't any more what it was when it was read.
    ///
    /// The SDK sends a token with the transaction, so that its own retry of a lost answer writes nothing twice.
    pub async fn commit(&self, commit: &Commit) -> Result<Outcome, StoreError> {
        self.transact(self.actions(commit)?).await
    }

    /// Does all of `actions`, or nothing.
    pub(crate) async fn transact(&self, actions: Vec<TransactWriteItem>) -> Result<Outcome, StoreError> {
        match self.client.transact_write_items().set_transact_items(Some(actions)).send().await {
            Ok(_) => Ok(Outcome::Committed),
            Err(error) => match error.as_service_error().and_then(obstacle) {
                Some(outcome) => Ok(outcome),
                None => Err(CallError::of("TransactWriteItems")(error).into()),
            },
        }
    }

    fn actions(&self, commit: &Commit) -> Result<Vec<TransactWriteItem>, StoreError> {
        let objects = &self.tables.object_table;
        let history = &self.tables.history_table;
        let version = commit.expected_version.map(|version| AttributeValue::N(version.to_string()));
        let mut actions = vec![put_if(objects, item::write(objects, &commit.state)?, "version", version)?];
        for change in &commit.rows {
            actions.push(put_row(objects, change)?);
        }
        for record in &commit.history {
            actions.push(put(history, item::write_record(history, record)?)?);
        }
        Ok(actions)
    }
}

/// A put without a condition: the record's key is its own.
pub(crate) fn put(table: &str, item: Item) -> Result<TransactWriteItem, StoreError> {
    let put = Put::builder().table_name(table).set_item(Some(item)).build()?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// A put on the condition that the row's `attribute` is still `expected`, or that there is no row.
pub(crate) fn put_if(
    table: &str,
    item: Item,
    attribute: &str,
    expected: Option<AttributeValue>,
) -> Result<TransactWriteItem, StoreError> {
    let put = Put::builder().table_name(table).set_item(Some(item));
    let put = match expected {
        Some(expected) => put
            .condition_expression("#attribute = :expected")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":expected", expected),
        None => put.condition_expression("attribute_not_exists(object_name)"),
    };
    Ok(TransactWriteItem::builder().put(put.build()?).build())
}

/// A put on the condition that the row is still the one that was read, or that there is none.
///
/// A change may leave the sequencer as it was: a version is gone, or the object has expired. It shows in the size, which only rows
/// of objects in the bucket have. The version of `__STATE__` need not show it: rows are read with several requests, side by
/// side, so that a row may be older than the `__STATE__` that was read with it.
fn put_row(table: &str, change: &RowChange) -> Result<TransactWriteItem, StoreError> {
    let new = item::write_row(table, &change.row)?;
    let Some(expected) = &change.expected else { return put_if(table, new, "sequencer", None) };
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(new))
        .expression_attribute_names("#sequencer", "sequencer")
        .expression_attribute_names("#size", "size")
        .expression_attribute_values(":sequencer", AttributeValue::S(expected.sequencer().to_string()));
    let put = match expected {
        Row::Live(row) => put
            .condition_expression("#sequencer = :sequencer AND #size = :size")
            .expression_attribute_values(":size", AttributeValue::N(row.size.to_string())),
        Row::Tombstone(_) => put.condition_expression("#sequencer = :sequencer AND attribute_not_exists(#size)"),
    };
    Ok(TransactWriteItem::builder().put(put.build()?).build())
}

/// What stood in the way of a transaction, if trying again can help. The SDK doesn't retry a cancelled one, whatever for.
fn obstacle(error: &TransactWriteItemsError) -> Option<Outcome> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        let in_progress = matches!(error, TransactWriteItemsError::TransactionInProgressException(_));
        return in_progress.then_some(Outcome::Conflict);
    };
    let any = |codes: &[&str]| {
        let reasons = cancelled.cancellation_reasons().iter();
        reasons.filter_map(CancellationReason::code).any(|code| codes.contains(&code))
    };
    if any(&["ConditionalCheckFailed", "TransactionConflict"]) {
        return Some(Outcome::Conflict);
    }
    // On demand, and of a partition that is asked for too much; "provisioned" is what DynamoDB calls it in either mode.
    any(&["ThrottlingError", "ProvisionedThroughputExceeded"]).then_some(Outcome::Throttled)
}
