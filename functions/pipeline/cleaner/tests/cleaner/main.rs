//! The cleaner against a ledger and a bucket in memory: what it deletes, and what it says.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

mod reading;
mod rounds;
mod rules;
mod world;

use std::time::Duration;

use cleaner::{Error, Invocation, handle};
use serde_json::json;
use spillway_contracts::log_line::{Invoker, Level, Outcome, Verdict};
use spillway_fake_aws::{Bucket, Refusal, S3Whims, patient_http_client, s3_client, store};
use spillway_ledger::choice::Rule;

use crate::world::{World, alarm, chosen, now, pass, schedule};

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
    let cleaning = line.cleaning.clone().unwrap();
    assert_eq!(
        serde_json::to_value(&line).unwrap(),
        json!({
            "timestamp": line.timestamp, "level": "INFO", "bucket_name": "b", "invoked_by": "alarm", "dry_run": false,
            "message": "20 bytes become 11 without the largest object; the threshold is 20",
            "request_id": "", "cleaning": cleaning,
            "verdict": "BroughtBelow", "ledger_total_size": 20, "under_way_bytes": 0, "unrecorded_count": 0,
            "threshold_bytes": 20, "target_bytes": 20, "delete_first": "largest", "projected_total_size": 11,
            "excess_bytes": 0, "chosen_count": 1, "refused_count": 0,
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
            world.record(name, None).await;
        }
        for invocation in [alarm(), schedule(), alarm()] {
            let line = world.cleaned(invocation).await;
            assert_eq!((chosen(&line), line.projected_total_size), (vec![], 15), "{line:?}");
        }
        assert_eq!(world.s3.keys(), ["c", "d"], "after {recorded:?}");
        assert_eq!(world.s3.requests(), ["a", "b"]);
    }
}

/// Of three equal ones any may go: not another one each time.
#[tokio::test]
async fn what_users_do_meanwhile_makes_no_second_invocation_delete_what_could_stay() {
    let world = World::with(&[("a", 10), ("b", 10), ("c", 9)]).await;
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("a", Outcome::Deleted)]);
    // 19 bytes are left, and the ledger doesn't know: with a user's 9 bytes less and 5 more, it counts 25.
    world.s3.remove("c");
    world.record("c", None).await;
    world.upload("new", 5).await;
    let line = world.cleaned(alarm()).await;
    assert_eq!((chosen(&line), line.ledger_total_size, line.under_way_bytes), (vec![], 25, 10));
    // What is too much now is what goes now.
    world.upload("newer", 6).await;
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("b", Outcome::Deleted)]);
}

#[tokio::test]
async fn what_is_written_again_after_its_deletion_counts_again() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    world.cleaned(alarm()).await;
    // The same content: the ETag is the same, too.
    world.upload("a", 28).await;
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("a", Outcome::Deleted)]);
}

#[tokio::test]
async fn concurrent_invocations_delete_what_one_would() {
    let world = World::with(&[("a", 12), ("b", 11), ("c", 10), ("d", 5)]).await;
    let (first, second) = tokio::join!(world.cleaned(alarm()), world.cleaned(alarm()));
    assert_eq!((first.invoked_by, second.invoked_by), (Invoker::Alarm, Invoker::Alarm));
    assert_eq!(chosen(&first).len() + chosen(&second).len(), 2);
    assert_eq!(world.s3.keys(), ["c", "d"]);
}

#[tokio::test]
async fn an_object_that_was_overwritten_stays_and_no_other_goes_in_its_place() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    world.s3.put("a", 28, "second");
    let line = world.cleaned(alarm()).await;
    assert_eq!(chosen(&line), [("a", Outcome::Overwritten)]);
    assert_eq!((line.verdict, line.projected_total_size, line.excess_bytes), (Verdict::Incomplete, 46, 27));
    assert_eq!(chosen(&world.cleaned(alarm()).await), []);
    assert_eq!(world.s3.keys(), ["a", "b"]);
}

#[tokio::test]
async fn a_dry_run_asks_nothing_of_s3() {
    let mut world = World::with(&[("a", 28), ("b", 18)]).await;
    world.deps.dry_run = true;
    let line = world.cleaned(alarm()).await;
    assert_eq!((chosen(&line), line.dry_run, &line.cleaning), (vec![("a", Outcome::DryRun)], true, &None));
    assert_eq!((line.verdict, line.projected_total_size), (Verdict::BroughtBelow, 18));
    assert_eq!(world.s3.requests(), [""; 0]);
}

