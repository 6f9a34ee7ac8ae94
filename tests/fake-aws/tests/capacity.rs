//! The model of DynamoDB's capacity does what AWS documents.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

use serde_json::{Value, json};
use spillway_fake_aws::capacity::{Begun, Capacity, Index, Latency, Parameters, bytes};
use spillway_fake_aws::{HISTORY_TABLE, OBJECT_TABLE, Tables, Whims};

/// A put of an object's row, if there is none yet.
fn object(name: &str, size: u64) -> Value {
    let item = json!({
        "object_name": { "S": name },
        "bucket_name": { "S": "b" },
        "size": { "N": size.to_string() },
        "etag": { "S": "e" },
        "updated_at": { "S": "now" },
    });
    put(OBJECT_TABLE, item)
}

fn record(bucket: &str, number: u64) -> Value {
    let item = json!({ "bucket_name": { "S": bucket }, "event_key": { "S": format!("{number:020}") } });
    json!({ "Put": { "TableName": HISTORY_TABLE, "Item": item } })
}

fn put(table: &str, item: Value) -> Value {
    let condition = "attribute_not_exists(object_name)";
    json!({ "Put": { "TableName": table, "Item": item, "ConditionExpression": condition } })
}

fn capacity(parameters: Parameters) -> Capacity {
    Capacity::new(parameters, 1)
}

/// Begins and ends a transaction; says whether there was room for it.
fn write(capacity: &mut Capacity, actions: &[Value], now: f64) -> bool {
    let begun = capacity.begin(&Tables::default(), actions, now);
    begun.map(|begun| capacity.end(&begun)).is_ok()
}

/// The transactions of one action that there was room for in each of some seconds, if a thousand and more are tried in each.
fn taken(capacity: &mut Capacity, seconds: u32, tried: u32, action: impl Fn(u64) -> Value) -> Vec<u32> {
    let mut number = 0;
    let second = |second: u32| {
        let tries = 0..tried;
        let at = |part: u32| f64::from(second) + f64::from(part) / f64::from(tried);
        let room = tries.filter(|part| {
            number += 1;
            write(capacity, &[action(number)], at(*part))
        });
        room.count() as u32
    };
    (0..seconds).map(second).collect()
}

#[test]
fn an_item_is_as_large_as_its_names_and_values() {
    assert_eq!(bytes(&json!({ "name": { "S": "häuser" } })), 4 + 7);
    assert_eq!(bytes(&json!({ "n": { "N": "12345" }, "ok": { "BOOL": true }, "no": { "NULL": true } })), 1 + 4 + 3 + 3);
    assert_eq!(bytes(&json!({ "l": { "L": [{ "S": "ab" }] }, "m": { "M": { "a": { "N": "1" } } } })), 1 + 6 + 1 + 7);
}

#[test]
fn units_grow_by_the_kilobyte_and_double_in_a_transaction() {
    let item = |text: usize| json!({ "a": { "S": "x".repeat(text) } });
    let parameters = Parameters::default();
    assert_eq!([1, 1_023, 1_024, 2_047].map(|text| parameters.write_units(&item(text))), [1.0, 1.0, 2.0, 2.0]);
    assert_eq!([1, 4_095, 4_096].map(|text| parameters.read_units(Some(&item(text)))), [1.0, 1.0, 2.0]);
    assert_eq!(parameters.read_units(None), 1.0);

    let mut capacity = capacity(parameters);
    assert!(write(&mut capacity, &[object("a", 1), record("b", 1)], 0.0));
    // Both are written twice, and the index once.
    assert_eq!(capacity.counts.write_units, 5.0);
    capacity.read(&Tables::default(), &["a".to_owned(), "b".to_owned()], true, 0.0);
    capacity.read(&Tables::default(), &["a".to_owned()], false, 0.0);
    assert_eq!(capacity.counts.read_units, 2.5);
}

#[test]
fn an_index_writes_what_the_developer_guide_lists() {
    let parameters = Parameters::default();
    let row = |size: Option<u64>, etag: &str, other: &str| {
        let mut item = json!({ "object_name": { "S": "a" }, "bucket_name": { "S": "b" }, "etag": { "S": etag }, "other": { "S": other } });
        if let Some(size) = size {
            item["size"] = json!({ "N": size.to_string() });
        }
        item
    };
    let units = |before: Option<Value>, after: Value| -> f64 {
        parameters.index_writes(&Index::BY_SIZE, before.as_ref(), &after).iter().map(|write| write.units).sum()
    };
    assert_eq!(units(None, row(Some(1), "e", "o")), 1.0, "new in the index");
    assert_eq!(units(Some(row(Some(1), "e", "o")), row(None, "e", "o")), 1.0, "gone from the index");
    assert_eq!(units(Some(row(Some(1), "e", "o")), row(Some(2), "e", "o")), 2.0, "a key has changed");
    assert_eq!(units(Some(row(Some(1), "e", "o")), row(Some(1), "f", "o")), 1.0, "something projected has changed");
    assert_eq!(units(Some(row(Some(1), "e", "o")), row(Some(1), "e", "p")), 0.0, "nothing projected has changed");
    assert_eq!(units(None, row(None, "e", "o")), 0.0, "never in the index");
}

