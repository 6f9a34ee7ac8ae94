//! Histories that are too long to be read whole for every plot.

use std::time::Duration;

use serde_json::{Value, json};
use spillway_chart::NOTABLE;
use spillway_contracts::summary::HistorySummary;

use crate::api::image;
use crate::world::{World, at};

const HOUR: i64 = 3_600;

/// This many changes with this many seconds between them, on the average.
fn changes(count: usize, seconds: f64) -> Vec<(f64, String, i64)> {
    let mut random = fastrand::Rng::with_seed(7);
    let (mut second, mut total) = (0.0, 0_i64);
    let change = |_| {
        second += 4.0 * seconds * random.f64().powi(3);
        let size = if random.u8(..) == 0 { 8_000 } else { 1 + random.i64(0..1_000) * random.i64(0..1_000) / 1_000 };
        let size_delta = if total > 30_000 || total > size && random.bool() { -size.min(total) } else { size };
        total += size_delta;
        (second, format!("object-{}", random.u8(..)), size_delta)
    };
    (0..count).map(change).collect()
}

fn world(changes: &[(f64, String, i64)]) -> World {
    let millis = changes.iter().map(|(second, name, delta)| ((second * 1e3) as i64, name.as_str(), *delta));
    let world = World::with_millis(&millis.collect::<Vec<_>>());
    world.dynamodb.has_pages_of(50);
    world
}

async fn svg(world: &World, from: i64, to: i64) -> String {
    let query = json!({ "from": at(from).to_string(), "to": at(to).to_string() });
    String::from_utf8(image(&world.ask(query, "image/svg+xml").await)).unwrap()
}

/// The rows of summaries, by their keys.
fn rows(world: &World) -> Vec<(String, String, HistorySummary)> {
    let tables = world.dynamodb.tables();
    let rows =
        tables.history.iter().filter(|((partition, _), _)| ["b#seconds", "b#minutes"].contains(&partition.as_str()));
    rows.map(|((partition, key), row)| (partition.clone(), key.clone(), serde_dynamo_json(row))).collect()
}

/// A row without DynamoDB's types.
fn serde_dynamo_json(row: &Value) -> HistorySummary {
    let text = |item: &Value, name: &str| item[name]["S"].clone();
    let number = |item: &Value, name: &str| item[name]["N"].as_str().unwrap().parse::<i64>().unwrap();
    let change = |change: &Value| {
        let change = &change["M"];
        json!({
            "event_key": text(change, "event_key"), "object_name": text(change, "object_name"),
            "event_type": text(change, "event_type"), "size_delta": number(change, "size_delta"),
            "total_size": number(change, "total_size"), "committed_at": text(change, "committed_at"),
        })
    };
    let largest: Vec<Value> = row["largest"]["L"].as_array().unwrap().iter().map(change).collect();
    let (bucket_name, event_key) = (text(row, "bucket_name"), text(row, "event_key"));
    let row = json!({ "bucket_name": bucket_name, "event_key": event_key, "largest": largest, "summaries": text(row, "summaries") });
    serde_json::from_value(row).unwrap()
}

/// How many of the queries since the last ones were about this partition.
fn queries(world: &World, partition: &str) -> usize {
    let is_about = |query: &&Value| query["ExpressionAttributeValues"][":bucket"]["S"] == partition;
    world.queries().iter().filter(is_about).count()
}

#[tokio::test]
async fn a_plot_of_what_is_summed_up_is_that_of_the_records_to_the_pixel() {
    // A change every 4 seconds for a few hours, one every 20 seconds for two days of which one is seen, and one every quarter
    // of an hour for weeks.
    let ranges = |length: i64| {
        vec![(0, length), (length / 10 + 7, length - 1_234), (length / 3, length / 3 * 2), (-HOUR, 2 * length)]
    };
    for (count, seconds, threshold, ranges, partition) in [
        (4_000, 4.0, 25_000, ranges(4 * 4_000), "b#seconds"),
        (8_000, 20.0, 37_000, vec![(14 * HOUR, 38 * HOUR - 1)], "b#minutes"),
        (4_000, 900.0, 25_000, ranges(900 * 4_000), "b#minutes"),
    ] {
        let mut world = world(&changes(count, seconds));
        world.deps.threshold_bytes = threshold;
        let mut plain = Vec::new();
        for (from, to) in &ranges {
            plain.push(svg(&world, *from, *to).await);
        }
        assert_eq!(rows(&world), []);
        world.sum_up().await;
        let before = queries(&world, partition);
        for ((from, to), plain) in ranges.iter().zip(&plain) {
            assert!(["+7.81 KiB", "reached at"].iter().all(|text| plain.contains(text)), "{plain}");
            assert_eq!(svg(&world, *from, *to).await, *plain, "{from} to {to}");
        }
        assert!(queries(&world, partition) >= before + 2 * ranges.len(), "{partition} was not read");
    }
}

