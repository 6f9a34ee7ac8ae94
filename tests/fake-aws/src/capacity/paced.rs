//! The tables in memory behind the model, on tokio's clock.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use spillway_contracts::partition::bucket_of;
use spillway_ledger_store::Store;
use tokio::time::{Instant, sleep};

use crate::capacity::model::Capacity;
use crate::capacity::parameters::Parameters;
use crate::capacity::units::cancelled;
use crate::connector::{Answer, patient_http_client};
use crate::dynamodb::{operation, store};
use crate::tables::{Tables, Whims};
use crate::{HISTORY_TABLE, OBJECT_TABLE};

/// A DynamoDB that takes its time and has room for so much.
#[derive(Clone)]
pub struct PacedDynamoDb(Arc<Mutex<State>>);

/// The row that an object has had all along, by its key.
type Rows = Box<dyn Fn(&str) -> Option<Value> + Send>;

/// Sees the tables just before a transaction's actions are written.
type Watcher = Box<dyn FnMut(&Tables, &[Value]) + Send>;

struct State {
    tables: Tables,
    capacity: Capacity,
    start: Instant,
    rows: Rows,
    watcher: Watcher,
    /// Whether all records of a bucket are under its name.
    has_one_history_key: bool,
    /// For how long some transaction has been at `__STATE__`.
    busy: Duration,
}

impl PacedDynamoDb {
    /// With empty tables, from now on.
    pub fn new(parameters: Parameters, seed: u64) -> Self {
        let capacity = Capacity::new(parameters, seed);
        let state = State {
            tables: Tables::default(),
            capacity,
            start: Instant::now(),
            rows: Box::new(|_| None),
            watcher: Box::new(|_, _| {}),
            has_one_history_key: false,
            busy: Duration::ZERO,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Has objects have had rows all along, without keeping them: each is made when somebody asks for it.
    pub fn has_rows(&self, rows: impl Fn(&str) -> Option<Value> + Send + 'static) {
        self.state().rows = Box::new(rows);
    }

    /// Has somebody see each transaction before it is written. The records of the history are not kept: those of an hour would
    /// fill the memory.
    pub fn is_watched(&self, watcher: impl FnMut(&Tables, &[Value]) + Send + 'static) {
        self.state().watcher = Box::new(watcher);
    }

    /// Has all records of a bucket be under its name, whatever the requests say, as in version 0.1.
    pub fn has_one_history_key(&self, has: bool) {
        self.state().has_one_history_key = has;
    }

    /// A store of the ledger of the bucket `b` in these tables, without the SDK's own retries.
    pub fn store(&self) -> Store {
        let paced = self.clone();
        store(patient_http_client(move |request| {
            let paced = paced.clone();
            async move {
                let (operation, request) = operation(&request);
                // Whoever asked may be gone before it is done.
                tokio::spawn(async move { paced.answer(&operation, request).await }).await.unwrap()
            }
        }))
    }

    /// Looks at the model, or changes it.
    pub fn with_capacity<T>(&self, look: impl FnOnce(&mut Capacity) -> T) -> T {
        look(&mut self.state().capacity)
    }

    /// Looks at the tables, or changes them.
    pub fn with_tables<T>(&self, look: impl FnOnce(&mut Tables) -> T) -> T {
        look(&mut self.state().tables)
    }

    /// For how long some transaction has been at `__STATE__`, in seconds.
    pub fn busy_seconds(&self) -> f64 {
        self.state().busy.as_secs_f64()
    }

    async fn answer(&self, operation: &str, request: Value) -> Answer {
        let (status, body) = match operation {
            "BatchGetItem" => self.read(&request).await,
            "TransactWriteItems" => self.transact(request).await,
            other => panic!("nobody expected {other}"),
        };
        Ok((status, body.to_string()).into())
    }

    /// What is read is what there is half-way.
    async fn read(&self, request: &Value) -> (u16, Value) {
        let wanted = &request["RequestItems"][OBJECT_TABLE];
        let keys = wanted["Keys"].as_array().unwrap();
        let names: Vec<String> = keys.iter().map(|key| key["object_name"]["S"].as_str().unwrap().to_owned()).collect();
        let (was_read, milliseconds) = {
            let mut state = self.state();
            let now = state.now();
            state.make(&names);
            let State { tables, capacity, .. } = &mut *state;
            let was_read = capacity.read(tables, &names, wanted["ConsistentRead"] == true, now);
            let milliseconds = capacity.read_milliseconds(names.len());
            (was_read, capacity.whole_milliseconds(milliseconds))
        };
        sleep(Duration::from_millis(milliseconds / 2)).await;
        let answer = {
            let state = self.state();
            let pairs = || keys.iter().zip(&names).zip(&was_read);
            let items: Vec<&Value> = pairs()
                .filter(|(_, read)| **read)
                .filter_map(|((_, name), _)| state.tables.objects.get(name))
                .collect();
            let left: Vec<&Value> = pairs().filter(|(_, read)| !**read).map(|((key, _), _)| key).collect();
            if left.len() == keys.len() {
                let kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
                (
                    400,
                    json!({ "__type": kind, "message": "The level of configured provisioned throughput was exceeded" }),
                )
            } else {
                let mut answer = json!({ "Responses": { OBJECT_TABLE: items }, "UnprocessedKeys": {} });
                if !left.is_empty() {
                    let again = json!({ "Keys": left, "ConsistentRead": wanted["ConsistentRead"] });
                    answer["UnprocessedKeys"] = json!({ OBJECT_TABLE: again });
                }
                (200, answer)
            }
        };
        sleep(Duration::from_millis(milliseconds.div_ceil(2))).await;
        answer
    }

    /// A transaction is at its items from the request to the answer, and writes them at the end.
    pub async fn transact(&self, mut request: Value) -> (u16, Value) {
        let (begun, milliseconds) = {
            let mut state = self.state();
            if state.has_one_history_key {
                put_under_one_key(&mut request);
            }
            let actions = actions(&request);
            let now = state.now();
            let State { tables, capacity, .. } = &mut *state;
            let begun = capacity.begin(tables, actions, now);
            let milliseconds = capacity.transaction_milliseconds(actions.len());
            (begun, Duration::from_millis(capacity.whole_milliseconds(milliseconds)))
        };
        sleep(milliseconds).await;
        let begun = match begun {
            Ok(begun) => begun,
            Err(reasons) => return (400, cancelled(&reasons)),
        };
        let mut state = self.state();
        let state = &mut *state;
        state.busy += milliseconds;
        state.capacity.end(&begun);
        (state.watcher)(&state.tables, actions(&request));
        let answer = state.tables.answer("TransactWriteItems", &request, 0, &Whims::default());
        assert_eq!(answer.0, 200, "nobody else can have written what a transaction was at: {}", answer.1);
        state.tables.history.clear();
        answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Makes the rows that objects have had all along.
    fn make(&mut self, names: &[String]) {
        for name in names {
            if !self.tables.objects.contains_key(name)
                && let Some(row) = (self.rows)(name)
            {
                self.tables.objects.insert(name.clone(), row);
            }
        }
    }
}

fn actions(request: &Value) -> &[Value] {
    request["TransactItems"].as_array().unwrap()
}

fn put_under_one_key(request: &mut Value) {
    for action in request["TransactItems"].as_array_mut().unwrap() {
        let put = &mut action["Put"];
        if put["TableName"] == HISTORY_TABLE {
            let bucket = bucket_of(put["Item"]["bucket_name"]["S"].as_str().unwrap()).to_owned();
            put["Item"]["bucket_name"] = json!({ "S": bucket });
        }
    }
}
