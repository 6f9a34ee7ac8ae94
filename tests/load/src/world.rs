//! What trackers share, and what they do.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spillway_contracts::ledger::STATE_KEY;
use spillway_fake_aws::OBJECT_TABLE;
use spillway_fake_aws::capacity::PacedDynamoDb;
use spillway_ledger_store::apply;
use tokio::time::{Instant, sleep, timeout};

use crate::bucket::{Bucket, Workload};
use crate::queue::Queue;
use crate::run::{Arrivals, TIMEOUT, WINDOW};

/// From the end of one invocation to the beginning of the next, with messages waiting. AWS says nothing of it.
const HANDOVER: Duration = Duration::from_millis(10);
/// From one look to the next at a queue that has no full batch.
pub const LOOK: Duration = Duration::from_millis(50);
/// When it begins, in seconds since the epoch.
pub const BEGINNING: i64 = 1_795_000_020;

pub struct World {
    pub dynamodb: PacedDynamoDb,
    pub queue: Arc<Mutex<Queue>>,
    pub workload: Workload,
    pub start: Instant,
    pub chain: Arc<Mutex<Chain>>,
    pub failed_batches: RefCell<u64>,
    pub ends: RefCell<bool>,
}

/// The records so far, in the order of their keys.
#[derive(Default)]
pub struct Chain {
    /// How many.
    pub records: u64,
    pub total: u64,
    /// The largest total since somebody last asked.
    pub largest: u64,
    last_key: String,
    /// Whether some record did not follow from the one before.
    pub broken: bool,
}

impl World {
    /// A bucket, and a ledger that has recorded all of it.
    pub fn new(dynamodb: PacedDynamoDb, workload: Workload, arrivals: Arrivals) -> Self {
        dynamodb.has_rows(move |key| workload.first_row(key));
        let total = workload.first_total();
        let state = json!({
            "object_name": { "S": STATE_KEY },
            "total_size": { "N": total.to_string() },
            "object_count": { "N": workload.objects.to_string() },
            "version": { "N": workload.objects.to_string() },
            "last_event_key": { "S": "" },
            "is_dated": { "BOOL": true },
            "updated_at": { "S": "2026-09-21T14:13:20Z" },
        });
        dynamodb.put(OBJECT_TABLE, &state);
        let chain = Arc::new(Mutex::new(Chain { total, largest: total, ..Chain::default() }));
        let watching = chain.clone();
        dynamodb.is_watched(move |actions| watching.lock().unwrap().add(actions));
        Self {
            dynamodb,
            queue: Arc::new(Mutex::new(Queue::new(Bucket::new(workload), arrivals))),
            workload,
            start: Instant::now(),
            chain,
            failed_batches: RefCell::default(),
            ends: RefCell::default(),
        }
    }

    /// How many seconds have passed.
    pub fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    pub fn timestamp(&self) -> Timestamp {
        at(self.start.elapsed())
    }

    /// Whether the ledger says what it should.
    pub fn is_exact(&self) -> bool {
        let (queue, workload) = (self.queue.lock().unwrap(), self.workload);
        let number = |row: &Value, name: &str| row[name]["N"].as_str().map(|digits| digits.parse::<u64>().unwrap());
        let (mut total, mut count) = (i128::from(workload.first_total()), i128::from(workload.objects));
        self.dynamodb.each_row(|key, row| {
            if key.starts_with("__") {
                return;
            }
            let (before, now) = (workload.first_size_of(key), number(&row, "size"));
            total += i128::from(now.unwrap_or_default()) - i128::from(before);
            count += i128::from(now.is_some()) - i128::from(before > 0);
        });
        let state = self.dynamodb.row(STATE_KEY).unwrap();
        let adds_up = total == i128::from(number(&state, "total_size").unwrap())
            && count == i128::from(number(&state, "object_count").unwrap());
        let is_what_happened = |(key, size): (String, Option<u64>)| match self.dynamodb.row(&key) {
            Some(row) => number(&row, "size") == size,
            None => false,
        };
        let chain = self.chain.lock().unwrap();
        let follows = !chain.broken && Some(chain.total) == number(&state, "total_size");
        adds_up && follows && (queue.waiting() > 0 || queue.bucket().changed().all(is_what_happened))
    }
}

/// The moment after so much time.
pub fn at(passed: Duration) -> Timestamp {
    Timestamp::from_second(BEGINNING).unwrap() + SignedDuration::try_from(passed).unwrap()
}

/// Takes batches and applies them.
pub async fn track(world: Rc<World>, batch: usize) {
    let store = world.dynamodb.store();
    while !*world.ends.borrow() {
        let mut waited = Duration::ZERO;
        while waited < WINDOW && world.queue.lock().unwrap().visible(world.now(), batch) < batch {
            sleep(LOOK).await;
            waited += LOOK;
        }
        let received = world.now();
        let messages = world.queue.lock().unwrap().receive(received, batch);
        if messages.is_empty() {
            continue;
        }
        sleep(HANDOVER).await;
        let events = messages.iter().map(|message| message.happened.event(world.timestamp())).collect();
        let applied = apply(&store, events, || world.timestamp(), |_| {});
        match timeout(TIMEOUT, applied).await {
            Ok(Ok(_)) => world.queue.lock().unwrap().deleted += messages.len() as u64,
            _ => {
                *world.failed_batches.borrow_mut() += 1;
                world.queue.lock().unwrap().keep(messages, received);
            }
        }
    }
}

impl Chain {
    /// Adds the records of a transaction.
    fn add(&mut self, actions: &[Value]) {
        let items = actions.iter().map(|action| &action["Put"]["Item"]);
        let mut records: Vec<_> = items
            .filter(|item| item.get("event_key").is_some() && item.get("size_delta").is_some())
            .map(|item| {
                let number = |name: &str| item[name]["N"].as_str().unwrap();
                let (delta, total) = (number("size_delta").parse::<i64>(), number("total_size").parse::<u64>());
                (item["event_key"]["S"].as_str().unwrap(), delta.unwrap(), total.unwrap())
            })
            .collect();
        records.sort_unstable();
        for (key, delta, total) in records {
            let follows = self.total.checked_add_signed(delta) == Some(total) && *key > *self.last_key;
            self.broken |= !follows;
            self.records += 1;
            self.total = total;
            self.largest = self.largest.max(total);
            key.clone_into(&mut self.last_key);
        }
    }
}
