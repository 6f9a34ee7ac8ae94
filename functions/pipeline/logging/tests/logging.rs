//! The function against a ledger in memory: which lines it writes, and that it needs nobody for them.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

use std::cell::RefCell;

use jiff::Timestamp;
use logging::{Deps, handle};
use serde_json::{Value, json};
use spillway_contracts::log_line::ObjectEventLine;
use spillway_fake_aws::{FakeDynamoDb, message, object_event};
use spillway_ledger::event::read_message;
use spillway_ledger_store::apply;

fn deps(dynamodb: &FakeDynamoDb) -> Deps {
    Deps { store: dynamodb.store(), now: jiff::Timestamp::now }
}

/// Has the tracker record a message.
async fn track(deps: &Deps, message: &Value) {
    let events = read_message(message["body"].as_str().unwrap(), "b").unwrap();
    apply(&deps.store, events, || Timestamp::UNIX_EPOCH, |_| {}).await.unwrap();
}

/// The messages that the function hands back, and its lines.
async fn invoke(deps: &Deps, messages: &[Value]) -> (Vec<String>, Vec<ObjectEventLine>) {
    let lines = RefCell::new(Vec::new());
    let batch = serde_json::from_value(json!({ "Records": messages })).unwrap();
    let response = handle(deps, batch, |line| lines.borrow_mut().push(line.clone())).await;
    let handed_back = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    (handed_back, lines.into_inner())
}

fn deltas(lines: &[ObjectEventLine]) -> Vec<(&str, Option<i64>)> {
    lines.iter().map(|line| (line.event_type.as_str(), line.size_delta)).collect()
}

#[tokio::test]
async fn an_event_is_one_line() {
    let deps = deps(&FakeDynamoDb::default());
    let put = object_event("1", "a%2Bb+c", "0A", Some(18));
    track(&deps, &put).await;
    let (handed_back, lines) = invoke(&deps, &[put]).await;
    assert_eq!(handed_back, [""; 0]);
    assert_eq!(
        json!(lines),
        json!([{
            "timestamp": lines[0].timestamp, "level": "INFO", "message": "ObjectCreated:Put of a+b c", "request_id": "",
            "bucket_name": "b", "object_name": "a+b c", "event_type": "ObjectCreated:Put", "size_delta": 18,
            "sequencer": "0A", "event_time": "2026-08-01T10:00:00Z", "message_id": "1",
        }])
    );
}

#[tokio::test]
async fn a_deletions_size_is_found_after_the_tracker_has_recorded_it() {
    let deps = deps(&FakeDynamoDb::default());
    let (put, deleted) = (object_event("1", "a", "01", Some(18)), object_event("2", "a", "02", None));
    track(&deps, &put).await;
    track(&deps, &deleted).await;
    assert_eq!(deltas(&invoke(&deps, &[deleted]).await.1), [("ObjectRemoved:Delete", Some(-18))]);
}

#[tokio::test]
async fn what_the_tracker_has_not_recorded_is_unknown() {
    let deps = deps(&FakeDynamoDb::default());
    let (put, deleted) = (object_event("1", "a", "01", Some(18)), object_event("2", "a", "02", None));
    assert_eq!(deltas(&invoke(&deps, std::slice::from_ref(&put)).await.1), [("ObjectCreated:Put", None)]);
    track(&deps, &put).await;
    assert_eq!(deltas(&invoke(&deps, &[deleted]).await.1), [("ObjectRemoved:Delete", None)]);
}

#[tokio::test]
async fn lines_are_written_while_the_ledger_cannot_be_read() {
    let dynamodb = FakeDynamoDb::default();
    let deps = deps(&dynamodb);
    let put = object_event("1", "a", "01", Some(18));
    track(&deps, &put).await;
    dynamodb.is_down(true);
    let (handed_back, lines) = invoke(&deps, &[put]).await;
    assert_eq!((handed_back, deltas(&lines)), (vec![], vec![("ObjectCreated:Put", None)]));
}

#[tokio::test]
async fn a_message_that_cannot_be_read_fails_alone() {
    let deps = deps(&FakeDynamoDb::default());
    let batch = [message("poison", "hello"), object_event("1", "a", "01", None)];
    let (handed_back, lines) = invoke(&deps, &batch).await;
    assert_eq!((handed_back, deltas(&lines)), (vec!["poison".to_owned()], vec![("ObjectRemoved:Delete", None)]));
}
