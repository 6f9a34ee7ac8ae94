//! The tables in memory behind the model, on tokio's clock.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use spillway_contracts::ledger::STATE_KEY;
use spillway_contracts::partition::bucket_of;
use spillway_ledger_store::Store;
use tokio::time::{Instant, sleep};

use crate::capacity::items::Items;
use crate::capacity::model::Capacity;
use crate::capacity::parameters::Parameters;
use crate::capacity::units::cancelled;
use crate::connector::{Answer, patient_http_client};
use crate::dynamodb::{operation, patient_store};
use crate::{HISTORY_TABLE, OBJECT_TABLE};

/// A DynamoDB that takes its time and has room for so much.
#[derive(Clone)]
pub struct PacedDynamoDb(Arc<Mutex<State>>);

/// Sees a transaction's actions just before they are written.
type Watcher = Box<dyn FnMut(&[Value]) + Send>;

struct State {
    items: Items,
    capacity: Capacity,
    start: Instant,
    watcher: Watcher,
    /// Whether all records of a bucket are under its name.
    has_one_history_key: bool,
    /// For how long some transaction has been at `__STATE__`.
    busy: Duration,
}

impl PacedDynamoDb {
    /// With empty tables, from now on.
    pub fn new(parameters: Parameters, seed: u64) -> Self {
        let state = State {
            items: Items::default(),
            capacity: Capacity::new(parameters, seed),
            start: Instant::now(),
            watcher: Box::new(|_| {}),
            has_one_history_key: false,
            busy: Duration::ZERO,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Has objects have had rows all along, without keeping them: each is made when somebody asks for it.
    pub fn has_rows(&self, rows: impl Fn(&str) -> Option<Value> + Send + 'static) {
        self.state().items.first = Box::new(rows);
    }

    /// Has the index by size have had objects all along, by size and key; each has a row that it has had all along.
    pub fn has_indexed(&self, objects: impl Iterator<Item = (u64, String)>) {
        self.state().items.index_first(objects);
    }

    /// Has records of the history be kept for so long. Without it none is kept.
    pub fn keeps_history(&self, duration: Duration) {
        self.state().items.keeps_history = duration.as_secs_f64();
    }

    /// Has somebody see each transaction before it is written.
    pub fn is_watched(&self, watcher: impl FnMut(&[Value]) + Send + 'static) {
        self.state().watcher = Box::new(watcher);
    }

    /// Has all records of a bucket be under its name, whatever the requests say, as in version 0.1.
    pub fn has_one_history_key(&self, has: bool) {
        self.state().has_one_history_key = has;
    }

    /// Writes an item without anybody being asked, and without it taking anything.
    pub fn put(&self, table: &str, item: &Value) {
        let state = &mut *self.state();
        let now = state.now();
        state.items.write(&state.capacity.parameters, table, item, now);
    }

    /// A row as it is now.
    pub fn row(&self, key: &str) -> Option<Value> {
        self.state().items.row(key)
    }

    /// Looks at each row that was written, by its key.
    pub fn each_row(&self, mut look: impl FnMut(&str, Value)) {
        self.state().items.rows().for_each(|(key, row)| look(key, row));
    }

    /// A store of the ledger of the bucket `b` in these tables.
    pub fn store(&self) -> Store {
        let paced = self.clone();
        patient_store(patient_http_client(move |request| {
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

    /// For how long some transaction has been at `__STATE__`, in seconds.
    pub fn busy_seconds(&self) -> f64 {
        self.state().busy.as_secs_f64()
    }

    async fn answer(&self, operation: &str, request: Value) -> Answer {
        let (status, body) = match operation {
            "BatchGetItem" => self.read(&request).await,
            "Query" => self.query(&request).await,
            "TransactWriteItems" => {
                let (status, body) = self.transact(request).await;
                (status, body.to_string())
            }
            other => panic!("nobody expected {other}"),
        };
        Ok((status, body).into())
    }

    /// What is read is what there is half-way.
    async fn read(&self, request: &Value) -> (u16, String) {
        let wanted = &request["RequestItems"][OBJECT_TABLE];
        let keys = wanted["Keys"].as_array().unwrap();
        let names: Vec<String> = keys.iter().map(|key| key["object_name"]["S"].as_str().unwrap().to_owned()).collect();
        let (was_read, milliseconds) = {
            let state = &mut *self.state();
            let (now, tables) = (state.now(), state.items.tables(names.iter().map(String::as_str)));
            let was_read = state.capacity.read(&tables, &names, wanted["ConsistentRead"] == true, now);
            let milliseconds = state.capacity.read_milliseconds(names.len());
            (was_read, state.capacity.whole_milliseconds(milliseconds))
        };
        sleep(Duration::from_millis(milliseconds / 2)).await;
        let answer = {
            let state = self.state();
            let pairs = || keys.iter().zip(&names).zip(&was_read);
            let items: Vec<Value> =
                pairs().filter(|(_, read)| **read).filter_map(|((_, name), _)| state.items.row(name)).collect();
            let left: Vec<&Value> = pairs().filter(|(_, read)| !**read).map(|((key, _), _)| key).collect();
            if left.len() == keys.len() {
                exceeded()
            } else {
                let mut answer = json!({ "Responses": { OBJECT_TABLE: items }, "UnprocessedKeys": {} });
                if !left.is_empty() {
                    let again = json!({ "Keys": left, "ConsistentRead": wanted["ConsistentRead"] });
                    answer["UnprocessedKeys"] = json!({ OBJECT_TABLE: again });
                }
                (200, answer.to_string())
            }
        };
        sleep(Duration::from_millis(milliseconds.div_ceil(2))).await;
        answer
    }

    /// A page is what there is at the beginning.
    async fn query(&self, request: &Value) -> (u16, String) {
        let (answer, milliseconds) = {
            let state = &mut *self.state();
            let now = state.now();
            let page = state.items.page(request, now);
            let has_room = state.capacity.query(&page, request["ConsistentRead"] == true, now);
            let milliseconds = state.capacity.read_milliseconds(page.items);
            let answer = if has_room { (200, page.answer) } else { exceeded() };
            (answer, state.capacity.whole_milliseconds(milliseconds))
        };
        sleep(Duration::from_millis(milliseconds)).await;
        answer
    }

    /// A transaction is at its items from the request to the answer, and writes them at the end.
    pub async fn transact(&self, mut request: Value) -> (u16, Value) {
        let (begun, milliseconds) = {
            let state = &mut *self.state();
            if state.has_one_history_key {
                put_under_one_key(&mut request);
            }
            let actions = actions(&request);
            let (now, tables) = (state.now(), state.items.tables(rows(actions)));
            let begun = state.capacity.begin(&tables, actions, now);
            let milliseconds = state.capacity.transaction_milliseconds(actions.len());
            (begun, Duration::from_millis(state.capacity.whole_milliseconds(milliseconds)))
        };
        sleep(milliseconds).await;
        let begun = match begun {
            Ok(begun) => begun,
            Err(reasons) => return (400, cancelled(&reasons)),
        };
        let state = &mut *self.state();
        let (now, actions) = (state.now(), actions(&request));
        if rows(actions).any(|key| key == STATE_KEY) {
            state.busy += milliseconds;
        }
        state.capacity.end(&begun);
        (state.watcher)(actions);
        for put in actions.iter().map(|action| &action["Put"]) {
            let table = put["TableName"].as_str().unwrap();
            state.items.write(&state.capacity.parameters, table, &put["Item"], now);
        }
        (200, json!({}))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

fn exceeded() -> (u16, String) {
    let kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
    let message = "The level of configured provisioned throughput was exceeded";
    (400, json!({ "__type": kind, "message": message }).to_string())
}

fn actions(request: &Value) -> &[Value] {
    request["TransactItems"].as_array().unwrap()
}

/// The keys of the rows that actions write.
fn rows(actions: &[Value]) -> impl Iterator<Item = &str> {
    let rows = actions.iter().map(|action| &action["Put"]).filter(|put| put["TableName"] == OBJECT_TABLE);
    rows.map(|put| put["Item"]["object_name"]["S"].as_str().unwrap())
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
