//! What becomes of messages that can't be handled, on a live stack: nothing is lost, and one path's outage is not the
//! other's.

use serde_json::{Value, json};
use spillway_tests::{Stack, eventually, live};

/// A message's body: SNS's envelope around `text`.
fn envelope(text: &str) -> String {
    json!({ "Type": "Notification", "Message": text }).to_string()
}

/// A stack whose queues deliver again after a second, and give up after five deliveries, as the template says.
async fn impatient_stack() -> Stack {
    let stack = Stack::with(&[("SizeThreshold", "1000000")]).await;
    let outputs = stack.local_aws.outputs();
    stack.redeliver_after(&outputs.tracking_queue_url, &outputs.tracking_dlq_url, 1, 5).await;
    stack.redeliver_after(&outputs.logging_queue_url, &outputs.logging_dlq_url, 1, 5).await;
    stack
}

/// Messages of the function's log lines with this level.
fn said<'a>(lines: &'a [Value], level: &str, field: &str) -> Vec<&'a str> {
    let lines = lines.iter().filter(|line| line["level"] == level);
    lines.filter_map(|line| line.get(field)?.as_str()).collect()
}

#[tokio::test]
async fn a_message_that_cannot_be_read_ends_in_the_dead_letter_queue_alone() {
    let _live = live().await;
    let stack = impatient_stack().await;
    let outputs = stack.local_aws.outputs();
    let tracker = stack.function("size-tracking").await;
    let logger = stack.function("logging").await;
    for queue in [&outputs.tracking_queue_url, &outputs.logging_queue_url] {
        stack.send(queue, "no envelope").await;
        stack.send(queue, &envelope(r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}"#)).await;
    }
    stack.put("a", 18).await;
    stack.tag("a").await;

    for (function, queue) in [(&tracker, &outputs.tracking_dlq_url), (&logger, &outputs.logging_dlq_url)] {
        eventually("the dead letter", async || stack.messages(queue).await == 1).await;
        let lines = stack.log_lines(function).await;
        let reasons = said(&lines, "ERROR", "error");
        assert_eq!(reasons, vec!["the SNS envelope can't be read: expected ident at line 1 column 2"; 5], "{function}");
    }
    stack.drain().await;
    assert_eq!(stack.check_ledger().await.into_iter().collect::<Vec<_>>(), [("a".to_owned(), 18)]);
    assert_eq!(stack.redrive(&outputs.tracking_dlq_url, &outputs.logging_dlq_url).await, ["no envelope"]);
    stack.local_aws.shutdown().await;
}

#[tokio::test]
async fn what_an_outage_left_in_the_dead_letter_queue_is_applied_however_late() {
    let _live = live().await;
    let stack = impatient_stack().await;
    let outputs = stack.local_aws.outputs();
    let tracker = stack.function("size-tracking").await;
    let logger = stack.function("logging").await;
    stack.put("a", 18).await;
    stack.put("b", 5).await;
    eventually("both are recorded", async || stack.total_size().await == Some(23)).await;

    // Tracking is broken, logging is not: it says what it can know.
    let table = stack.set_variable(&tracker, "OBJECT_TABLE", "nowhere").await;
    stack.put("a", 30).await;
    stack.delete("b").await;
    stack.put("c", 7).await;
    eventually("the dead letters", async || stack.messages(&outputs.tracking_dlq_url).await == 3).await;
    stack.drain().await;
    let lines = stack.log_lines(&logger).await;
    let unknown = |line: &&Value| line.get("size_delta").is_some_and(Value::is_null);
    let events: Vec<&str> = lines.iter().filter(unknown).filter_map(|line| line["object_name"].as_str()).collect();
    assert_eq!(std::collections::BTreeSet::from_iter(events), ["a", "b", "c"].into());
    assert_eq!(stack.total_size().await, Some(23));

    // After the fix later events come first, and then the old ones.
    stack.set_variable(&tracker, "OBJECT_TABLE", &table).await;
    stack.put("b", 4).await;
    stack.delete("a").await;
    eventually("the later events are recorded", async || stack.total_size().await == Some(4)).await;
    assert_eq!(stack.redrive(&outputs.tracking_dlq_url, &outputs.tracking_queue_url).await.len(), 3);
    stack.drain().await;
    let bucket = stack.check_ledger().await;
    assert_eq!(bucket.into_iter().collect::<Vec<_>>(), [("b".to_owned(), 4), ("c".to_owned(), 7)]);
    stack.local_aws.shutdown().await;
}

#[tokio::test]
async fn tracking_survives_an_outage_of_logging() {
    let _live = live().await;
    let stack = impatient_stack().await;
    let outputs = stack.local_aws.outputs();
    let logger = stack.function("logging").await;
    // S3's test events are through.
    stack.drain().await;
    // Without the variable's value the function doesn't even start.
    let table = stack.set_variable(&logger, "OBJECT_TABLE", "").await;
    stack.put("a", 18).await;
    // Were the deletion tracked before the creation, nobody could tell its size.
    eventually("the creation is recorded", async || stack.total_size().await == Some(18)).await;
    stack.delete("a").await;
    stack.put("b", 5).await;
    eventually("the ledger is up to date", async || stack.total_size().await == Some(5)).await;
    eventually("the dead letters", async || stack.messages(&outputs.logging_dlq_url).await == 3).await;
    assert_eq!(stack.messages(&outputs.tracking_dlq_url).await, 0);

    stack.set_variable(&logger, "OBJECT_TABLE", &table).await;
    stack.redrive(&outputs.logging_dlq_url, &outputs.logging_queue_url).await;
    stack.drain().await;
    let lines = stack.log_lines(&logger).await;
    let mut deltas: Vec<_> = lines
        .iter()
        .filter(|line| line.get("object_name").is_some())
        .map(|line| (&line["object_name"], &line["event_type"], &line["size_delta"]))
        .collect();
    deltas.sort_by_key(|delta| format!("{delta:?}"));
    // The creation of `a` is a size that the ledger does not tell any more: the deletion has replaced it.
    let (put, deleted) = (json!("ObjectCreated:Put"), json!("ObjectRemoved:Delete"));
    assert_eq!(
        deltas,
        [(&json!("a"), &put, &json!(null)), (&json!("a"), &deleted, &json!(-18)), (&json!("b"), &put, &json!(5))]
    );
    stack.check_ledger().await;
    stack.local_aws.shutdown().await;
}
