//! The history that is read from several partitions, while it goes on and while it is that of an older version.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use spillway_contracts::partition::{partition, record_number};
use spillway_contracts::summary::HistoryChange;
use spillway_contracts::{ObjectName, Sequencer};
use spillway_fake_aws::{FakeDynamoDb, Tables};
use spillway_ledger::fold::key_time;
use spillway_ledger::{EventKind, ObjectEvent};
use spillway_ledger_store::apply;

fn at(second: u64) -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap() + SignedDuration::from_secs(second as i64)
}

/// Records in one commit that this many objects of 1 byte were put, from the one with this number on.
async fn put(fake: &FakeDynamoDb, first: u64, count: u64) {
    let event = |number: u64| ObjectEvent {
        bucket_name: "b".into(),
        object_name: ObjectName::new(format!("object-{number}")).unwrap(),
        kind: EventKind::Created { size: 1, etag: None },
        event_type: "ObjectCreated:Put".into(),
        sequencer: Sequencer::new("01").unwrap(),
        version_id: None,
        event_time: at(first),
    };
    let events = (first..first + count).map(event).collect();
    apply(&fake.store(), events, || at(first), |_| {}).await.unwrap();
}

/// What the tables hold after each of this many commits of one record.
async fn commits(fake: &FakeDynamoDb, first: u64, count: u64) -> Vec<Tables> {
    let mut steps = Vec::new();
    for number in first..first + count {
        put(fake, number, 1).await;
        steps.push(fake.tables());
    }
    steps
}

/// The history as version 0.1 wrote it.
fn make_older(fake: &FakeDynamoDb) {
    let mut tables = fake.tables();
    for (_, mut record) in std::mem::take(&mut tables.history) {
        record["bucket_name"]["S"] = "b".into();
        tables.put_record(record);
    }
    fake.become_now(tables);
}

fn numbers<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<u64> {
    keys.into_iter().map(|key| record_number(key).unwrap()).collect()
}

async fn history_after(fake: &FakeDynamoDb, key: &str) -> Vec<u64> {
    let records = fake.store().history_after(key).await.unwrap();
    assert!(records.iter().all(|record| record.bucket_name == "b"));
    numbers(records.iter().map(|record| record.event_key.as_str()))
}

async fn changes(fake: &FakeDynamoDb, from: Option<Timestamp>, to: Timestamp) -> Vec<u64> {
    let mut reading = fake.store().changes(from, to).await.unwrap();
    let mut changes: Vec<HistoryChange> = Vec::new();
    while let Some(next) = reading.next().await.unwrap() {
        changes.extend(next);
    }
    assert!(changes.iter().all(|change| Some(change.total_size) == record_number(&change.event_key)));
    numbers(changes.iter().map(|change| change.event_key.as_str()))
}

#[tokio::test]
async fn full_batches_and_single_events_go_to_all_partitions_alike() {
    for batch in [1, 10, 48] {
        let fake = FakeDynamoDb::default();
        for first in (1..=480).step_by(batch) {
            put(&fake, first, batch as u64).await;
        }
        let mut counts = BTreeMap::new();
        for (partition, _) in fake.tables().history.into_keys() {
            *counts.entry(partition).or_insert(0) += 1;
        }
        let expect = (0..8).map(|number| (format!("b#{number}"), 60)).collect();
        assert_eq!(counts, expect, "batches of {batch}");
    }
}

#[tokio::test]
async fn a_history_of_an_older_version_is_read_on_and_continued() {
    let fake = FakeDynamoDb::default();
    fake.has_pages_of(2);
    put(&fake, 1, 5).await;
    make_older(&fake);
    put(&fake, 6, 20).await;
    let tables = fake.tables();
    assert_eq!(tables.history.keys().filter(|(partition, _)| partition == "b").count(), 5);
    fake.check_sums(&(1..=25).map(|number| (format!("object-{number}"), 1)).collect());

    let all: Vec<u64> = (1..=25).collect();
    assert_eq!(history_after(&fake, "").await, all);
    let keys: Vec<String> = tables.records().iter().map(|it| it["event_key"]["S"].as_str().unwrap().into()).collect();
    for (key, after) in [(&keys[2], &all[3..]), (&keys[4], &all[5..]), (&keys[12], &all[13..]), (&keys[24], &[])] {
        assert_eq!(history_after(&fake, key).await, after);
    }
    let store = fake.store();
    for number in 1..25 {
        assert_eq!(store.key_before(&keys[number]).await.unwrap().as_ref(), Some(&keys[number - 1]));
    }
    assert_eq!(store.key_before(&keys[0]).await.unwrap(), None);
    assert_eq!([store.total_before(at(6)).await.unwrap(), store.total_before(at(7)).await.unwrap()], [5, 25]);
    assert_eq!(store.total_before(at(1)).await.unwrap(), 0);
    assert_eq!(changes(&fake, None, at(100)).await, all);
    assert_eq!(changes(&fake, Some(at(2)), at(100)).await, all[5..]);
    assert_eq!(changes(&fake, None, at(6)).await, all[..5]);
    assert_eq!(changes(&fake, Some(at(7)), at(100)).await, [0_u64; 0]);
}

