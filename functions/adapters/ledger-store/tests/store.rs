//! The store against a DynamoDB that can be made to fail: what is sent, and what is left after a crash.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde_json::json;
use spillway_contracts::ledger::HistoryRecord;
use spillway_contracts::{ErrorName, ObjectName, Sequencer};
use spillway_fake_aws::{Failure, FakeDynamoDb};
use spillway_ledger::{EventKind, ObjectEvent};
use spillway_ledger_store::{StoreError, apply};

fn event(object: &str, position: i64, size: Option<u64>) -> ObjectEvent {
    ObjectEvent {
        bucket_name: "b".into(),
        object_name: ObjectName::new(object).unwrap(),
        kind: size.map_or(EventKind::Deleted, |size| EventKind::Created { size, etag: None }),
        event_type: if size.is_some() { "ObjectCreated:Put" } else { "ObjectRemoved:Delete" }.into(),
        sequencer: Sequencer::new(format!("{position:08X}")).unwrap(),
        version_id: None,
        event_time: Timestamp::from_second(1_790_000_000 + position).unwrap(),
    }
}

fn puts(count: i64) -> Vec<ObjectEvent> {
    (1..=count).map(|position| event(&format!("object-{position}"), position, Some(10))).collect()
}

/// A hot partition, and a table on demand that is asked for more than it has: the SDK retries neither.
#[tokio::test(start_paused = true)]
async fn an_overload_is_waited_out_and_has_a_name_if_it_lasts() {
    for reason in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
        let fake = FakeDynamoDb::default();
        fake.cancel(11, reason);
        assert_eq!(deliver(&fake, puts(2)).await.unwrap(), [10, 20]);
        fake.cancel(12, reason);
        let error = deliver(&fake, vec![event("late", 9, Some(1))]).await.unwrap_err();
        assert_eq!(error.to_string(), "DynamoDB was overloaded in each of 12 attempts to commit");
        assert_eq!(error.name(), ErrorName::ServiceUnavailable);
    }
}

/// As on AWS, where the SDK's own three attempts would soon be over, and its tokens with them.
#[tokio::test(start_paused = true)]
async fn reads_that_there_is_no_room_for_are_made_again_and_their_error_has_a_name_if_that_lasts() {
    for code in ["ThrottlingException", "ProvisionedThroughputExceededException"] {
        let fake = FakeDynamoDb::default();
        deliver(&fake, puts(2)).await.unwrap();
        let store = fake.patient_store();
        // Sixteen requests side by side, then two hundred. Each is refused about four times.
        let names: BTreeSet<ObjectName> =
            (0..1_600).map(|object| ObjectName::new(format!("object-{object}")).unwrap()).collect();
        fake.refuse_next(64, code, "too much");
        assert_eq!(store.rows(&names).await.unwrap().len(), 2);
        fake.refuse_next(800, code, "too much");
        let newest = try_join_all((0..25).map(|_| store.key_before("~"))).await.unwrap();
        assert!(newest.iter().all(Option::is_some));
        fake.refuse_next(11, code, "too much");
        assert_eq!(store.state().await.unwrap().unwrap().total_size, 20);
        fake.refuse_next(12, code, "too much");
        let error = store.state().await.unwrap_err();
        assert_eq!(error.to_string(), format!("BatchGetItem failed: {code}: too much"));
        assert_eq!(error.name(), ErrorName::ServiceUnavailable);
    }
}

async fn deliver(fake: &FakeDynamoDb, events: Vec<ObjectEvent>) -> Result<Vec<u64>, StoreError> {
    let mut totals = Vec::new();
    apply(&fake.store(), events, || Timestamp::UNIX_EPOCH, |record: &HistoryRecord| totals.push(record.total_size))
        .await?;
    Ok(totals)
}

fn calls(batch_get: usize, transact: usize) -> BTreeMap<String, usize> {
    let counts = [("BatchGetItem", batch_get), ("TransactWriteItems", transact)];
    counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test]
async fn a_batch_of_48_objects_is_one_read_and_one_transaction() {
    let fake = FakeDynamoDb::default();
    assert_eq!(deliver(&fake, puts(48)).await.unwrap().last(), Some(&480));
    assert_eq!(fake.calls(), calls(1, 1));
}

#[tokio::test]
async fn a_batch_that_is_too_large_for_one_transaction_is_split() {
    let fake = FakeDynamoDb::default();
    assert_eq!(deliver(&fake, puts(60)).await.unwrap().last(), Some(&600));
    assert_eq!(fake.calls(), calls(1, 2));
}

#[tokio::test]
async fn a_batch_of_known_events_writes_nothing() {
    let fake = FakeDynamoDb::default();
    deliver(&fake, puts(48)).await.unwrap();
    assert_eq!(deliver(&fake, puts(48)).await.unwrap(), [0_u64; 0]);
    assert_eq!(fake.calls(), calls(2, 1));
}

