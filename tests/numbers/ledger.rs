//! A ledger of as many objects as a measurement needs, written directly, in the ledger's own form.

use std::collections::HashMap;
use std::ops::Range;

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, PutRequest, WriteRequest};
use jiff::Timestamp;
use serde::Serialize;
use spillway_contracts::Sequencer;
use spillway_contracts::ledger::{ObjectRow, STATE_KEY, StateKey, StateRow};
use spillway_tests::Stack;

/// DynamoDB takes this many writes in one request.
const BATCH: usize = 25;
/// The size of every object, in bytes: the cleaner takes them before what the measured events add.
const SIZE: u64 = 100;

/// Writes the rows of objects with these numbers.
pub async fn add_objects(stack: &Stack, numbers: Range<usize>) {
    let bucket_name = &stack.local_aws.outputs().test_bucket_name;
    let row = |number: usize| ObjectRow {
        object_name: format!("seeded/{number:06}"),
        bucket_name: bucket_name.clone(),
        size: SIZE,
        etag: None,
        size_delta: SIZE as i64,
        sequencer: Sequencer::new("00").expect("digits"),
        version_id: None,
        as_of: None,
        last_modified_ms: None,
        updated_at: Timestamp::now(),
    };
    let put = |number: usize| {
        let request = PutRequest::builder().set_item(Some(item(&row(number)))).build().expect("a request");
        WriteRequest::builder().put_request(request).build()
    };
    write(stack, numbers.map(put)).await;
}

/// Removes the rows of objects.
pub async fn remove_objects(stack: &Stack, names: impl Iterator<Item = String>) {
    let delete = |name: String| {
        let request = DeleteRequest::builder().key("object_name", AttributeValue::S(name)).build().expect("a request");
        WriteRequest::builder().delete_request(request).build()
    };
    write(stack, names.map(delete)).await;
}

/// Has `__STATE__` say that there are this many objects, all of them added here.
pub async fn set_total(stack: &Stack, objects: usize) {
    set_state(stack, objects as u64 * SIZE, objects as u64).await;
}

/// Has `__STATE__` say what the rows add up to, whoever wrote them. All of them are read.
pub async fn sum_up(stack: &Stack) {
    let rows = stack.items(&stack.local_aws.outputs().object_table_name).await;
    let sizes: Vec<u64> = rows.iter().filter_map(|row| row.get("size")?.as_u64()).collect();
    set_state(stack, sizes.iter().sum(), sizes.len() as u64).await;
}

async fn set_state(stack: &Stack, total_size: u64, object_count: u64) {
    let before = stack.row(STATE_KEY).await.unwrap_or_default();
    let text = |field| before.get(field).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let state = StateRow {
        object_name: StateKey::State,
        total_size,
        object_count,
        version: version(stack).await,
        last_event_key: text("last_event_key"),
        is_dated: false,
        updated_at: Timestamp::now(),
    };
    let request = stack.dynamodb.put_item().table_name(&stack.local_aws.outputs().object_table_name);
    request.set_item(Some(item(&state))).send().await.expect("a row can be written");
}

/// How many events the ledger has recorded.
pub async fn version(stack: &Stack) -> u64 {
    let state = stack.row(STATE_KEY).await.unwrap_or_default();
    state.get("version").and_then(|version| version.as_u64()).unwrap_or_default()
}

async fn write(stack: &Stack, requests: impl Iterator<Item = WriteRequest>) {
    let table = &stack.local_aws.outputs().object_table_name;
    let requests: Vec<WriteRequest> = requests.collect();
    for batch in requests.chunks(BATCH) {
        let answer = stack.dynamodb.batch_write_item().request_items(table, batch.to_vec()).send().await;
        let left = answer.expect("rows can be written").unprocessed_items.unwrap_or_default();
        assert!(left.is_empty(), "rows that were not written: {left:?}");
    }
}

fn item(row: &impl Serialize) -> HashMap<String, AttributeValue> {
    serde_dynamo::to_item(row).expect("rows are items")
}
