//! The function against a ledger in memory: what a batch leaves there, which lines it writes, what it hands back.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use size_tracking::{DeadLetters, Deps, Error, Line, handle};
use spillway_fake_aws::{FakeDynamoDb, FakeQueue, message, object_event};

fn deps(dynamodb: &FakeDynamoDb) -> Deps {
    deps_with(dynamodb, &FakeQueue::default())
}

/// Five minutes after the events.
fn deps_with(dynamodb: &FakeDynamoDb, dead_letters: &FakeQueue) -> Deps {
    Deps {
        store: dynamodb.store(),
        dead_letters: DeadLetters::new(dead_letters.client(), "https://sqs/dead-letters".into()),
        threshold_bytes: 20,
        now: || "2026-08-01T10:05:00Z".parse().unwrap(),
    }
}

/// A message that has been delivered this many times.
fn delivered(mut message: Value, times: u32) -> Value {
    message["attributes"] = json!({ "ApproximateReceiveCount": times.to_string() });
    message
}

/// The messages that the function hands back, and its lines: event, change, total.
type Answer = (Vec<String>, Vec<(String, i64, u64)>);

async fn invoke(deps: &Deps, request: Value) -> Result<Answer, Error> {
    let lines = RefCell::new(Vec::new());
    let write = |line: Line<'_>| {
        if let Line::Total(line) = line {
            lines.borrow_mut().push((line.event_type.clone(), line.size_delta, line.total_size));
        }
    };
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

/// The queue gives up on nothing for hours, because what fails may be DynamoDB. So this is the function's own business.
#[tokio::test]
async fn a_message_that_cannot_be_read_is_a_dead_letter_after_five_deliveries() {
    let (dynamodb, queue) = (FakeDynamoDb::default(), FakeQueue::default());
    let deps = deps_with(&dynamodb, &queue);
    let batch = |times| json!({ "Records": [delivered(message("poison", "hello"), times)] });
    for times in 1..5 {
        assert_eq!(invoke(&deps, batch(times)).await.unwrap().0, ["poison"]);
    }
    queue.is_down(true);
    assert_eq!(invoke(&deps, batch(5)).await.unwrap().0, ["poison"]);
    queue.is_down(false);
    assert_eq!(invoke(&deps, batch(6)).await.unwrap().0, [""; 0]);
    assert_eq!(queue.sent(), [message("poison", "hello")["body"].as_str().unwrap()]);
}

/// An object whose tombstone is gone, too, may have been deleted long ago.
#[tokio::test]
async fn a_creation_older_than_tombstones_live_fails_by_its_name_and_becomes_no_ghost() {
    let (dynamodb, queue) = (FakeDynamoDb::default(), FakeQueue::default());
    let deps = Deps { now: || "2026-08-16T10:00:00Z".parse().unwrap(), ..deps_with(&dynamodb, &queue) };
    let old = || object_event("old", "a", "01", Some(18));
    let batch = json!({ "Records": [old(), object_event("deletion", "b", "01", None)] });
    assert_eq!(invoke(&deps, batch).await.unwrap().0, ["old"]);
    dynamodb.check_sums(&BTreeMap::new());
    assert_eq!(invoke(&deps, json!({ "Records": [delivered(old(), 5)] })).await.unwrap().0, [""; 0]);
    assert_eq!(queue.sent().len(), 1);
}

/// An object expires with the sequencer of its creation.
#[tokio::test]
async fn an_object_that_expires_is_taken_off_the_total() {
    let dynamodb = FakeDynamoDb::default();
    let deps = deps(&dynamodb);
    let mut expired = object_event("2", "a", "01", None);
    let body = expired["body"].as_str().unwrap().replace("ObjectRemoved:Delete", "LifecycleExpiration:Delete");
    expired["body"] = json!(body);
    invoke(&deps, json!({ "Records": [object_event("1", "a", "01", Some(18))] })).await.unwrap();
    let (_, lines) = invoke(&deps, json!({ "Records": [expired] })).await.unwrap();
    assert_eq!(lines, [line("LifecycleExpiration:Delete", -18, 0)]);
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