#[tokio::test]
async fn protected_objects_stay_and_that_is_said_loudly() {
    let world = World::with(&[("keep/a", 28), ("b", 5)]).await;
    let line = world.cleaned(alarm()).await;
    assert_eq!(chosen(&line), [("b", Outcome::Deleted)]);
    assert_eq!((line.verdict, line.level, line.excess_bytes), (Verdict::OnlyProtectedLeft, Level::Error, 9));
    assert_eq!(world.s3.keys(), ["keep/a"]);
}

#[tokio::test]
async fn no_more_go_than_one_invocation_may_delete_and_the_schedule_goes_on_at_once() {
    let mut world = World::with(&[("a", 9), ("b", 9), ("c", 9), ("d", 9)]).await;
    world.deps.rule.max_deletes = 1;
    let line = world.cleaned(alarm()).await;
    assert_eq!((line.verdict, line.level, line.excess_bytes), (Verdict::MaxDeletesReached, Level::Error, 8));
    assert_eq!(world.s3.keys(), ["b", "c", "d"]);
    let line = world.cleaned(schedule()).await;
    assert_eq!((chosen(&line), line.verdict), (vec![("b", Outcome::Deleted)], Verdict::BroughtBelow));
}

/// A healthy alarm comes before the schedule, so that whoever watches can tell a broken one.
#[tokio::test]
async fn the_schedule_leaves_a_total_to_the_alarm_first() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    let line = world.cleaned(schedule()).await;
    assert_eq!((line.verdict, line.level, line.excess_bytes), (Verdict::LeftToAlarm, Level::Info, 0));
    assert_eq!(world.s3.requests(), [""; 0]);
    pass(180);
    assert_eq!(world.cleaned(schedule()).await.verdict, Verdict::LeftToAlarm);
    pass(1);
    assert_eq!(chosen(&world.cleaned(schedule()).await), [("a", Outcome::Deleted)]);
    world.record("a", None).await;

    // A total that was below in between is another one.
    world.upload("c", 30).await;
    assert_eq!(world.cleaned(schedule()).await.verdict, Verdict::LeftToAlarm);
    world.s3.remove("c");
    world.record("c", None).await;
    assert_eq!(world.cleaned(schedule()).await.verdict, Verdict::BelowThreshold);
    world.upload("d", 30).await;
    pass(3600);
    assert_eq!(world.cleaned(schedule()).await.verdict, Verdict::LeftToAlarm);
}

/// It acts when it goes off, and it stays in ALARM as long as the bucket is filled up again within each of its periods.
#[tokio::test]
async fn the_schedule_does_not_wait_for_an_alarm_that_has_gone_off_already() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    *world.alarm.lock().unwrap() = Some(("ALARM", now()));
    pass(60);
    assert_eq!(world.cleaned(schedule()).await.verdict, Verdict::LeftToAlarm, "its invocation may be under way");
    pass(1);
    assert_eq!(chosen(&world.cleaned(schedule()).await), [("a", Outcome::Deleted)]);
}

#[tokio::test]
async fn the_schedule_waits_for_an_alarm_whose_state_is_not_known() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    *world.alarm.lock().unwrap() = None;
    assert_eq!(world.cleaned(schedule()).await.verdict, Verdict::LeftToAlarm);
    pass(181);
    assert_eq!(chosen(&world.cleaned(schedule()).await), [("a", Outcome::Deleted)]);
}

#[tokio::test]
async fn an_object_that_s3_refuses_to_delete_keeps_no_other_and_has_a_verdict_of_its_own() {
    let world = World::with(&[("a", 30), ("b", 20), ("c", 10)]).await;
    world.s3.refuse("a", Refusal::AccessDenied);
    let line = world.cleaned(alarm()).await;
    assert_eq!(chosen(&line), [("a", Outcome::Refused), ("b", Outcome::Deleted), ("c", Outcome::Deleted)]);
    assert_eq!((line.verdict, line.level, line.refused_count), (Verdict::Refused, Level::Error, 1));
    assert_eq!(
        line.message,
        "60 bytes become 30 without the 3 largest objects, of which S3 refuses to delete some; the threshold is 20"
    );
}

