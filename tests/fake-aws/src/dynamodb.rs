//! The ledger's two tables in memory: one stand-in for DynamoDB, for every test that doesn't need an emulator.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::{Map, Value, json};
use spillway_contracts::ledger::STATE_KEY;
use spillway_ledger_store::{Store, Tables};

use crate::BUCKET;
use crate::connector::{Answer, http_client};

const OBJECT_TABLE: &str = "objects";
const HISTORY_TABLE: &str = "history";

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

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Value>,
    history: BTreeMap<String, Value>,
    /// What was asked, in order, with the name of the operation.
    requests: Vec<(String, Value)>,
    calls: usize,
    conflicts: usize,
    failing: Option<(usize, Failure)>,
    failed: bool,
    down: bool,
    /// How DynamoDB refuses whatever it is asked: a code and a message.
    refusal: Option<(String, String)>,
    /// How many items a page has whose request sets no limit.
    page: Option<usize>,
    hidden: BTreeSet<String>,
    commits_to_come: usize,
}

impl FakeDynamoDb {
    /// A store of the ledger of the bucket `b` in these tables, without the SDK's own retries.
    pub fn store(&self) -> Store {
        let fake = self.clone();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .region(Region::new("us-east-1"))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client(move |request| fake.state().answer(request)))
            .build();
        let (object_table, history_table) = (OBJECT_TABLE.into(), HISTORY_TABLE.into());
        Store::new(Client::from_conf(config), Tables { object_table, history_table, bucket_name: BUCKET.into() })
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
        self.state().refusal = Some((code.to_owned(), message.to_owned()));
    }

    /// Has so many items fill a page, as a megabyte of them does on AWS.
    pub fn has_pages_of(&self, items: usize) {
        self.state().page = Some(items);
    }

    /// Puts a record into HistoryTable as it is.
    pub fn put_record(&self, record: Value) {
        let key = record["event_key"]["S"].as_str().unwrap().to_owned();
        self.state().history.insert(key, record);
    }

    /// Has the index by size lag behind: it does not know these objects yet.
    pub fn hide_from_index(&self, keys: &[&str]) {
        self.state().hidden = keys.iter().map(|&key| key.to_owned()).collect();
    }

    /// Has somebody else commit something before each of the next `times` reads of the index.
    pub fn is_restless(&self, times: usize) {
        self.state().commits_to_come = times;
    }

    /// Whether the call that should fail was made.
    pub fn has_failed(&self) -> bool {
        self.state().failed
    }

    /// How often each operation was called.
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
        number(&self.state().objects[STATE_KEY], "total_size")
    }

    /// Checks that rows, total, count and history all say what `bucket` holds.
    #[track_caller]
    pub fn check_sums(&self, bucket: &BTreeMap<String, u64>) {
        let state = self.state();
        let live = state.objects.iter().filter(|(_, row)| row.get("size").is_some());
        assert_eq!(&live.map(|(key, row)| (key.clone(), number(row, "size"))).collect::<BTreeMap<_, _>>(), bucket);
        let row = &state.objects[STATE_KEY];
        assert_eq!(number(row, "total_size"), bucket.values().sum::<u64>());
        assert_eq!(number(row, "object_count"), bucket.len() as u64);
        assert_eq!(number(row, "version"), state.history.len() as u64);
        let mut total = 0;
        for record in state.history.values() {
            total += record["size_delta"]["N"].as_str().unwrap().parse::<i64>().unwrap();
            assert_eq!(number(record, "total_size") as i64, total);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

fn number(item: &Value, attribute: &str) -> u64 {
    item[attribute]["N"].as_str().unwrap().parse().unwrap()
}

impl State {
    fn answer(&mut self, request: &HttpRequest) -> Answer {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let request: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let failure = match self.failing.filter(|(call, _)| *call == self.calls) {
            Some((_, failure)) => Some(failure),
            None => self.down.then_some(Failure::BeforeTheCall),
        };
        self.calls += 1;
        self.failed |= failure.is_some();
        let lost = || ConnectorError::io("the connection is gone".into());
        if failure == Some(Failure::BeforeTheCall) {
            return Err(lost());
        }
        self.requests.push((operation.to_owned(), request.clone()));
        if let Some((code, message)) = &self.refusal {
            return Ok((400, json!({ "__type": code, "message": message }).to_string()));
        }
        let (status, body) = match operation {
            "BatchGetItem" => (200, self.batch_get(&request)),
            "GetItem" => (200, self.get(&request)),
            "TransactWriteItems" => self.transact(&request),
            "Query" => (200, self.query(&request)),
            other => panic!("nobody expected {other}"),
        };
        if failure.is_none() { Ok((status, body.to_string())) } else { Err(lost()) }
    }

    fn get(&self, request: &Value) -> Value {
        let item = self.objects.get(request["Key"]["object_name"]["S"].as_str().unwrap());
        item.map_or_else(|| json!({}), |item| json!({ "Item": item }))
    }

    /// A page of the bucket's records, or of what the index by size has.
    fn query(&mut self, request: &Value) -> Value {
        let keys: &[&str] = match request["IndexName"].as_str() {
            Some("by-size") => &["bucket_name", "size", "object_name"],
            None => &["bucket_name", "event_key"],
            Some(other) => panic!("there is no index {other}"),
        };
        if request["IndexName"].is_string() && self.commits_to_come > 0 {
            self.commits_to_come -= 1;
            let state = self.objects.get_mut(STATE_KEY).unwrap();
            state["version"] = json!({ "N": (number(state, "version") + 1).to_string() });
        }
        let position = |item: &Value| keys.iter().map(|key| Scalar::of(&item[*key])).collect::<Vec<_>>();
        let mut found: Vec<&Value> = match request["IndexName"].is_string() {
            true => self.objects.iter().filter(|(key, row)| self.is_indexed(key, row)).map(|(_, row)| row).collect(),
            false => self.history.values().collect(),
        };
        found.retain(|item| holds_for_key(request, item));
        found.sort_by_key(|item| position(item));
        let backwards = request["ScanIndexForward"] == false;
        if let Some(start) = request.get("ExclusiveStartKey") {
            let start = position(start);
            found.retain(|item| if backwards { position(item) < start } else { position(item) > start });
        }
        if backwards {
            // Objects of one size come in no order: here the last name first, which is not the cleaner's order.
            found.reverse();
        }
        let limit = request["Limit"].as_u64().map(|limit| limit as usize).or(self.page).unwrap_or(usize::MAX);
        let page = &found[..limit.min(found.len())];
        let mut answer = json!({ "Items": page.iter().map(|item| project(request, item)).collect::<Vec<_>>() });
        if let Some(last) = page.last().filter(|_| page.len() < found.len()) {
            answer["LastEvaluatedKey"] = keys.iter().map(|key| ((*key).to_owned(), last[*key].clone())).collect();
        }
        answer
    }

    fn is_indexed(&self, key: &str, row: &Value) -> bool {
        row.get("size").is_some() && !self.hidden.contains(key)
    }

    fn batch_get(&self, request: &Value) -> Value {
        let keys = request["RequestItems"][OBJECT_TABLE]["Keys"].as_array().unwrap();
        assert!(keys.len() <= 100, "{} keys in one BatchGetItem", keys.len());
        assert_eq!(request["RequestItems"][OBJECT_TABLE]["ConsistentRead"], true);
        let items = keys.iter().filter_map(|key| self.objects.get(key["object_name"]["S"].as_str().unwrap()));
        json!({ "Responses": { OBJECT_TABLE: items.collect::<Vec<_>>() }, "UnprocessedKeys": {} })
    }

    /// All or nothing, as DynamoDB does it.
    fn transact(&mut self, request: &Value) -> (u16, Value) {
        let actions = request["TransactItems"].as_array().unwrap();
        assert!(actions.len() <= 100, "{} actions in one transaction", actions.len());
        let reasons: Vec<Value> = actions
            .iter()
            .map(|action| json!({ "Code": if self.holds(&action["Put"]) { "None" } else { "ConditionalCheckFailed" } }))
            .collect();
        if reasons.iter().any(|reason| reason["Code"] != "None") {
            self.conflicts += 1;
            let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
            return (
                400,
                json!({ "__type": kind, "Message": "Transaction cancelled", "CancellationReasons": reasons }),
            );
        }
        for action in actions {
            let item = &action["Put"]["Item"];
            if action["Put"]["TableName"] == OBJECT_TABLE {
                self.objects.insert(item["object_name"]["S"].as_str().unwrap().to_owned(), item.clone());
            } else {
                self.history.insert(item["event_key"]["S"].as_str().unwrap().to_owned(), item.clone());
            }
        }
        (200, json!({}))
    }

    /// The two conditions that the store uses.
    fn holds(&self, put: &Value) -> bool {
        let current = put["Item"]["object_name"]["S"].as_str().and_then(|key| self.objects.get(key));
        match put["ConditionExpression"].as_str() {
            None => put["TableName"] == HISTORY_TABLE,
            Some("attribute_not_exists(object_name)") => current.is_none(),
            Some("#attribute = :expected") => {
                let attribute = put["ExpressionAttributeNames"]["#attribute"].as_str().unwrap();
                current.is_some_and(|row| row[attribute] == put["ExpressionAttributeValues"][":expected"])
            }
            Some(other) => panic!("nobody expected the condition {other}"),
        }
    }
}

/// The value of a key attribute, as DynamoDB orders it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scalar {
    Number(u64),
    Text(String),
}

impl Scalar {
    fn of(attribute: &Value) -> Self {
        match (attribute["N"].as_str(), attribute["S"].as_str()) {
            (Some(number), _) => Self::Number(number.parse().unwrap()),
            (_, Some(text)) => Self::Text(text.to_owned()),
            _ => panic!("{attribute} is no key"),
        }
    }
}

/// Whether an item's sort key is what a query's condition says of it, behind "the partition key is … AND".
fn holds_for_key(request: &Value, item: &Value) -> bool {
    let condition = request["KeyConditionExpression"].as_str().unwrap();
    let (partition, sort) = condition.split_once(" AND ").unwrap();
    assert_eq!(partition, "#bucket = :bucket");
    let value = |name: &str| Scalar::of(&request["ExpressionAttributeValues"][name]);
    let attribute = |name: &str| Scalar::of(&item[request["ExpressionAttributeNames"][name].as_str().unwrap()]);
    match sort.split(' ').collect::<Vec<_>>()[..] {
        [name, ">", bound] => attribute(name) > value(bound),
        [name, "<", bound] => attribute(name) < value(bound),
        [name, "BETWEEN", low, "AND", high] => (value(low)..=value(high)).contains(&attribute(name)),
        _ => panic!("nobody expected the condition {condition}"),
    }
}

/// The attributes of an item that a query asks for.
fn project(request: &Value, item: &Value) -> Value {
    match request["ProjectionExpression"].as_str() {
        None => item.clone(),
        Some(names) => {
            let attribute = |name: &str| Some((name.to_owned(), item.get(name)?.clone()));
            names.split(", ").filter_map(attribute).collect::<Map<_, _>>().into()
        }
    }
}
