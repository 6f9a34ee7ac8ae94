//! The cleaner on a live stack: what it must not delete, and what becomes of invocations that fail.

use serde_json::{Value, json};
use spillway_contracts::ErrorName;
use spillway_contracts::log_line::{CleanerDecisionLine, Outcome, Verdict};
use spillway_stack::run::execution::Ending;
use spillway_tests::{Stack, eventually, live};

/// The cleaner's decision lines.
pub async fn decisions(stack: &Stack) -> Vec<CleanerDecisionLine> {
    let lines = stack.log_lines(&stack.local_aws.outputs().cleaner_function_name).await;
    let decisions = lines.into_iter().filter(|line| line.get("verdict").is_some());
    decisions.map(|line| serde_json::from_value(line).expect("a decision keeps its contract")).collect()
}

#[tokio::test]
async fn protected_objects_stay_and_the_rest_goes() {
    let _live = live().await;
    let stack = Stack::with(&[("ProtectedPrefixes", "keep/, legal")]).await;
    let outputs = stack.local_aws.outputs();
    for (key, bytes) in [("keep/a", 25), ("legal.txt", 3), ("b", 9)] {
        stack.put(key, bytes).await;
    }
    eventually("the cleaner has done what it may", async || {
        stack.objects().await.into_keys().collect::<Vec<_>>() == ["keep/a", "legal.txt"]
    })
    .await;
    stack.drain().await;
    assert_eq!(stack.check_ledger().await.values().sum::<i64>(), 28);

    // The same alarm again, late and many times at once, and the schedule.
    let text = include_str!("../../contracts/examples/alarm-event/ok-metric-alarm.json");
    let stale: Value = serde_json::from_str(text).expect("an example");
    for event in [&stale, &stale, &json!({ "schedule": "safety-net" }), &stale] {
        stack.invoke(&outputs.cleaner_function_name, event).await;
    }
    eventually("all of them are decided", async || decisions(&stack).await.len() >= 5).await;
    for line in decisions(&stack).await {
        assert_eq!(line.verdict, Verdict::OnlyProtectedLeft);
        assert!(line.chosen.iter().all(|object| object.object_name.as_str() == "b"), "{line:?}");
        assert_eq!((line.threshold_bytes, line.projected_total_size, line.excess_bytes), (20, 28, 9));
    }
    assert_eq!(stack.objects().await.len(), 2);
    assert_eq!(stack.metric("OnlyProtectedLeft", &outputs.cleaner_function_name).await, [1.0; 5]);
    assert_eq!(stack.metric("ExcessBytes", &outputs.cleaner_function_name).await, [9.0; 5]);

    // A cleaner that is stopped is not even asked.
    let cleaner = &outputs.cleaner_function_name;
    let net = json!({ "schedule": "safety-net" });
    stack.stop(cleaner, true).await;
    assert_eq!(stack.answer(cleaner, &net).await, Err("TooManyRequestsException".to_owned()));
    stack.stop(cleaner, false).await;
    assert_eq!(stack.answer(cleaner, &net).await.expect("an answer")["verdict"], "OnlyProtectedLeft");

    // What can't be handled is kept.
    let broken = json!({ "schedule": 5 });
    stack.invoke(&outputs.cleaner_function_name, &broken).await;
    eventually("the dead letter", async || stack.messages(&outputs.cleaner_dlq_url).await == 1).await;
    stack.local_aws.shutdown().await;
}

#[tokio::test]
async fn a_dry_run_deletes_nothing_and_no_run_begins() {
    let _live = live().await;
    let stack = Stack::with(&[("DryRun", "true")]).await;
    let run = stack.run(json!({})).await;
    let Ending::Failed { error, cause, .. } = run else { panic!("{run:?}") };
    assert_eq!(error, ErrorName::InvalidInput.as_str(), "{cause}");
    assert!(cause.contains("this stack's cleaner deletes nothing, because DryRun is true"), "{cause}");

    stack.put("a", 28).await;
    eventually("the alarm has invoked the cleaner", async || !decisions(&stack).await.is_empty()).await;
    let decision = &decisions(&stack).await[0];
    assert_eq!((decision.dry_run, decision.chosen[0].outcome), (true, Outcome::DryRun));
    assert_eq!((decision.verdict, decision.projected_total_size), (Verdict::BroughtBelow, 0));
    assert_eq!(stack.objects().await.into_keys().collect::<Vec<_>>(), ["a"]);
    stack.local_aws.shutdown().await;
}
