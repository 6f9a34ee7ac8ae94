//! The ledger's two tables in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::{Value, json};
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
    requests: BTreeMap<String, usize>,
    calls: usize,
    conflicts: usize,
    failing: Option<(usize, Failure)>,
    failed: bool,
    down: bool,
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
    pub fn requests(&self) -> BTreeMap<String, usize> {
        self.state().requests.clone()
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
        let request = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
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
        *self.requests.entry(operation.to_owned()).or_default() += 1;
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

    /// The two queries that read from the end: the largest objects, and the newest records.
    fn query(&mut self, request: &Value) -> Value {
        assert_eq!(request["ScanIndexForward"], false);
        if request["IndexName"].is_string() && self.commits_to_come > 0 {
            self.commits_to_come -= 1;
            let state = self.objects.get_mut(STATE_KEY).unwrap();
            state["version"] = json!({ "N": (number(state, "version") + 1).to_string() });
        }
        let items: Vec<&Value> = match request["IndexName"].as_str() {
            Some(_) => self.largest_first(request["ExclusiveStartKey"]["object_name"]["S"].as_str()),
            None => self.history.values().rev().collect(),
        };
        let limit = request["Limit"].as_u64().map_or(usize::MAX, |limit| limit as usize);
        let page: Vec<_> = items.iter().take(limit).collect();
        let last = page.last().filter(|_| page.len() < items.len());
        let next = last.map(|item| json!({ "object_name": item["object_name"] }));
        let mut answer = json!({ "Items": page });
        answer.as_object_mut().unwrap().extend(next.map(|key| ("LastEvaluatedKey".to_owned(), key)));
        answer
    }

    /// What the index has, behind the object `after`.
    fn largest_first(&self, after: Option<&str>) -> Vec<&Value> {
        let indexed = |(key, row): &(&String, &Value)| row.get("size").is_some() && !self.hidden.contains(*key);
        let mut rows: Vec<&Value> = self.objects.iter().filter(indexed).map(|(_, row)| row).collect();
        rows.retain(|row| number(row, "size") > 0);
        // Objects of one size come in no order: here the last name first, which is not the cleaner's order.
        rows.sort_by_key(|row| std::cmp::Reverse((number(row, "size"), row["object_name"]["S"].to_string())));
        let start = after.map_or(0, |key| 1 + rows.iter().position(|row| row["object_name"]["S"] == key).unwrap());
        rows.split_off(start)
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
