//! The row `__STATE__` of a deployed ledger.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use spillway_aws::CallError;
use spillway_contracts::ledger::STATE_KEY;

use crate::outputs::Outputs;

/// What the row says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The bucket's total, in bytes.
    pub total_size: u64,
    /// How many objects the bucket holds.
    pub object_count: u64,
    /// How many history records were committed.
    pub version: u64,
}

/// Reads it consistently; before the first event there is no such row.
pub async fn read(dynamodb: &Client, outputs: &Outputs) -> Result<Option<State>, CallError> {
    let key = AttributeValue::S(STATE_KEY.to_owned());
    let request = dynamodb.get_item().table_name(&outputs.object_table_name).key("object_name", key);
    let answer = request.consistent_read(true).send().await.map_err(CallError::of("GetItem"))?;
    let Some(row) = answer.item else { return Ok(None) };
    let number = |name| row.get(name).and_then(|it| it.as_n().ok()).and_then(|it| it.parse().ok()).unwrap_or_default();
    Ok(Some(State {
        total_size: number("total_size"),
        object_count: number("object_count"),
        version: number("version"),
    }))
}