/// Whether it was deleted, nobody knows: until then it is neither counted nor chosen again.
#[tokio::test]
async fn a_failure_of_s3_fails_the_invocation_and_the_next_one_asks_what_came_of_it() {
    let world = World::with(&[("a", 30), ("b", 20), ("c", 10)]).await;
    world.s3.refuse("a", Refusal::SlowDown);
    let (line, error) = world.clean(alarm()).await;
    assert_eq!(chosen(&line), [("a", Outcome::Failed), ("b", Outcome::Deleted)]);
    assert_eq!((line.verdict, line.level), (Verdict::Incomplete, Level::Error));
    assert_eq!(error.map(|error| error.to_string()).as_deref(), Some("DeleteObject failed: SlowDown: told to"));
    let (line, _) = world.clean(schedule()).await;
    assert_eq!((chosen(&line), line.under_way_bytes), (vec![], 50), "the request may still be on its way");
    pass(120);
    let (line, _) = world.clean(schedule()).await;
    assert_eq!(chosen(&line), [("a", Outcome::Failed)], "it is still there");
    pass(120);
    world.s3.remove("a");
    assert_eq!(chosen(&world.cleaned(schedule()).await), []);
}

/// S3 tells nobody about it who doesn't have the key that it is encrypted with, but it lists it.
#[tokio::test]
async fn what_became_of_an_object_that_s3_tells_nothing_about_is_found_in_the_listing() {
    let world = World::with(&[("a", 30), ("b", 20), ("c", 10)]).await;
    world.s3.encrypt("a");
    world.s3.refuse("a", Refusal::SlowDown);
    world.clean(alarm()).await;
    pass(120);
    let (line, _) = world.clean(schedule()).await;
    assert_eq!(chosen(&line), [("a", Outcome::Failed)], "it is still there");
    pass(120);
    world.s3.put("a", 30, "second");
    assert_eq!(chosen(&world.cleaned(schedule()).await), [], "it is another one, whose event is under way");
    pass(120);
    world.s3.remove("a");
    assert_eq!(chosen(&world.cleaned(schedule()).await), []);
}

/// The other one may have failed: the object counts, and may be chosen again.
#[tokio::test]
async fn an_object_that_somebody_else_was_at_is_not_taken_for_another_one() {
    let world = World::with(&[("a", 30), ("b", 10)]).await;
    world.s3.refuse("a", Refusal::Conflict);
    let line = world.cleaned(alarm()).await;
    assert_eq!((chosen(&line), line.verdict), (vec![("a", Outcome::Kept)], Verdict::Incomplete));
    let line = world.cleaned(schedule()).await;
    assert_eq!((chosen(&line), line.under_way_bytes), (vec![("a", Outcome::Kept)], 0));
}

/// The SDK sends no key of white space alone: nobody will ever delete that object, or say what became of it.
#[tokio::test]
async fn an_object_whose_key_cannot_be_sent_keeps_no_other() {
    let world = World::with(&[(" ", 15), ("b", 10)]).await;
    assert_eq!(chosen(&world.cleaned(alarm()).await), [(" ", Outcome::Refused), ("b", Outcome::Deleted)]);
    assert_eq!(world.s3.keys(), [" "]);
}

/// DynamoDB never answers: the invocation ends by itself, before Lambda ends it.
#[tokio::test(start_paused = true)]
async fn an_invocation_that_gets_no_answer_ends_before_its_time_is_up() {
    let mut world = World::with(&[("a", 28)]).await;
    world.deps.store = store(patient_http_client(|_| std::future::pending()));
    let ended = tokio::time::timeout(Duration::from_secs(118), world.fails(alarm())).await;
    assert!(matches!(ended, Ok(Error::OutOfTime)), "{ended:?}");
    assert_eq!(world.s3.keys(), ["a"]);
}

/// Each invocation may delete one object.
#[tokio::test]
async fn what_s3_refuses_to_delete_is_not_what_the_rule_allows() {
    let mut world = World::with(&[("a", 30), ("b", 20), ("c", 10)]).await;
    world.deps.rule.max_deletes = 1;
    world.s3.refuse("a", Refusal::AccessDenied);
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("a", Outcome::Refused), ("b", Outcome::Deleted)]);
}

