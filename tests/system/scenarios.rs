//! Whole runs through a live stack: the default scenario again and again, others, and every way to fail.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::StateValue;
use serde_json::json;
use spillway_contracts::ErrorName;
use spillway_contracts::ledger::{RUN_LOCK_KEY, STATE_KEY};
use spillway_contracts::report::RunReport;
use spillway_stack::run::execution::Ending;
use spillway_tests::{Stack, eventually, live};

const SEED_TIMELINE: [u64; 6] = [0, 18, 46, 18, 20, 2];

/// Objects as the bucket and the ledger should have them.
fn objects(expected: &[(&str, i64)]) -> BTreeMap<String, i64> {
    expected.iter().map(|&(name, size)| (name.to_owned(), size)).collect()
}

fn names(report: &RunReport) -> Vec<(Vec<&str>, Vec<&str>)> {
    let cycles = report.cycles.iter();
    cycles
        .map(|cycle| {
            let uploaded = cycle.uploaded.iter().map(|object| object.object_name.as_str()).collect();
            let deleted = cycle.deleted.iter().map(|object| object.object_name.as_str()).collect();
            (uploaded, deleted)
        })
        .collect()
}

async fn check_stack(stack: &Stack, bucket: &[(&str, i64)]) {
    assert_eq!(stack.check_ledger().await, objects(bucket));
    assert_eq!(stack.row(RUN_LOCK_KEY).await, None, "the run lock is released");
}

#[track_caller]
fn check_failure(ending: &Ending, expect: ErrorName, said: &[&str]) {
    let Ending::Failed { status, error, cause } = ending else { panic!("{ending:?}") };
    assert_eq!((status.as_str(), error.as_str()), ("FAILED", expect.as_str()), "{cause}");
    for words in said {
        assert!(cause.contains(words), "{cause:?} doesn't say {words:?}");
    }
}

#[tokio::test]
async fn runs_repeat_and_other_scenarios_follow() {
    let _live = live().await;
    let stack = Stack::up().await;

    let first = stack.report(json!({})).await;
    assert_eq!(
        (first.expected_timeline.as_slice(), first.observed_timeline.as_slice()),
        (&SEED_TIMELINE[..], &SEED_TIMELINE[..])
    );
    let (one, two, three) = ("assignment1.txt", "assignment2.txt", "assignment3.txt");
    assert_eq!(names(&first), [(vec![one, two], vec![two]), (vec![three], vec![one])]);
    check_stack(&stack, &[(three, 2)]).await;
    check_plot(&stack, &first).await;

    // A second run on the same stack, and a third that comes in between.
    let second = stack.start(json!({})).await;
    let second_name = second.rsplit(':').next().expect("an execution's ARN ends with its name");
    eventually("the second run holds the lock", async || {
        stack.row(RUN_LOCK_KEY).await.is_some_and(|lock| lock["run_id"] == second_name)
    })
    .await;
    let third = stack.run(json!({})).await;
    check_failure(&third, ErrorName::RunInProgress, &[second_name]);
    let second = stack.end_of(&second).await.report().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(second.observed_timeline, SEED_TIMELINE);
    check_stack(&stack, &[(three, 2)]).await;

    let custom = json!({
        "cycles": [
            { "upload": [{ "object_name": "a b+c/ü.txt", "size_bytes": 19 }] },
            { "upload": [{ "object_name": "__STATE__", "size_bytes": 12 }, { "object_name": "z", "size_bytes": 5 }] },
            {
                "upload": [{ "object_name": "z", "size_bytes": 9 }],
                "expect": { "deleted": ["__STATE__"], "total_size": 9 },
            },
        ],
    });
    let third = stack.report(custom).await;
    assert_eq!(third.observed_timeline, [0, 19, 31, 36, 17, 21, 9]);
    assert_eq!(
        names(&third),
        [(vec!["a b+c/ü.txt"], vec![]), (vec!["__STATE__", "z"], vec!["a b+c/ü.txt"]), (vec!["z"], vec!["__STATE__"]),]
    );
    check_stack(&stack, &[("z", 9)]).await;
    stack.local_aws.shutdown().await;
}

async fn check_plot(stack: &Stack, report: &RunReport) {
    let plot = &report.plot;
    assert_eq!(
        (plot.content_type.as_str(), &plot.bucket_name),
        ("image/png", &stack.local_aws.outputs().plot_bucket_name)
    );
    let object = stack.s3.get_object().bucket(&plot.bucket_name).key(plot.object_name.as_str()).send().await;
    let bytes = object.expect("the plot is where the report says").body.collect().await.expect("the plot").to_vec();
    assert_eq!(bytes.len() as u64, plot.size_bytes);
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
}

