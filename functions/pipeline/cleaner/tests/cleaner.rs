//! The cleaner against a ledger and a bucket in memory: what it asks S3 to delete, and what it says.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

use std::cell::RefCell;

use cleaner::{Deps, Error, Invocation, handle};
use jiff::Timestamp;
use serde_json::json;
use spillway_contracts::log_line::{CleanerDecisionLine, Invoker, Level, Outcome, Verdict};
use spillway_contracts::schedule::SafetyNet;
use spillway_contracts::{ObjectName, Sequencer};
use spillway_fake_aws::{FakeDynamoDb, FakeS3, Refusal};
use spillway_ledger::choice::Rule;
use spillway_ledger::{EventKind, ObjectEvent};
use spillway_ledger_store::apply;

/// A bucket, its ledger, and a cleaner with a threshold of 20.
struct World {
    dynamodb: FakeDynamoDb,
    s3: FakeS3,
    deps: Deps,
}

impl World {
    /// A bucket with these objects, all of them in the ledger.
    async fn with(objects: &[(&str, u64)]) -> Self {
        let (dynamodb, s3) = (FakeDynamoDb::default(), FakeS3::default());
        let rule = Rule { threshold_bytes: 20, max_deletes: 1000, protected: "keep/".parse().unwrap() };
        let deps = Deps { store: dynamodb.store(), s3: s3.client(), rule, dry_run: false };
        let world = Self { dynamodb, s3, deps };
        for &(name, size) in objects {
            world.s3.put(name, "first");
            world.record(name, 1, Some(size)).await;
        }
        world
    }

    /// Has the ledger record a creation, or a deletion.
    async fn record(&self, name: &str, position: i64, size: Option<u64>) {
        let event = ObjectEvent {
            bucket_name: "b".into(),
            object_name: ObjectName::new(name).unwrap(),
            kind: size.map_or(EventKind::Deleted, |size| EventKind::Created { size, etag: Some("first".into()) }),
            event_type: "ObjectCreated:Put".into(),
            sequencer: Sequencer::new(format!("{position:08X}")).unwrap(),
            event_time: Timestamp::from_second(position).unwrap(),
        };
        apply(&self.deps.store, vec![event], || Timestamp::UNIX_EPOCH, |_| {}).await.unwrap();
    }

    /// Invokes the cleaner; gives its line, and its error if there is one.
    async fn clean(&self, invocation: Invocation) -> (CleanerDecisionLine, Option<Error>) {
        let lines = RefCell::new(Vec::new());
        let answer = handle(&self.deps, invocation, |line| lines.borrow_mut().push(line.clone())).await;
        let [line] = lines.into_inner().try_into().unwrap_or_else(|lines| panic!("not one line: {lines:?}"));
        if let Ok(answer) = &answer {
            assert_eq!(answer, &line);
        }
        (line, answer.err())
    }

    /// Invokes the cleaner, which must succeed.
    async fn cleaned(&self, invocation: Invocation) -> CleanerDecisionLine {
        match self.clean(invocation).await {
            (line, None) => line,
            (_, Some(error)) => panic!("{error}"),
        }
    }
}

fn schedule() -> Invocation {
    Invocation::Schedule(SafetyNet { schedule: "safety-net".into() })
}

fn alarm() -> Invocation {
    let text = include_str!("../../../../contracts/examples/alarm-event/ok-metric-alarm.json");
    serde_json::from_str(text).unwrap()
}

/// What was chosen, and what became of it.
fn chosen(line: &CleanerDecisionLine) -> Vec<(&str, Outcome)> {
    line.chosen.iter().map(|object| (object.object_name.as_str(), object.outcome)).collect()
}

#[tokio::test]
async fn below_the_threshold_nothing_is_asked_of_s3() {
    let world = World::with(&[("a", 10), ("b", 9)]).await;
    for invocation in [alarm(), schedule()] {
        let line = world.cleaned(invocation).await;
        assert_eq!((line.verdict, line.level, line.excess_bytes), (Verdict::BelowThreshold, Level::Info, 0));
    }
    assert_eq!(world.s3.requests(), [""; 0]);
}

#[tokio::test]
async fn at_the_threshold_the_largest_go_until_the_total_is_below() {
    let world = World::with(&[("a", 4), ("b", 9), ("c", 7)]).await;
    let line = world.cleaned(alarm()).await;
    assert_eq!(
        serde_json::to_value(&line).unwrap(),
        json!({
            "timestamp": line.timestamp, "level": "INFO", "bucket_name": "b", "invoked_by": "alarm", "dry_run": false,
            "message": "20 bytes become 11 without the largest (1); the threshold is 20",
            "request_id": "",
            "verdict": "BroughtBelow", "ledger_total_size": 20, "threshold_bytes": 20, "projected_total_size": 11,
            "excess_bytes": 0, "chosen_count": 1,
            "chosen": [{ "object_name": "b", "size": 9, "outcome": "Deleted" }],
        })
    );
    assert_eq!(world.s3.requests(), ["b"]);
    assert_eq!(world.s3.keys(), ["a", "c"]);
}

