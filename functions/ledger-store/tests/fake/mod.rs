//! A DynamoDB in memory that understands what the store sends, counts it, and fails when it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use spillway_ledger_store::{Store, Tables};

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
pub struct Fake(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Value>,
    history: BTreeMap<String, Value>,
    requests: BTreeMap<String, usize>,
    calls: usize,
    conflicts: usize,
    failing: Option<(usize, Failure)>,
    failed: bool,
}

impl Fake {
    /// A store that works on these tables, without the SDK's own retries.
    pub fn store(&self) -> Store {
        let connector = SharedHttpConnector::new(Connector(self.clone()));
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .region(Region::new("us-east-1"))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        let tables =
            Tables { object_table: "objects".into(), history_table: "history".into(), bucket_name: "b".into() };
        Store::new(Client::from_conf(config), tables)
    }

    /// Has the call with this number, from 0, fail.
    pub fn fail_at(&self, call: usize, failure: Failure) {
        self.state().failing = Some((call, failure));
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
        number(&self.state().objects["__STATE__"], "total_size")
    }

    /// Checks that rows, total, count and history all say what `bucket` holds.
    #[track_caller]
    pub fn check_sums(&self, bucket: &BTreeMap<String, u64>) {
        let state = self.state();
        let live = state.objects.iter().filter(|(_, row)| row.get("size").is_some());
        assert_eq!(&live.map(|(key, row)| (key.clone(), number(row, "size"))).collect::<BTreeMap<_, _>>(), bucket);
        let row = &state.objects["__STATE__"];
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
    fn answer(&mut self, operation: &str, request: &Value) -> Result<(u16, Value), ConnectorError> {
        let failure = self.failing.filter(|(call, _)| *call == self.calls).map(|(_, failure)| failure);
        self.calls += 1;
        self.failed |= failure.is_some();
        if failure == Some(Failure::BeforeTheCall) {
            return Err(ConnectorError::io("the connection is gone".into()));
        }
        *self.requests.entry(operation.to_owned()).or_default() += 1;
        let answer = match operation {
            "BatchGetItem" => (200, self.batch_get(request)),
            "TransactWriteItems" => self.transact(request),
            other => panic!("nobody expected {other}"),
        };
        match failure {
            Some(_) => Err(ConnectorError::io("the connection is gone".into())),
            None => Ok(answer),
        }
    }

    fn batch_get(&self, request: &Value) -> Value {
        let keys = request["RequestItems"]["objects"]["Keys"].as_array().unwrap();
        assert!(keys.len() <= 100, "{} keys in one BatchGetItem", keys.len());
        assert_eq!(request["RequestItems"]["objects"]["ConsistentRead"], true);
        let items = keys.iter().filter_map(|key| self.objects.get(key["object_name"]["S"].as_str().unwrap()));
        json!({ "Responses": { "objects": items.collect::<Vec<_>>() }, "UnprocessedKeys": {} })
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
            if action["Put"]["TableName"] == "objects" {
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
            None => put["TableName"] == "history",
            Some("attribute_not_exists(object_name)") => current.is_none(),
            Some("#attribute = :expected") => {
                let attribute = put["ExpressionAttributeNames"]["#attribute"].as_str().unwrap();
                current.is_some_and(|row| row[attribute] == put["ExpressionAttributeValues"][":expected"])
            }
            Some(other) => panic!("nobody expected the condition {other}"),
        }
    }
}

/// Answers requests without a network.
#[derive(Clone, Debug)]
struct Connector(Fake);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let answer = self.0.state().answer(operation, &body);
        let response =
            answer.map(|(status, body)| HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string())));
        HttpConnectorFuture::ready(response)
    }
}