#[tokio::test]
async fn every_failure_is_named_and_leaves_the_lock_released() {
    let _live = live().await;
    let stack = Stack::up().await;
    let upload = json!([{ "object_name": "a", "size_bytes": 5 }]);

    for (input, words) in [
        (json!({ "cycle": [] }), "input.cycle: unknown field `cycle`"),
        (json!({ "cycles": [] }), "input.cycles: a list of 0 items is out of range: it must have 1 to 10"),
        (
            json!({ "cycles": [{ "upload": [{ "object_name": "a", "size_bytes": -1 }] }] }),
            "input.cycles[0].upload[0].size_bytes",
        ),
        (
            json!({ "cycles": [{ "upload": upload, "expect": { "deleted": ["b"], "total_size": 0 } }] }),
            "input.cycles[0].expect.deleted",
        ),
    ] {
        check_failure(&stack.run(input).await, ErrorName::InvalidInput, &[words]);
        assert_eq!(stack.row(RUN_LOCK_KEY).await, None, "the run lock is released");
    }

    // The name is one of the scenario's, but no run has put the object there.
    stack.put("assignment1.txt", 7).await;
    check_failure(&stack.run(json!({})).await, ErrorName::BucketNotEmpty, &["assignment1.txt", "nothing was deleted"]);
    check_stack_eventually(&stack, &[("assignment1.txt", 7)]).await;
    stack.delete("assignment1.txt").await;

    // Five bytes never make the alarm go off.
    let never = json!({
        "cycles": [{ "upload": upload, "expect": { "deleted": ["a"], "total_size": 0 } }],
        "deadline_seconds": 5,
    });
    let seen = ["should have seen a deleted and the total at 0 bytes", "shows nothing deleted and the total at 5"];
    check_failure(&stack.run(never).await, ErrorName::DeletionDeadlinePassed, &seen);
    check_stack(&stack, &[("a", 5)]).await;

    // After all of these failures, a run succeeds.
    assert_eq!(stack.report(json!({})).await.observed_timeline, SEED_TIMELINE);
    stack.local_aws.shutdown().await;
}

#[tokio::test]
async fn a_run_fails_if_the_alarm_may_not_invoke_the_cleaner() {
    let _live = live().await;
    let stack = Stack::up().await;
    let outputs = stack.local_aws.outputs();
    stack.forbid_invocations(&outputs.cleaner_function_name).await;
    let cycle = json!({ "upload": [{ "object_name": "a", "size_bytes": 28 }] });
    let run = stack.start(json!({ "cycles": [cycle] })).await;
    let cloudwatch = aws_sdk_cloudwatch::Client::new(stack.local_aws.sdk_config());
    eventually("the alarm goes off", async || {
        let alarms = cloudwatch.describe_alarms().alarm_names(&outputs.alarm_name).send().await;
        let alarms = alarms.expect("alarms can be described").metric_alarms.unwrap_or_default();
        alarms.iter().any(|alarm| alarm.state_value == Some(StateValue::Alarm))
    })
    .await;
    stack.delete("a").await;
    let said = ["should have had a deleted in cycle 1", "there is no record of a cleaning that deleted it"];
    check_failure(&stack.end_of(&run).await, ErrorName::NotDeletedByAlarm, &said);
    check_stack(&stack, &[]).await;
    stack.local_aws.shutdown().await;
}

#[tokio::test]
async fn the_lock_of_a_stopped_run_is_taken() {
    let _live = live().await;
    let stack = Stack::up().await;
    let stopped = stack.start(json!({})).await;
    eventually("the run holds the lock", async || stack.row(RUN_LOCK_KEY).await.is_some()).await;
    let sfn = aws_sdk_sfn::Client::new(stack.local_aws.sdk_config());
    sfn.stop_execution().execution_arn(&stopped).send().await.expect("a run can be stopped");
    let cycle = json!({ "upload": [{ "object_name": "a", "size_bytes": 5 }] });
    let next = stack.report(json!({ "cycles": [cycle] })).await;
    assert_eq!((next.observed_timeline, next.cleanings), (vec![0, 5], vec![]));
    check_stack(&stack, &[("a", 5)]).await;
    stack.local_aws.shutdown().await;
}

/// Waits until the ledger has recorded as many objects, and checks the stack then.
async fn check_stack_eventually(stack: &Stack, bucket: &[(&str, i64)]) {
    eventually("the ledger records the objects", async || {
        let state = stack.row(STATE_KEY).await.unwrap_or_default();
        state.get("object_count") == Some(&json!(bucket.len()))
    })
    .await;
    check_stack(stack, bucket).await;
}