/// A record is committed before each query, so that every partition is read at another moment.
#[tokio::test]
async fn a_history_that_goes_on_while_it_is_read_has_no_gap_and_lacks_nothing_that_was_there() {
    // The first query is of the old partition; of what follows, the first record that is missed depends on where it goes.
    for first in 1..=9 {
        let fake = FakeDynamoDb::default();
        let mut before = vec![Tables::default()];
        before.extend(commits(&fake, 1, first).await);
        let steps = commits(&fake, first + 1, 9).await;
        for after in 0..=first {
            let key = before[after as usize].records().last().map_or("", |it| it["event_key"]["S"].as_str().unwrap());
            fake.become_now(before[first as usize].clone());
            let mut coming = steps.clone().into_iter();
            fake.before_each("Query", move |tables| *tables = coming.next().unwrap());
            let seen = history_after(&fake, key).await;
            let expect: Vec<u64> = (after + 1..=after + seen.len() as u64).collect();
            assert_eq!(seen, expect);
            assert!(after + seen.len() as u64 >= first, "{seen:?} after {after}, and {first} were there");
        }
    }
}

#[tokio::test]
async fn changes_are_those_that_were_recorded_before_they_were_asked_for() {
    let fake = FakeDynamoDb::default();
    fake.has_pages_of(3);
    let before = commits(&fake, 1, 70).await.pop().unwrap();
    let mut coming = commits(&fake, 71, 60).await.into_iter();
    fake.become_now(before);
    fake.before_each("Query", move |tables| *tables = coming.next().unwrap());
    assert_eq!(changes(&fake, None, at(1000)).await, (1..=70).collect::<Vec<_>>());
}

/// Of each partition no more is read than is needed to go on.
#[tokio::test]
async fn partitions_are_read_side_by_side_page_by_page() {
    let fake = FakeDynamoDb::default();
    fake.has_pages_of(10);
    for first in (1..=800).step_by(40) {
        put(&fake, first, 40).await;
    }
    let mut reading = fake.store().changes(None, at(1000)).await.unwrap();
    let mut seen = 0;
    while let Some(changes) = reading.next().await.unwrap() {
        assert_eq!(numbers(changes.iter().map(|change| change.event_key.as_str()))[0], seen + 1);
        seen += changes.len() as u64;
        let read = fake.requests("Query").len() as u64 * 10;
        assert!(read <= seen + 8 * 10 + 8 * 10 + 90, "{read} were read when {seen} were needed");
    }
    assert_eq!(seen, 800);
    // Ten pages of each partition, the last one twice, and the empty one of an older version.
    assert_eq!(fake.requests("Query").len(), 8 * 11 + 1);
}

/// A hole that somebody made into the history by hand, long ago, is no reason to draw nothing after it.
#[tokio::test]
async fn changes_go_on_after_a_record_that_was_removed() {
    let fake = FakeDynamoDb::default();
    put(&fake, 1, 20).await;
    let mut tables = fake.tables();
    let key = tables.records()[6]["event_key"]["S"].as_str().unwrap().to_owned();
    tables.history.remove(&(partition("b", &key), key));
    fake.become_now(tables);
    assert_eq!(changes(&fake, None, at(100)).await, (1..=6).chain(8..=20).collect::<Vec<_>>());
    assert_eq!(fake.store().total_before(key_time(at(100)).parse().unwrap()).await.unwrap(), 20);
}
