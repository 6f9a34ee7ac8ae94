//! One stand-in for DynamoDB, for every test that doesn't need an emulator.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use serde_json::{Value, json};
use spillway_contracts::ledger::STATE_KEY;
use spillway_contracts::partition::bucket_of;
use spillway_ledger_store::{Store, Tables as Names, patient_client};

use crate::connector::{Answer, http_client, lost, patient_http_client, sdk_config};
use crate::tables::{Tables, Whims};
use crate::{BUCKET, HISTORY_TABLE, OBJECT_TABLE};

/// When a call fails, as seen by the one who makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing has happened.
    BeforeTheCall,
    /// It has happened, but the answer is lost.
    AfterTheCall,
}

/// The tables, and what was done to them.
#[derive(Clone, Debug, Default)]
pub struct FakeDynamoDb(Arc<Mutex<State>>);

/// Something that happens between two calls.
type Interlude = Box<dyn FnMut(&mut Tables) + Send>;

#[derive(Default)]
struct State {
    tables: Tables,
    whims: Whims,
    /// What was asked, in order, with the name of the operation.
    requests: Vec<(String, Value)>,
    calls: usize,
    conflicts: usize,
    failing: Option<(usize, Failure)>,
    failed: bool,
    down: bool,
    /// How DynamoDB refuses whatever it is asked: how many times yet, a code and a message.
    refusal: Option<(usize, String, String)>,
    /// How many of the next transactions are cancelled, and why.
    cancelling: Option<(usize, &'static str)>,
    /// What happens before calls of an operation.
    interludes: BTreeMap<&'static str, Interlude>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("tables", &self.tables).finish_non_exhaustive()
    }
}

/// A store of the ledger of the bucket `b` that makes each request once.
pub fn store(http_client: SharedHttpClient) -> Store {
    store_by(Client::new(&sdk_config(http_client)))
}

/// The same, but it tries again as functions do.
pub fn patient_store(http_client: SharedHttpClient) -> Store {
    store_by(patient_client(&sdk_config(http_client)))
}

fn store_by(client: Client) -> Store {
    let (object_table, history_table) = (OBJECT_TABLE.into(), HISTORY_TABLE.into());
    Store::new(client, Names { object_table, history_table, bucket_name: BUCKET.into() })
}

/// The operation that a request to DynamoDB asks for, and its document.
pub fn operation(request: &HttpRequest) -> (String, Value) {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let name = target.rsplit('.').next().unwrap_or_default().to_owned();
    (name, serde_json::from_slice(request.body().bytes().unwrap()).unwrap())
}

impl FakeDynamoDb {
    /// A store of the ledger of the bucket `b` in these tables that makes each request once.
    pub fn store(&self) -> Store {
        self.store_after(|_| std::future::ready(()))
    }

    /// The same, but it tries again as functions do.
    pub fn patient_store(&self) -> Store {
        let fake = self.clone();
        patient_store(http_client(move |request| fake.state().answer(request)))
    }

    /// The same, but before each call of an operation something else happens.
    pub fn store_after<F>(&self, interlude: impl Fn(&str) -> F + Send + Sync + 'static) -> Store
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let fake = self.clone();
        store(patient_http_client(move |request| {
            let (fake, interlude) = (fake.clone(), interlude(&operation(&request).0));
            async move {
                interlude.await;
                // Whoever else has something to ask comes first, so that tasks side by side always meet.
                tokio::task::yield_now().await;
                fake.state().answer(&request)
            }
        }))
    }

    /// Has the call with this number, from 0, fail.
    pub fn fail_at(&self, call: usize, failure: Failure) {
        self.state().failing = Some((call, failure));
    }

    /// Has every call fail, or none any more.
    pub fn is_down(&self, down: bool) {
        self.state().down = down;
    }

    /// Refuses every call from now on, with this code and message.
    pub fn refuse(&self, code: &str, message: &str) {
        self.refuse_next(usize::MAX, code, message);
    }

    /// Refuses this many of the next calls, with this code and message.
    pub fn refuse_next(&self, times: usize, code: &str, message: &str) {
        self.state().refusal = Some((times, code.to_owned(), message.to_owned()));
    }

    /// Cancels this many of the next transactions for this reason.
    pub fn cancel(&self, times: usize, reason: &'static str) {
        self.state().cancelling = Some((times, reason));
    }

    /// Has this many items fill a page, as a megabyte of them does on AWS.
    pub fn has_pages_of(&self, items: usize) {
        self.state().whims.page = Some(items);
    }

    /// Puts a record into HistoryTable as it is.
    pub fn put_record(&self, record: Value) {
        self.state().tables.put_record(record);
    }

    /// Has the index by size lag behind: it does not know these objects yet.
    pub fn hide_from_index(&self, keys: &[&str]) {
        self.state().whims.hidden = keys.iter().map(|&key| key.to_owned()).collect();
    }

    /// Changes every row of ObjectTable, as it is and as the indexes know it.
    pub fn change_rows(&self, change: impl Fn(&mut Value)) {
        self.state().tables.rows_mut().for_each(change);
    }

    /// Has queries not show a record of the newest transaction.
    pub fn hide_record(&self, record: Option<usize>) {
        self.state().whims.invisible = record;
    }

