//! The function against a ledger in memory: what a batch leaves there, which lines it writes, what it hands back.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use size_tracking::{Deps, Error, handle};
use spillway_contracts::log_line::TotalSizeLine;
use spillway_fake_aws::{FakeDynamoDb, message, object_event};

fn deps(dynamodb: &FakeDynamoDb) -> Deps {
    Deps { store: dynamodb.store() }
}

/// The messages that the function hands back, and its lines: event, change, total.
type Answer = (Vec<String>, Vec<(String, i64, u64)>);

async fn invoke(deps: &Deps, request: Value) -> Result<Answer, Error> {
    let lines = RefCell::new(Vec::new());
    let write =
        |line: &TotalSizeLine| lines.borrow_mut().push((line.event_type.clone(), line.size_delta, line.total_size));
    let response = handle(deps, serde_json::from_value(request).unwrap(), write).await?;
    let handed_back = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    Ok((handed_back, lines.into_inner()))
}

fn line(event_type: &str, size_delta: i64, total_size: u64) -> (String, i64, u64) {
    (event_type.to_owned(), size_delta, total_size)
}

#[tokio::test]
async fn a_message_that_cannot_be_read_fails_alone() {
    let dynamodb = FakeDynamoDb::default();
    let mut foreign = object_event("foreign", "a", "01", Some(99));
    foreign["body"] = json!(foreign["body"].as_str().unwrap().replace(r#"\"name\":\"b\""#, r#"\"name\":\"other\""#));
    let batch = json!({ "Records": [
        object_event("1", "a", "01", Some(18)),
        message("poison", "hello"),
        message("test", &json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b" }).to_string()),
        foreign,
        object_event("2", "b", "01", Some(28)),
    ] });
    let (handed_back, lines) = invoke(&deps(&dynamodb), batch).await.unwrap();
    assert_eq!(handed_back, ["poison", "foreign"]);
    assert_eq!(lines, [line("ObjectCreated:Put", 18, 18), line("ObjectCreated:Put", 28, 46)]);
    dynamodb.check_sums(&BTreeMap::from([("a".to_owned(), 18), ("b".to_owned(), 28)]));
}

#[tokio::test]
async fn a_second_delivery_writes_the_total_again_and_nothing_else() {
    let dynamodb = FakeDynamoDb::default();
    let deps = deps(&dynamodb);
    let batch = json!({ "Records": [object_event("1", "a", "01", Some(18)), object_event("2", "a", "02", None)] });
    let (_, lines) = invoke(&deps, batch.clone()).await.unwrap();
    assert_eq!(lines, [line("ObjectCreated:Put", 18, 18), line("ObjectRemoved:Delete", -18, 0)]);
    let (handed_back, lines) = invoke(&deps, batch).await.unwrap();
    assert_eq!((handed_back, lines), (vec![], vec![line("Heartbeat", 0, 0)]));
    assert_eq!(dynamodb.calls()["TransactWriteItems"], 1);
}

#[tokio::test]
async fn events_count_however_late_they_come() {
    let dynamodb = FakeDynamoDb::default();
    let deps = deps(&dynamodb);
    for late in [
        object_event("3", "a", "03", Some(5)),
        object_event("1", "a", "01", Some(18)),
        object_event("2", "a", "02", None),
    ] {
        invoke(&deps, json!({ "Records": [late] })).await.unwrap();
    }
    dynamodb.check_sums(&BTreeMap::from([("a".to_owned(), 5)]));
}

#[tokio::test]
async fn a_heartbeat_repeats_the_total() {
    let dynamodb = FakeDynamoDb::default();
    let deps = deps(&dynamodb);
    let heartbeat = json!({ "heartbeat": true });
    assert_eq!(invoke(&deps, heartbeat.clone()).await.unwrap().1, [line("Heartbeat", 0, 0)]);
    invoke(&deps, json!({ "Records": [object_event("1", "a", "01", Some(18))] })).await.unwrap();
    assert_eq!(invoke(&deps, heartbeat).await.unwrap().1, [line("Heartbeat", 0, 18)]);
}

#[tokio::test]
async fn a_ledger_that_cannot_be_written_has_the_whole_batch_delivered_again() {
    let dynamodb = FakeDynamoDb::default();
    let deps = deps(&dynamodb);
    let batch = json!({ "Records": [object_event("1", "a", "01", Some(18))] });
    dynamodb.is_down(true);
    assert!(matches!(invoke(&deps, batch.clone()).await, Err(Error::Store(_))));
    dynamodb.is_down(false);
    assert_eq!(invoke(&deps, batch).await.unwrap().1, [line("ObjectCreated:Put", 18, 18)]);
}

#[tokio::test]
async fn nothing_to_do_is_an_error() {
    let error = invoke(&deps(&FakeDynamoDb::default()), json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "there is nothing to do: expected `Records` from SQS, or `heartbeat: true`");
}