/// An invocation crashes, and others begin before its time is over: that must not put off the question what it did.
#[tokio::test]
async fn what_is_taken_over_is_in_doubt_as_soon_as_its_own_invocation_is_over() {
    let world = World::with(&[("a", 30), ("b", 20)]).await;
    world.s3.refuse("a", Refusal::SlowDown);
    world.clean(alarm()).await;
    pass(60);
    world.upload("c", 25).await;
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("c", Outcome::Deleted)], "`a` is taken over");
    pass(61);
    let (line, _) = world.clean(alarm()).await;
    assert_eq!(chosen(&line), [("a", Outcome::Failed)], "S3 was asked: it is still there");
}

/// Nobody has deleted it but the ledger says that it is there: an event was lost.
#[tokio::test]
async fn an_object_that_is_not_there_costs_no_other_its_life_and_is_told_after_a_while() {
    let world = World::with(&[("ghost", 100), ("a", 10)]).await;
    world.s3.remove("ghost");
    let line = world.cleaned(alarm()).await;
    assert_eq!((chosen(&line), line.verdict), (vec![("ghost", Outcome::AlreadyGone)], Verdict::BroughtBelow));
    for _ in 0..20 {
        pass(60);
        let line = world.cleaned(schedule()).await;
        assert_eq!((chosen(&line), line.under_way_bytes, line.projected_total_size), (vec![], 100, 10));
    }
    let line = world.cleaned(schedule()).await;
    assert_eq!((line.unrecorded_count, line.level, line.verdict), (1, Level::Error, Verdict::BelowThreshold));
    assert_eq!(world.s3.keys(), ["a"]);
    // Further cleanings go on without it.
    world.upload("b", 15).await;
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("b", Outcome::Deleted)]);
    assert_eq!(world.cleaned(alarm()).await.unrecorded_count, 1);
}

/// Its deletion and its new creation are both lost, so that the audit finds the row right: it looks like the one chosen.
#[tokio::test]
async fn what_was_written_again_just_as_it_was_counts_again_once_an_audit_has_seen_it() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("a", Outcome::Deleted)]);
    world.s3.put("a", 28, "first");
    let audited_at = now();
    pass(3600);
    // An audit that had begun before the deletion was over may have seen the object before.
    world.audited(audited_at).await;
    let line = world.cleaned(alarm()).await;
    assert_eq!((chosen(&line), line.under_way_bytes, line.projected_total_size), (vec![], 28, 18));
    world.audited(now()).await;
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("a", Outcome::Deleted)]);
    assert_eq!(world.s3.keys(), ["b"]);
}

/// The audit has seen that it is gone, but its event may be under way.
#[tokio::test]
async fn what_is_still_gone_after_an_audit_stays_under_way() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    world.cleaned(alarm()).await;
    pass(3600);
    world.audited(now()).await;
    let line = world.cleaned(alarm()).await;
    assert_eq!((chosen(&line), line.under_way_bytes, line.projected_total_size), (vec![], 28, 18));
}

#[tokio::test]
async fn a_bucket_that_held_objects_before_its_ledger_loses_none_before_an_audit() {
    let mut world = World::with(&[("a", 28), ("b", 18)]).await;
    world.deps.needs_audit = true;
    for invocation in [alarm(), schedule()] {
        let line = world.cleaned(invocation).await;
        assert_eq!((chosen(&line), line.verdict, line.projected_total_size), (vec![], Verdict::NotAudited, 46));
    }
    world.audited_of("another bucket", now(), false).await;
    assert_eq!(world.cleaned(alarm()).await.verdict, Verdict::NotAudited);
    assert_eq!(world.s3.requests(), [""; 0]);
    world.audited(now()).await;
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("a", Outcome::Deleted)]);
}

#[tokio::test]
async fn an_etag_that_never_fits_stands_in_nobodys_way() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    world.s3.put("a", 5, "an event that was lost");
    world.cleaned(alarm()).await;
    world.upload("c", 10).await;
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("b", Outcome::Deleted)]);
    pass(16 * 60);
    assert_eq!(world.cleaned(alarm()).await.unrecorded_count, 2);
}