#[test]
fn one_key_that_only_grows_takes_500_transactional_writes_a_second_however_often_it_is_split() {
    let mut capacity = capacity(Parameters::settled());
    let taken = taken(&mut capacity, 20, 1_000, |number| record("b", number));
    assert!(capacity.partitions(HISTORY_TABLE) > 4, "nothing was split");
    assert!(taken[2..].iter().all(|taken| (480..=520).contains(taken)), "{taken:?}");
    assert_eq!(capacity.most_refused().map(|(table, key, _)| (table, key)), Some((HISTORY_TABLE, "b")));
}

#[test]
fn eight_keys_are_split_from_one_another() {
    let mut capacity = capacity(Parameters::settled());
    let taken = taken(&mut capacity, 30, 3_000, |number| record(&format!("b#{}", number % 8), number));
    assert_eq!(taken.last(), Some(&3_000), "{taken:?}");
}

#[test]
fn one_item_is_never_split() {
    let mut capacity = capacity(Parameters::settled());
    let taken = taken(&mut capacity, 20, 1_000, |_| object("a", 1));
    assert!(taken[2..].iter().all(|taken| (480..=520).contains(taken)), "{taken:?}");
}

#[test]
fn an_index_of_many_sizes_is_split_and_one_of_one_size_keeps_its_table_waiting() {
    let names = |number: u64| format!("object-{number}");
    let mut spread = capacity(Parameters::settled());
    let taken_of_many = taken(&mut spread, 20, 1_500, |number| object(&names(number), number * 7_919 % 1_000_003));
    assert_eq!(taken_of_many.last(), Some(&1_500), "{taken_of_many:?}");
    let mut equal = capacity(Parameters::settled());
    let taken_of_one = taken(&mut equal, 20, 1_500, |number| object(&names(number), 1));
    assert!(taken_of_one[2..].iter().all(|taken| (980..=1_020).contains(taken)), "{taken_of_one:?}");
    assert_eq!(equal.most_refused().map(|(index, key, _)| (index, key)), Some(("by-size", "b")));
}

#[test]
fn with_a_local_index_the_items_of_a_key_stay_together() {
    let parameters = Parameters { local_index: true, indexes: vec![], ..Parameters::settled() };
    let mut capacity = capacity(parameters);
    let taken = taken(&mut capacity, 20, 1_000, |number| record("b", number * 7_919 % 1_000_003));
    assert!(taken[2..].iter().all(|taken| (480..=520).contains(taken)), "{taken:?}");
}

#[test]
fn what_was_not_used_is_there_for_later_but_a_partition_has_its_limit() {
    let burst = |bursts_beyond_partition: bool| {
        let mut capacity = capacity(Parameters { bursts_beyond_partition, ..Parameters::default() });
        (0..5_000).filter(|number| write(&mut capacity, &[record("b", *number)], 400.0)).count()
    };
    assert_eq!([burst(false), burst(true)], [500, 5_000]);
}

#[test]
fn a_transaction_that_meets_another_is_told_so_and_pays_for_what_it_prepared() {
    let mut capacity = capacity(Parameters::default());
    let tables = Tables::default();
    let first: Begun = capacity.begin(&tables, &[object("a", 1), record("b", 1)], 0.0).unwrap();
    let second = capacity.begin(&tables, &[object("a", 2), record("b", 2)], 0.0).unwrap_err();
    assert_eq!(second, ["TransactionConflict", "None"]);
    assert_eq!((capacity.counts.conflicts, capacity.counts.write_units), (1, 5.0 + 1.0));
    capacity.end(&first);
    assert!(capacity.begin(&tables, &[object("a", 2), record("b", 2)], 0.0).is_ok());
}

#[test]
fn a_condition_that_fails_and_a_partition_without_room_are_told_as_dynamodb_does() {
    let mut tables = Tables::default();
    tables.answer("TransactWriteItems", &json!({ "TransactItems": [object("a", 1)] }), 0, &Whims::default());
    let mut capacity = capacity(Parameters::default());
    let failed = capacity.begin(&tables, &[object("a", 1), object("c", 1)], 0.0).unwrap_err();
    assert_eq!(failed, ["ConditionalCheckFailed", "None"]);
    while write(&mut capacity, &[record("b", 1)], 0.0) {}
    let throttled = capacity.begin(&tables, &[object("d", 1), record("b", 2)], 0.0).unwrap_err();
    assert_eq!(throttled, ["None", "ThrottlingError"]);
}

#[test]
fn reads_of_one_item_end_at_3000_a_second() {
    let mut capacity = capacity(Parameters::default());
    let read = |capacity: &mut Capacity| capacity.read(&Tables::default(), &["a".to_owned()], true, 0.0) == [true];
    assert_eq!((0..4_000).filter(|_| read(&mut capacity)).count(), 3_000);
}

#[test]
fn latencies_are_those_that_were_published() {
    let latency = Latency::TRANSACTION;
    assert_eq!([0.0, 0.5, 0.9, 0.95, 0.99, 1.0].map(|part| latency.milliseconds(25, part)), latency.many.1);
    assert_eq!(latency.milliseconds(5, 0.5), 25.3);
    // Of 97 items, derived: by the logarithm.
    assert!((37.0..39.0).contains(&latency.milliseconds(97, 0.5)));
    assert!((40.0..42.0).contains(&latency.mean(97)));
}
