//! Rules other than the default one, on live stacks.

use aws_sdk_cloudwatch::types::StateValue;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::types::MetadataDirective;
use serde_json::{Value, json};
use spillway_contracts::ErrorName;
use spillway_contracts::ledger::STATE_KEY;
use spillway_contracts::log_line::{CleanerDecisionLine, Verdict};
use spillway_stack::run::execution::Ending;
use spillway_tests::{Stack, eventually, live};

use super::cleaning::decisions;

fn keys(stack_objects: std::collections::BTreeMap<String, i64>) -> Vec<String> {
    stack_objects.into_keys().collect()
}

/// Has the cleaner look, as the alarm would.
async fn clean(stack: &Stack) -> CleanerDecisionLine {
    let text = include_str!("../../contracts/examples/alarm-event/ok-metric-alarm.json");
    let event: Value = serde_json::from_str(text).expect("an example");
    let answer = stack.answer(&stack.local_aws.outputs().cleaner_function_name, &event).await;
    serde_json::from_value(answer.expect("an answer")).expect("a decision keeps its contract")
}

#[tokio::test]
async fn a_run_follows_its_stacks_rule_and_a_touch_keeps_an_object() {
    let _live = live().await;
    let stack = Stack::with(&[("DeleteFirst", "oldest"), ("TargetPercent", "50"), ("WarningPercent", "80")]).await;
    let upload = |name: &str, bytes: u64| json!({ "object_name": name, "size_bytes": bytes });
    let scenario = json!({ "cycles": [{ "upload": [upload("a", 4), upload("b", 9), upload("c", 8)] }] });
    let report = stack.report(scenario).await;
    // Either deletion may be recorded first.
    let [0, 4, 13, 21, 17 | 12, 8] = report.observed_timeline[..] else { panic!("{report:?}") };
    assert_eq!(keys(stack.objects().await), ["c"]);

    // Somebody is told that the bucket fills.
    let fills = stack.metric("FillPercent", &stack.function("size-tracking").await).await;
    assert!([20.0, 65.0, 105.0, 40.0].iter().all(|percent| fills.contains(percent)), "{fills:?}");
    let cloudwatch = aws_sdk_cloudwatch::Client::new(stack.local_aws.sdk_config());
    let alarm = stack.resource("FillAlarm").await;
    let history = cloudwatch.describe_alarm_history().alarm_name(&alarm).send().await.expect("a history");
    let went_off = history.alarm_history_items().iter().any(|item| {
        item.history_summary().is_some_and(|summary| summary.contains(&format!("to {}", StateValue::Alarm.as_str())))
    });
    assert!(went_off, "{history:?}");

    // A cache copies an object onto itself on a hit.
    stack.put("d", 11).await;
    stack.drain().await;
    let bucket = &stack.local_aws.outputs().test_bucket_name;
    let touch = stack.s3.copy_object().bucket(bucket).key("c").copy_source(format!("{bucket}/c"));
    touch.metadata_directive(MetadataDirective::Replace).send().await.expect("an object can be copied onto itself");
    stack.drain().await;
    stack.put("e", 1).await;
    eventually("the cleaner has done what it may", async || keys(stack.objects().await) == ["c", "e"]).await;
    stack.drain().await;
    stack.check_ledger().await;
    stack.local_aws.shutdown().await;
}

#[tokio::test]
async fn what_is_too_young_stays_and_no_run_expects_it_to_go() {
    let _live = live().await;
    let stack = Stack::with(&[("MinimumAgeMinutes", "5")]).await;
    let run = stack.run(json!({})).await;
    let Ending::Failed { error, cause, .. } = run else { panic!("{run:?}") };
    assert_eq!(error, ErrorName::InvalidInput.as_str(), "{cause}");
    assert!(cause.contains("nothing before it is 5 minutes old (MinimumAgeMinutes)"), "{cause}");

    stack.put("a", 28).await;
    eventually("the alarm has invoked the cleaner", async || !decisions(&stack).await.is_empty()).await;
    let decision = &decisions(&stack).await[0];
    assert_eq!((decision.verdict, decision.excess_bytes), (Verdict::OnlyYoungLeft, 9));
    assert_eq!(keys(stack.objects().await), ["a"]);
    stack.local_aws.shutdown().await;
}

/// The rows of a version that knew no ages are in no index by age, and all of its history is in one partition.
#[tokio::test]
async fn an_older_ledger_gets_its_index_by_an_update_and_its_ages_by_an_audit() {
    let _live = live().await;
    let stack = Stack::with(&[("AuditGraceMinutes", "0")]).await;
    for (key, bytes) in [("old", 6), ("older", 7)] {
        stack.put(key, bytes).await;
    }
    stack.drain().await;
    stack.put("old", 6).await;
    stack.drain().await;
    let table = &stack.local_aws.outputs().object_table_name;
    for (key, attribute) in [("old", "last_modified_ms"), ("older", "last_modified_ms"), (STATE_KEY, "is_dated")] {
        let request = stack.dynamodb.update_item().table_name(table);
        let request = request.key("object_name", AttributeValue::S(key.into()));
        let request = request.update_expression(format!("REMOVE {attribute}"));
        request.send().await.expect("an attribute can be removed");
    }
    assert_eq!(stack.make_history_older().await, 3);
    stack.set_parameter("DeleteFirst", "oldest").await;
    stack.put("new", 8).await;
    stack.drain().await;
    let decision = clean(&stack).await;
    assert_eq!(decision.verdict, Verdict::NotAudited);
    assert!(decision.message.contains("found out how old each object is"), "{}", decision.message);

    let report = stack.audited(json!({})).await;
    assert_eq!((report.found.corrected.objects, report.found.corrected.bytes), (2, 0));
    eventually("the oldest is gone", async || {
        clean(&stack).await;
        keys(stack.objects().await) == ["new", "old"]
    })
    .await;
    stack.drain().await;
    stack.check_ledger().await;

    // And back.
    stack.set_parameter("DeleteFirst", "largest").await;
    stack.put("a", 7).await;
    stack.drain().await;
    eventually("the largest is gone", async || {
        clean(&stack).await;
        keys(stack.objects().await) == ["a", "old"]
    })
    .await;
    stack.local_aws.shutdown().await;
}
