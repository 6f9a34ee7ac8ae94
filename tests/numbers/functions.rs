//! The functions that are measured, and events for them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spillway_tests::FUNCTIONS;

/// The functions whose crates have more than one of them, or link another one.
const OTHERS: [&str; 5] = ["usage", "prepare-audit", "audit-objects", "audit-rows", "report-audit"];
const ALARM_EVENT: &str = include_str!("../../contracts/examples/alarm-event/ok-metric-alarm.json");
const PLOT_REQUEST: &str = include_str!("../../contracts/examples/plot-request/ok-all-of-the-history.json");
/// Sorts behind every key of a history.
const END_OF_HISTORY: &str = "9999";
const LARGEST_UPLOAD: u64 = 16 * 1024 * 1024;
/// As many objects as a task of an audit gets.
const LARGEST_BATCH: usize = 1000;

/// Every function.
pub fn measured() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.into_iter().chain(OTHERS)
}

/// How much an event asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// One object.
    Light,
    /// As much as the function ever has to do at once.
    Heavy,
}

/// An event for `function` on the stack of `bucket`. Events with different numbers are about different objects and runs.
pub fn event(function: &str, bucket: &str, weight: Weight, number: usize) -> Value {
    let run_id = format!("numbers-{number}");
    let now = Timestamp::now();
    let deadline = now + SignedDuration::from_hours(1);
    let after_event_key = END_OF_HISTORY;
    let heavy = weight == Weight::Heavy;
    match function {
        "size-tracking" => batch(bucket, number, if heavy { 480 } else { 1 }),
        "logging" => batch(bucket, number, if heavy { 10 } else { 1 }),
        "cleaner" => parse(ALARM_EVENT),
        "plotting" => parse(PLOT_REQUEST),
        "prepare-run" => json!({ "run_id": run_id, "started_at": now, "input": {} }),
        "align-window" => json!({ "run_id": run_id, "period_seconds": 10 }),
        "wait-for-alarm-ok" => {
            json!({ "run_id": run_id, "settled_at": null, "deadline": deadline })
        }
        "check-run" => {
            json!({ "run_id": run_id, "started_at": now, "after_event_key": after_event_key, "cycles": [] })
        }
        "call-plot-api" => json!({ "run_id": run_id, "from": now }),
        "usage" => json!({ "routeKey": "GET /usage", "queryStringParameters": {} }),
        "prepare-audit" => json!({ "audit_id": run_id, "started_at": now, "input": {} }),
        "audit-objects" => {
            // None of them is there any more.
            let item = |position| json!({ "Key": format!("{run_id}/{position}"), "Etag": "\"0\"", "Size": 1 });
            let items: Vec<_> = (0..if heavy { LARGEST_BATCH } else { 1 }).map(item).collect();
            json!({ "BatchInput": audit(&run_id), "Items": items })
        }
        "audit-rows" => json!({
            "audit": audit(&run_id), "segment": 0, "segment_count": 1,
            "progress": { "after": "", "suspects": [], "missing_since": null },
        }),
        "report-audit" => json!({
            "plan": {
                "audit": audit(&run_id), "started_at": now, "wait_seconds": 0, "segments": [0],
                "ledger_before": { "objects": 0, "bytes": 0 },
            },
            "rows_compared": true,
        }),
        "upload" | "wait-for-deletion" => {
            let size_bytes = if heavy { LARGEST_UPLOAD } else { 18 };
            let cycle = json!({
                "number": 1,
                "upload": [{ "object_name": format!("{run_id}.txt"), "size_bytes": size_bytes }],
                "expected_deletions": [],
                "expected_total_size": size_bytes,
            });
            json!({ "run_id": run_id, "cycle": cycle, "after_event_key": after_event_key, "deadline": deadline })
        }
        _ => panic!("there are no events for {function}"),
    }
}

fn audit(audit_id: &str) -> Value {
    json!({ "audit_id": audit_id, "repair": false, "grace_seconds": 0 })
}

fn parse(example: &str) -> Value {
    serde_json::from_str(example).expect("examples are JSON")
}

/// A batch with the creations of as many objects.
fn batch(bucket: &str, number: usize, messages: usize) -> Value {
    let message = |position: usize| {
        let notification = json!({ "Records": [{
            "eventVersion": "2.3", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventTime": Timestamp::now(),
            "eventName": "ObjectCreated:Put", "s3": {
                "bucket": { "name": bucket, "arn": format!("arn:aws:s3:::{bucket}") },
                "object": {
                    "key": format!("numbers/{number}/{position}"), "size": 18, "sequencer": "006A1F0C3E0936A5C1",
                    "eTag": "da0d0127ebf92fccd0d3a386e868c214",
                },
            },
        }] });
        let envelope = json!({
            "Type": "Notification", "MessageId": format!("{number}-{position}"), "Timestamp": Timestamp::now(),
            "TopicArn": "arn:aws:sns:us-east-1:000000000000:object-events", "Message": notification.to_string(),
        });
        json!({
            "messageId": format!("{number}-{position}"), "receiptHandle": "handle", "body": envelope.to_string(),
            "attributes": {}, "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:tracking",
        })
    };
    json!({ "Records": (0..messages).map(message).collect::<Vec<_>>() })
}