#[tokio::test]
async fn many_events_of_one_object_are_one_row() {
    let fake = FakeDynamoDb::default();
    let events = (1..=90).map(|position| event("a", position, Some(position as u64))).collect();
    assert_eq!(deliver(&fake, events).await.unwrap().last(), Some(&90));
    assert_eq!(fake.calls(), calls(1, 1));
    assert_eq!(fake.total_size(), 90);
}

/// Four batches with overwrites and deletions; after them, `b` and `c` are left.
fn batches() -> Vec<Vec<ObjectEvent>> {
    vec![
        vec![event("a", 1, Some(5)), event("b", 2, Some(7))],
        vec![event("a", 3, None), event("__STATE__", 4, Some(100))],
        vec![event("b", 5, Some(9)), event("c", 6, Some(1))],
        vec![event("__STATE__", 7, None)],
    ]
}

#[tokio::test]
async fn a_crash_or_a_lost_answer_at_any_call_changes_nothing_once_delivered_again() {
    let mut calls = 0;
    for failing in [Failure::BeforeTheCall, Failure::AfterTheCall] {
        for call in 0.. {
            let fake = FakeDynamoDb::default();
            fake.fail_at(call, failing);
            for batch in batches() {
                // SQS delivers again what was not acknowledged.
                while deliver(&fake, batch.clone()).await.is_err() {}
            }
            fake.check_sums(&BTreeMap::from([("b".to_owned(), 9), ("c".to_owned(), 1)]));
            if !fake.has_failed() {
                break;
            }
            calls += 1;
        }
    }
    assert!(calls >= 2 * 8, "only {calls} calls were made to fail");
}

#[tokio::test]
async fn concurrent_batches_conflict_and_converge() {
    let fake = FakeDynamoDb::default();
    let deliveries: Vec<_> = (0..8_i64)
        .map(|tracker| {
            let fake = fake.clone();
            let events: Vec<ObjectEvent> = (0..40_i64)
                .map(|i| event(&format!("o{}", (i * 7 + tracker) % 25), i * 8 + tracker + 1, Some(i as u64)))
                .collect();
            tokio::spawn(async move { while deliver(&fake, events.clone()).await.is_err() {} })
        })
        .collect();
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    let newest = |object: i64| {
        let sizes = (0..8).flat_map(|tracker| (0..40).map(move |i| (i * 8 + tracker, (i * 7 + tracker) % 25, i)));
        sizes.filter(|(_, o, _)| *o == object).max().map(|(_, _, size)| size as u64).unwrap()
    };
    let bucket = (0..25).map(|object| (format!("o{object}"), newest(object))).collect();
    fake.check_sums(&bucket);
    assert!(fake.conflicts() > 0, "eight trackers never met");
}

#[tokio::test(start_paused = true)]
async fn after_a_conflict_only_what_is_still_to_be_applied_is_read_again() {
    let fake = FakeDynamoDb::default();
    let mut transactions = 0;
    fake.before_each("TransactWriteItems", move |tables| {
        transactions += 1;
        if transactions == 4 {
            tables.objects.get_mut("__STATE__").unwrap()["version"] = json!({ "N": "1000" });
        }
    });
    assert_eq!(deliver(&fake, puts(240)).await.unwrap().last(), Some(&2400));
    // 240 rows with three requests; the last 93 with one. Five transactions of 49 or fewer events, one of them twice.
    assert_eq!(fake.calls(), calls(3 + 1, 5 + 1));
}

/// The rows of a large batch are read with several requests. `z` expires between the one that reads it and the one that reads
/// `__STATE__`: its row has the same sequencer as before.
#[tokio::test(start_paused = true)]
async fn a_row_that_was_read_before_a_change_that_keeps_its_sequencer_is_noticed() {
    let fake = FakeDynamoDb::default();
    deliver(&fake, vec![event("z", 1, Some(18))]).await.unwrap();
    let before = fake.tables();
    let expiry = ObjectEvent { event_type: "LifecycleExpiration:Delete".into(), ..event("z", 1, None) };
    assert_eq!(deliver(&fake, vec![expiry]).await.unwrap(), [0]);
    let after = fake.tables();
    let mut reads = 0;
    let since = after.clone();
    fake.before_each("BatchGetItem", move |tables| {
        reads += 1;
        if reads == 2 {
            *tables = before.clone();
        }
    });
    fake.before_next("TransactWriteItems", move |tables| *tables = since);
    let mut events = puts(120);
    events.insert(0, event("z", 0x100, Some(5)));
    let bucket = events
        .iter()
        .map(|event| (event.object_name.to_string(), if event.object_name.as_str() == "z" { 5 } else { 10 }));
    let bucket = bucket.collect();
    deliver(&fake, events).await.unwrap();
    fake.check_sums(&bucket);
}

#[tokio::test]
async fn more_rows_than_one_read_takes_are_read_in_two() {
    let fake = FakeDynamoDb::default();
    deliver(&fake, puts(150)).await.unwrap();
    let names: BTreeSet<_> = puts(150).into_iter().map(|event| event.object_name).collect();
    assert_eq!(fake.store().snapshot(&names).await.unwrap().rows.len(), 150);
}