#[tokio::test]
async fn an_object_without_an_etag_is_looked_up_and_kept_if_it_is_another() {
    let world = World::with(&[]).await;
    for (name, size) in [("a", 28), ("b", 25)] {
        world.s3.put(name, if name == "a" { 28 } else { 24 }, "etag");
        world.record_with(name, Some(size), None).await;
    }
    let line = world.cleaned(alarm()).await;
    assert_eq!(chosen(&line), [("a", Outcome::Deleted), ("b", Outcome::Overwritten)]);
    assert_eq!(world.s3.requests(), ["a"]);
}

/// The process ends between the record and the deletion.
#[tokio::test]
async fn a_cleaning_that_broke_off_is_left_alone_while_it_may_go_on_and_then_made_up_for() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    world.cleaned(alarm()).await;
    // As if only the first of its two writes had happened, and no deletion.
    let mut begun = world.dynamodb.tables();
    for record in begun.history.values_mut().filter(|record| record.get("cleaning_id").is_some()) {
        record["objects"]["L"][0]["M"]["outcome"] = json!({ "NULL": true });
    }
    begun.objects.get_mut("__CLEANER__").unwrap()["unfinished"] = json!({ "BOOL": true });
    world.s3.put("a", 28, "first");
    world.dynamodb.become_now(begun);
    assert_eq!(chosen(&world.cleaned(schedule()).await), []);
    pass(121);
    assert_eq!(chosen(&world.cleaned(schedule()).await), [("a", Outcome::Deleted)]);
    assert_eq!(world.s3.keys(), ["b"]);
}

/// S3 takes 20 ms for each deletion.
fn slow(bucket: &std::sync::Arc<std::sync::Mutex<Bucket>>) -> aws_sdk_s3::Client {
    let bucket = bucket.clone();
    s3_client(patient_http_client(move |request| {
        let bucket = bucket.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(bucket.lock().unwrap().answer(&request, 0, &S3Whims::default()))
        }
    }))
}

#[tokio::test(start_paused = true)]
async fn a_thousand_objects_at_20_ms_each_go_in_two_seconds() {
    let names: Vec<String> = (0..1000).map(|number| format!("{number:04}")).collect();
    let objects: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 10)).collect();
    let mut world = World::with(&objects).await;
    let bucket = std::sync::Arc::new(std::sync::Mutex::new(Bucket::default()));
    names.iter().for_each(|name| bucket.lock().unwrap().put(name, 10, "first", 0));
    world.deps.s3 = slow(&bucket);
    world.deps.rule = Rule::largest_first(1, 1000);
    let start = tokio::time::Instant::now();
    let line = world.cleaned(alarm()).await;
    assert_eq!((line.chosen_count, line.projected_total_size), (1000, 0));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(bucket.lock().unwrap().sizes().len(), 0);
}

#[tokio::test]
async fn before_lambdas_deadline_it_stops_and_says_so_and_the_schedule_goes_on() {
    let world = World::with(&[("a", 28), ("b", 18)]).await;
    let (line, error) = world.clean_within(alarm(), 9).await;
    assert_eq!((chosen(&line), line.verdict), (vec![("a", Outcome::Kept)], Verdict::Incomplete));
    assert!(error.is_none());
    assert_eq!(world.s3.requests(), [""; 0]);
    assert_eq!(chosen(&world.cleaned(schedule()).await), [("a", Outcome::Deleted)]);
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_deletes_nothing() {
    let world = World::with(&[("a", 28)]).await;
    world.dynamodb.is_down(true);
    let answer = handle(&world.deps, alarm(), now(), |line| panic!("{line:?}")).await;
    assert!(matches!(answer, Err(Error::Store(_))));
    assert_eq!(world.s3.requests(), [""; 0]);
}

#[test]
fn an_event_that_cannot_be_read_is_told_by_its_field() {
    let read = |event| serde_json::from_value::<Invocation>(event).map(drop).map_err(|error| error.to_string());
    assert_eq!(read(json!({ "schedule": 5 })), Err("schedule: invalid type: integer `5`, expected a string".into()));
    assert_eq!(read(json!({ "alarmArn": "a" })), Err("missing field `source`".into()));
}