#[tokio::test]
async fn it_does_not_matter_when_the_history_is_summed_up_and_how_often() {
    let changes = changes(4_000, 30.0);
    let whole = world(&changes);
    whole.sum_up().await;
    assert!(rows(&whole).iter().all(|(_, _, row)| !row.largest.is_empty() && row.largest.len() <= NOTABLE));
    let minutes = rows(&whole).iter().filter(|(partition, ..)| partition == "b#minutes").count();
    assert!(minutes >= 2, "{minutes} rows of minutes");

    // Again, and in parts.
    let before = rows(&whole);
    whole.sum_up().await;
    assert_eq!(rows(&whole), before);
    let parts = world(&changes[..1]);
    for end in [10, 700, 701, 2_500, 4_000] {
        parts.becomes(&world(&changes[..end]));
        parts.sum_up().await;
    }
    assert_eq!(rows(&parts), before);

    // With no more time than for a page of each partition.
    let mut slow = world(&changes);
    slow.dynamodb.has_pages_of(100);
    slow.deps.reading_time = Duration::ZERO;
    for _ in 0..40 {
        slow.sum_up().await;
    }
    assert_eq!(rows(&slow), before);
}

#[tokio::test]
async fn what_may_get_more_records_is_not_summed_up() {
    let world = world(&[(0.0, "a".into(), 1), (599.999, "b".into(), 1)]);
    world.sum_up().await;
    assert_eq!(rows(&world), []);
    let world = self::world(&[(0.0, "a".into(), 1), (600.0, "b".into(), 1)]);
    world.sum_up().await;
    let rows = rows(&world);
    let keys: Vec<_> = rows.iter().map(|(partition, key, _)| (partition.as_str(), key.as_str())).collect();
    assert_eq!(keys, [("b#seconds", "2026-08-01T10:00:00.000Z")]);
}

#[tokio::test]
async fn a_record_that_is_not_visible_yet_ends_the_summing_up() {
    let world = world(&changes(2_000, 10.0));
    let mut tables = world.dynamodb.tables();
    let (key, _) = tables.history.iter().find(|((_, key), _)| key.ends_with("#00000000000000001000")).unwrap();
    let (key, record) = (key.clone(), tables.history[key].clone());
    tables.history.remove(&key);
    world.dynamodb.become_now(tables);
    world.sum_up().await;
    assert!(rows(&world).iter().all(|(_, row, _)| *row < key.1));
    world.dynamodb.put_record(record);
    world.sum_up().await;
    let whole = self::world(&changes(2_000, 10.0));
    whole.sum_up().await;
    assert_eq!(rows(&world), rows(&whole));
}

#[tokio::test]
async fn without_a_ledger_nothing_is_summed_up() {
    let world = World::with(&[]);
    world.sum_up().await;
    assert_eq!(rows(&world), []);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let world = world(&changes(4_000, 4.0));
    world.sum_up().await;
    let mut tables = world.dynamodb.tables();
    tables.history.get_mut(&("b#seconds".into(), "2026-08-01T11:00:00.000Z".into())).unwrap()["summaries"]["S"] =
        "?".into();
    world.dynamodb.become_now(tables);
    let answer = world.ask(json!({ "to": at(16_000).to_string() }), "image/svg+xml").await;
    assert_eq!(answer.status_code, 500);
    let reason = "the summary 2026-08-01T11:00:00.000Z of seconds: it is not in Base64: Invalid symbol 63, offset 0.";
    let body: Value = serde_json::from_slice(&match answer.body.unwrap() {
        aws_lambda_events::encodings::Body::Text(text) => text.into_bytes(),
        other => panic!("{other:?}"),
    })
    .unwrap();
    assert_eq!(body["message"], format!("a row of the history can't be read: {reason}"));
}
