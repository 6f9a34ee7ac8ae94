//! Audits on a live stack: what they find, what they put right, and what they leave alone.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use spillway_contracts::audit::Tally;
use spillway_stack::run::execution::Ending;
use spillway_tests::{Stack, live};

/// A bucket that the cleaner leaves alone, whose events are never under way for long.
async fn stack() -> Stack {
    Stack::with(&[("SizeThreshold", "1000000000"), ("AuditGraceMinutes", "0")]).await
}

fn tally(objects: u64, bytes: u64) -> Tally {
    Tally { objects, bytes }
}

#[tokio::test]
async fn an_audit_puts_a_ledger_right_that_events_did_not_reach() {
    let _live = live().await;
    let stack = stack().await;
    for (key, bytes) in [("kept", 3), ("grown", 5), ("gone", 7), ("again", 9)] {
        stack.put(key, bytes).await;
    }
    stack.drain().await;
    stack
        .losing_events(6, async {
            stack.put("grown", 50).await;
            stack.delete("gone").await;
            stack.delete("again").await;
            stack.put("again", 9).await;
            stack.put("new/ü <&>", 11).await;
            stack.put("__STATE__", 13).await;
        })
        .await;

    // It only says so at first.
    let report = stack.audited(json!({ "repair": false })).await;
    assert_eq!(report.drift_before, tally(4, 45 + 7 + 11 + 13));
    assert_eq!((report.drift_after, report.ledger_after), (report.drift_before, tally(4, 24)));

    let report = stack.audited(json!({})).await;
    assert_eq!(report.found.listed, tally(5, 3 + 50 + 9 + 11 + 13));
    assert_eq!(report.found.added, tally(2, 11 + 13));
    assert_eq!(report.found.corrected, tally(1, 45));
    assert_eq!(report.found.removed, tally(1, 7));
    assert_eq!((report.ledger_before, report.ledger_after), (tally(4, 24), report.found.listed));
    assert_eq!((report.drift_before, report.drift_after), (tally(4, 76), tally(0, 0)));
    assert!(report.rows_compared && report.examples.len() == 4, "{report:?}");
    stack.check_ledger().await;

    // Later events count as if nothing had been lost, and another audit finds nothing.
    stack.delete("new/ü <&>").await;
    stack.put("gone", 1).await;
    stack.drain().await;
    assert_eq!(stack.check_ledger().await.values().sum::<i64>(), 3 + 50 + 9 + 13 + 1);
    let report = stack.audited(json!({})).await;
    assert_eq!((report.drift_before, report.rows_compared), (tally(0, 0), false));
    let function = stack.function("report-audit").await;
    for (metric, values) in [("DriftObjects", [0.0, 4.0, 4.0]), ("DriftBytes", [0.0, 76.0, 76.0])] {
        let mut told = stack.metric(metric, &function).await;
        told.sort_by(f64::total_cmp);
        assert_eq!(told, values, "{metric}");
    }
    stack.local_aws.shutdown().await;
}

#[tokio::test]
async fn an_audit_needs_events_and_the_ledger_for_itself() {
    let _live = live().await;
    let stack = stack().await;
    let outputs = stack.local_aws.outputs();
    stack.put("a", 3).await;
    stack.drain().await;
    let error = async |stack: &Stack| match stack.audit(json!({})).await {
        Ending::Failed { error, cause, .. } => (error, cause),
        Ending::Succeeded(report) => panic!("{report}"),
    };

    stack.let_queues_invoke(false).await;
    let (name, cause) = error(&stack).await;
    assert_eq!(name, "EventsDisconnected");
    assert!(cause.contains("Lambda does not read the tracking queue"), "{cause}");
    stack.let_queues_invoke(true).await;

    let notifications = stack.s3.put_bucket_notification_configuration().bucket(&outputs.test_bucket_name);
    let none = aws_sdk_s3::types::NotificationConfiguration::builder().build();
    notifications.notification_configuration(none).send().await.expect("notifications can be turned off");
    let (name, cause) = error(&stack).await;
    assert_eq!(name, "EventsDisconnected");
    assert!(cause.contains("does not publish its events to"), "{cause}");

    let failed: BTreeMap<&str, Value> = BTreeMap::from([("repair", json!("yes"))]);
    let Ending::Failed { error, cause, .. } = stack.audit(json!(failed)).await else { panic!("{failed:?}") };
    assert_eq!(
        (error.as_str(), cause.as_str()),
        ("InvalidInput", "input.repair: invalid type: string \"yes\", expected a boolean")
    );
    stack.local_aws.shutdown().await;
}