#[tokio::test]
async fn a_second_invocation_deletes_nothing_more_however_much_of_the_first_is_recorded() {
    let objects = [("a", 12), ("b", 11), ("c", 10), ("d", 5)];
    for recorded in [&[][..], &["a"], &["b"], &["a", "b"]] {
        let world = World::with(&objects).await;
        assert_eq!(chosen(&world.cleaned(alarm()).await), [("a", Outcome::Deleted), ("b", Outcome::Deleted)]);
        for name in recorded {
            world.record(name, 2, None).await;
        }
        for invocation in [alarm(), schedule(), alarm()] {
            let line = world.cleaned(invocation).await;
            assert!(line.chosen.iter().all(|object| object.outcome == Outcome::AlreadyGone), "{line:?}");
        }
        assert_eq!(world.s3.keys(), ["c", "d"], "after {recorded:?}");
    }
}

#[tokio::test]
async fn concurrent_invocations_delete_what_one_would() {
    let world = World::with(&[("a", 12), ("b", 11), ("c", 10), ("d", 5)]).await;
    let (first, second) = tokio::join!(world.cleaned(alarm()), world.cleaned(schedule()));
    assert_eq!((first.invoked_by, second.invoked_by), (Invoker::Alarm, Invoker::Schedule));
    assert_eq!(world.s3.keys(), ["c", "d"]);
}

#[tokio::test]
async fn an_object_that_was_overwritten_stays() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    world.s3.put("a", "second");
    let line = world.cleaned(alarm()).await;
    assert_eq!(chosen(&line), [("a", Outcome::Overwritten)]);
    assert_eq!((line.verdict, line.projected_total_size, line.excess_bytes), (Verdict::Incomplete, 46, 27));
    assert_eq!(world.s3.keys(), ["a", "b"]);
}

#[tokio::test]
async fn a_dry_run_asks_nothing_of_s3() {
    let mut world = World::with(&[("a", 28), ("b", 18)]).await;
    world.deps.dry_run = true;
    let line = world.cleaned(alarm()).await;
    assert_eq!((chosen(&line), line.dry_run), (vec![("a", Outcome::DryRun)], true));
    assert_eq!((line.verdict, line.projected_total_size), (Verdict::BroughtBelow, 18));
    assert_eq!(world.s3.requests(), [""; 0]);
}

#[tokio::test]
async fn protected_objects_stay_and_that_is_said_loudly() {
    let world = World::with(&[("keep/a", 28), ("b", 5)]).await;
    let line = world.cleaned(schedule()).await;
    assert_eq!(chosen(&line), [("b", Outcome::Deleted)]);
    assert_eq!((line.verdict, line.level, line.excess_bytes), (Verdict::OnlyProtectedLeft, Level::Error, 9));
    assert_eq!(world.s3.keys(), ["keep/a"]);
}

#[tokio::test]
async fn no_more_go_than_one_invocation_may_delete() {
    let mut world = World::with(&[("a", 9), ("b", 9), ("c", 9), ("d", 9)]).await;
    world.deps.rule.max_deletes = 1;
    let line = world.cleaned(alarm()).await;
    assert_eq!((line.verdict, line.level, line.excess_bytes), (Verdict::MaxDeletesReached, Level::Error, 8));
    assert_eq!(world.s3.keys(), ["b", "c", "d"]);
}

#[tokio::test]
async fn an_object_that_cannot_be_deleted_keeps_no_other_and_fails_the_invocation() {
    for (refusal, code) in [(Refusal::AccessDenied, "AccessDenied"), (Refusal::SlowDown, "SlowDown")] {
        let world = World::with(&[("a", 30), ("b", 20), ("c", 10)]).await;
        world.s3.refuse("a", refusal);
        let (line, error) = world.clean(alarm()).await;
        assert_eq!(chosen(&line), [("a", Outcome::Failed), ("b", Outcome::Deleted)]);
        assert_eq!((line.verdict, line.level), (Verdict::Incomplete, Level::Error));
        let error = error.map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(format!("DeleteObject failed: {code}: told to").as_str()));
    }
}

#[tokio::test]
async fn an_index_that_lags_behind_misleads_nobody() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    world.dynamodb.hide_from_index(&["a"]);
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("a", Outcome::Deleted)]);
}

#[tokio::test]
async fn objects_of_one_size_are_all_read_before_one_goes() {
    let names: Vec<String> = (0..230).map(|number| format!("{number:03}")).collect();
    let objects: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let world = World::with(&objects).await;
    assert_eq!(world.cleaned(schedule()).await.chosen_count, 211);
    assert_eq!(world.s3.keys(), names[211..]);
}

#[tokio::test]
async fn a_ledger_that_changes_is_looked_at_again() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    world.dynamodb.is_restless(3);
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("a", Outcome::Deleted)]);
    assert_eq!(world.dynamodb.calls()["Query"], 2 * 4);

    world.dynamodb.is_restless(1000);
    let error = handle(&world.deps, alarm(), |line| panic!("{line:?}")).await.map(drop).unwrap_err();
    assert_eq!(error.to_string(), "the ledger changed during each of 20 looks at it");
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_deletes_nothing() {
    let world = World::with(&[("a", 28)]).await;
    world.dynamodb.is_down(true);
    assert!(matches!(handle(&world.deps, alarm(), |line| panic!("{line:?}")).await, Err(Error::Store(_))));
    assert_eq!(world.s3.requests(), [""; 0]);
}

#[test]
fn an_event_that_cannot_be_read_is_told_by_its_field() {
    let read = |event| serde_json::from_value::<Invocation>(event).map(drop).map_err(|error| error.to_string());
    assert_eq!(read(json!({ "schedule": 5 })), Err("schedule: invalid type: integer `5`, expected a string".into()));
    assert_eq!(read(json!({ "alarmArn": "a" })), Err("missing field `source`".into()));
}
