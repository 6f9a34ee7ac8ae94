//! Committing what a batch did, in one conditional transaction.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Put, TransactWriteItem};
use spillway_aws::CallError;
use spillway_ledger::Commit;

use crate::item::{self, Item};
use crate::{Store, StoreError};

/// How a commit went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is written.
    Committed,
    /// Nothing is written: somebody else changed a row since it was read, or is changing it right now.
    Conflict,
}

impl Store {
    /// Writes all of `commit`, or nothing if a row isn't any more what it was when it was read.
    ///
    /// The SDK sends a token with the transaction, so that its own retry of a lost answer writes nothing twice.
    pub async fn commit(&self, commit: &Commit) -> Result<Outcome, StoreError> {
        let answer = self.client.transact_write_items().set_transact_items(Some(self.actions(commit)?)).send().await;
        match answer {
            Ok(_) => Ok(Outcome::Committed),
            Err(error) if error.as_service_error().is_some_and(is_conflict) => Ok(Outcome::Conflict),
            Err(error) => Err(CallError::of("TransactWriteItems")(error).into()),
        }
    }

    fn actions(&self, commit: &Commit) -> Result<Vec<TransactWriteItem>, StoreError> {
        let objects = &self.tables.object_table;
        let history = &self.tables.history_table;
        let version = commit.expected_version.map(|version| AttributeValue::N(version.to_string()));
        let mut actions = vec![put_if(objects, item::write(objects, &commit.state)?, "version", version)?];
        for change in &commit.rows {
            let sequencer = change.expected_sequencer.as_ref().map(|s| AttributeValue::S(s.to_string()));
            actions.push(put_if(objects, item::write_row(objects, &change.row)?, "sequencer", sequencer)?);
        }
        for record in &commit.history {
            let put = Put::builder().table_name(history).set_item(Some(item::write(history, record)?)).build()?;
            actions.push(TransactWriteItem::builder().put(put).build());
        }
        Ok(actions)
    }
}

/// A put on the condition that the row's `attribute` is still `expected`, or that there is no row.
fn put_if(
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

/// Whether reading again and folding again can help. The SDK doesn't retry a cancelled transaction.
fn is_conflict(error: &TransactWriteItemsError) -> bool {
    let conflicts =
        |reason: &CancellationReason| matches!(reason.code(), Some("ConditionalCheckFailed" | "TransactionConflict"));
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancelled.cancellation_reasons().iter().any(conflicts)
        }
        TransactWriteItemsError::TransactionInProgressException(_) => true,
        _ => false,
    }
}
