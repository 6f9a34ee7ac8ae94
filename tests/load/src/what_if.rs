//! What other ledgers would take: nothing but their transactions, one after the other, against the same model.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use spillway_contracts::ledger::STATE_KEY;
use spillway_contracts::partition::PARTITIONS;
use spillway_fake_aws::capacity::{PacedDynamoDb, Parameters};
use spillway_fake_aws::{HISTORY_TABLE, OBJECT_TABLE};
use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::run::SEED;

/// The bytes of a record, by and large.
const RECORD_BYTES: usize = 400;
/// How long the reads of a batch take, and its way from the queue, in milliseconds; each is made after so many transactions.
const BETWEEN_BATCHES: Duration = Duration::from_millis(27);
const TRANSACTIONS_OF_A_BATCH: u64 = 10;

/// A ledger that is not there.
#[derive(Clone, Copy, Debug)]
pub struct WhatIf {
    /// Rows that the total is the sum of, each with transactions of its own.
    pub parts: u64,
    /// Events that one transaction records.
    pub events: u64,
    /// Whether the records of a transaction are one item.
    pub packs_records: bool,
}

/// What it takes.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub events_per_second: f64,
    pub write_units: f64,
}

impl WhatIf {
    /// Creations of objects of all sizes, for this many seconds after as many that don't count.
    pub fn run(self, seconds: f64) -> Taken {
        fastrand::seed(SEED);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        LocalSet::new().block_on(&runtime, async move {
            let dynamodb = PacedDynamoDb::new(Parameters::settled(), SEED);
            let (events, begun) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            for part in 0..self.parts {
                tokio::task::spawn_local(self.write(dynamodb.clone(), part, events.clone(), begun.clone()));
            }
            let units = || dynamodb.with_capacity(|capacity| capacity.counts.write_units);
            sleep(Duration::from_secs_f64(seconds)).await;
            let (events_before, units_before) = (events.get(), units());
            sleep(Duration::from_secs_f64(seconds)).await;
            let recorded = (events.get() - events_before) as f64;
            Taken { events_per_second: recorded / seconds, write_units: (units() - units_before) / recorded }
        })
    }

    /// Writes one transaction after the other for one part of the total.
    async fn write(self, dynamodb: PacedDynamoDb, part: u64, events: Rc<Cell<u64>>, begun: Rc<Cell<u64>>) {
        let mut written = 0;
        for number in 0.. {
            // Keys of records grow with time, whoever writes them.
            let first = begun.replace(begun.get() + self.events);
            let actions = self.actions(part, number, first);
            while dynamodb.transact(json!({ "TransactItems": actions })).await.0 != 200 {
                sleep(Duration::from_millis(fastrand::u64(..200))).await;
            }
            written += 1;
            events.set(events.get() + self.events);
            if written % TRANSACTIONS_OF_A_BATCH == 0 {
                sleep(BETWEEN_BATCHES).await;
            }
        }
    }

    fn actions(self, part: u64, number: u64, first: u64) -> Vec<Value> {
        let state =
            json!({ "object_name": { "S": format!("{STATE_KEY}{part}") }, "version": { "N": number.to_string() } });
        let expected = if number == 0 { None } else { Some((number - 1).to_string()) };
        let rows = (first..first + self.events).map(row);
        let records: Vec<Value> = match self.packs_records {
            true => vec![record(first / self.events, first, self.events as usize * RECORD_BYTES)],
            false => (first..first + self.events).map(|event| record(event, event, RECORD_BYTES)).collect(),
        };
        let records = records.into_iter().map(|item| json!({ "Put": { "TableName": HISTORY_TABLE, "Item": item } }));
        std::iter::once(put(state, expected)).chain(rows.map(|item| put(item, None))).chain(records).collect()
    }
}

/// A put of a row, if its version is still what was expected, or if there is none.
fn put(item: Value, expected: Option<String>) -> Value {
    let mut put = json!({ "TableName": OBJECT_TABLE, "Item": item });
    match expected {
        None => put["ConditionExpression"] = json!("attribute_not_exists(object_name)"),
        Some(version) => {
            put["ConditionExpression"] = json!("#attribute = :expected");
            put["ExpressionAttributeNames"] = json!({ "#attribute": "version" });
            put["ExpressionAttributeValues"] = json!({ ":expected": { "N": version } });
        }
    }
    json!({ "Put": put })
}

fn row(event: u64) -> Value {
    let size = 1_u64 << (10 + event % 20);
    json!({
        "object_name": { "S": format!("object-{event}") },
        "bucket_name": { "S": "b" },
        "size": { "N": (size + event % size).to_string() },
    })
}

fn record(key: u64, event: u64, bytes: usize) -> Value {
    json!({
        "bucket_name": { "S": format!("b#{}", key % PARTITIONS) },
        "event_key": { "S": format!("{event:020}") },
        "records": { "S": "x".repeat(bytes) },
    })
}