    /// Has something happen to the tables before each call of an operation.
    pub fn before_each(&self, operation: &'static str, interlude: impl FnMut(&mut Tables) + Send + 'static) {
        self.state().interludes.insert(operation, Box::new(interlude));
    }

    /// Has something happen to the tables before the next call of an operation.
    pub fn before_next(&self, operation: &'static str, interlude: impl FnOnce(&mut Tables) + Send + 'static) {
        let mut interlude = Some(interlude);
        self.before_each(operation, move |tables| {
            if let Some(interlude) = interlude.take() {
                interlude(tables);
            }
        });
    }

    /// Has the tables hold something else.
    pub fn become_now(&self, tables: Tables) {
        self.state().tables = tables;
    }

    /// Whether the call that should fail was made.
    pub fn has_failed(&self) -> bool {
        self.state().failed
    }

    /// How many times each operation was called.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        let mut calls = BTreeMap::new();
        for (operation, _) in &self.state().requests {
            *calls.entry(operation.clone()).or_default() += 1;
        }
        calls
    }

    /// What was asked of one operation, in order.
    pub fn requests(&self, operation: &str) -> Vec<Value> {
        let state = self.state();
        let requests = state.requests.iter().filter(|(name, _)| name == operation);
        requests.map(|(_, request)| request.clone()).collect()
    }

    /// How many transactions were cancelled.
    pub fn conflicts(&self) -> usize {
        self.state().conflicts
    }

    /// The total in `__STATE__`.
    pub fn total_size(&self) -> u64 {
        number(&self.state().tables.objects[STATE_KEY], "total_size")
    }

    /// What the tables hold.
    pub fn tables(&self) -> Tables {
        self.state().tables.clone()
    }

    /// Checks that rows, total, count and history all say what `bucket` holds.
    #[track_caller]
    pub fn check_sums(&self, bucket: &BTreeMap<String, u64>) {
        if let Err(difference) = self.state().tables.sums(bucket) {
            panic!("{difference}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Tables {
    /// The bucket's history, from all of its partitions, oldest first.
    pub fn records(&self) -> Vec<&Value> {
        let records = self.history.iter().filter(|((partition, _), _)| bucket_of(partition) == BUCKET);
        let mut records: Vec<_> = records.map(|((_, key), record)| (key, record)).collect();
        records.sort_by_key(|(key, _)| *key);
        records.into_iter().map(|(_, record)| record).collect()
    }

    /// Whether rows, total, count and history all say what `bucket` holds; the error is the first that doesn't.
    pub fn sums(&self, bucket: &BTreeMap<String, u64>) -> Result<(), String> {
        let live = self.objects.iter().filter(|(_, row)| row.get("size").is_some());
        let live: BTreeMap<String, u64> = live.map(|(key, row)| (key.clone(), number(row, "size"))).collect();
        let history = self.records();
        let mut total = 0;
        for record in &history {
            total += record["size_delta"]["N"].as_str().unwrap().parse::<i64>().unwrap();
            same("a record's total", &(number(record, "total_size") as i64), &total)?;
        }
        same("the rows", &live, bucket)?;
        let Some(row) = self.objects.get(STATE_KEY) else { return same("records without a state", &history.len(), &0) };
        same("the total", &number(row, "total_size"), &bucket.values().sum())?;
        same("the count", &number(row, "object_count"), &(bucket.len() as u64))?;
        same("the version", &number(row, "version"), &(history.len() as u64))
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, should_be: &T) -> Result<(), String> {
    if is == should_be { Ok(()) } else { Err(format!("{what}: {is:?} instead of {should_be:?}")) }
}

fn number(item: &Value, attribute: &str) -> u64 {
    item[attribute]["N"].as_str().unwrap().parse().unwrap()
}

impl State {
    fn answer(&mut self, request: &HttpRequest) -> Answer {
        let (operation, request) = operation(request);
        let failure = match self.failing.filter(|(call, _)| *call == self.calls) {
            Some((_, failure)) => Some(failure),
            None => self.down.then_some(Failure::BeforeTheCall),
        };
        self.calls += 1;
        self.failed |= failure.is_some();
        if failure == Some(Failure::BeforeTheCall) {
            return Err(lost());
        }
        self.requests.push((operation.clone(), request.clone()));
        if let Some((times, code, message)) = self.refusal.as_mut().filter(|(times, ..)| *times > 0) {
            *times -= 1;
            return Ok((400, json!({ "__type": code, "message": message }).to_string()).into());
        }
        if let Some(interlude) = self.interludes.get_mut(operation.as_str()) {
            interlude(&mut self.tables);
        }
        self.whims.cancelled = None;
        if let Some((times, reason)) =
            self.cancelling.as_mut().filter(|(times, _)| operation == "TransactWriteItems" && *times > 0)
        {
            *times -= 1;
            self.whims.cancelled = Some(reason);
        }
        let (status, body) = self.tables.answer(&operation, &request, 0, &self.whims);
        self.conflicts += usize::from(status == 400);
        if failure.is_none() { Ok((status, body.to_string()).into()) } else { Err(lost()) }
    }
}
