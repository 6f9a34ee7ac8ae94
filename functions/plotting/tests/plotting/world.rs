//! A HistoryTable, runs and a bucket of plots in memory, and the plotting function on them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::event::apigw::ApiGatewayV2httpResponse;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use jiff::Timestamp;
use plotting::{Deps, Runs, handle};
use serde_json::{Map, Value, json};
use spillway_fake_aws::{Answer, http_client};
use spillway_ledger_store::{Store, Tables};

/// What the function is asked, but for the query.
const REQUEST: &str = include_str!("../../../../contracts/examples/plot-request.ok-a-run.json");

/// The moment at which a plot is asked for.
pub const NOW: &str = "2026-08-01T10:01:00Z";

/// How many records a page of the table has.
const PAGE: usize = 2;

/// An object of the bucket of plots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub path: String,
    pub content_type: String,
    pub body: Vec<u8>,
}

#[derive(Default)]
struct State {
    queries: Vec<Value>,
    stored: Vec<Stored>,
}

/// The function, and what it asked of AWS.
pub struct World {
    pub deps: Deps,
    state: Arc<Mutex<State>>,
}

macro_rules! client {
    ($sdk:ident, $answer:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .credentials_provider(Credentials::new("test", "test", None, None, "test"))
                .region(Region::new("us-east-1"))
                .retry_config(RetryConfig::disabled())
                .http_client(http_client($answer))
                .build(),
        )
    };
}

impl World {
    /// A history of these records, as (second after 10:00, object, change of size).
    pub fn with(records: &[(i64, &str, i64)]) -> Self {
        let mut total = 0;
        let records = records.iter().zip(1..).map(|(&(second, object_name, delta), number)| {
            total += delta;
            record(second, number, object_name, delta, total)
        });
        let records: Vec<_> = records.collect();
        Self::answering(move |query| Ok((200, answer(&records, query).to_string())))
    }

    /// A table that answers queries like this.
    pub fn answering(answer: impl Fn(&Value) -> Answer + Send + Sync + 'static) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (queries, stored) = (state.clone(), state.clone());
        let dynamodb = client!(aws_sdk_dynamodb, move |request| {
            let query = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            let answer = answer(&query);
            queries.lock().unwrap().queries.push(query);
            answer
        });
        let s3 = client!(aws_sdk_s3, move |request| {
            assert_eq!(request.method(), "PUT");
            let path = request.uri().split('?').next().unwrap().to_owned();
            let content_type = request.headers().get("content-type").unwrap().to_owned();
            let body = request.body().bytes().unwrap().to_vec();
            stored.lock().unwrap().stored.push(Stored { path, content_type, body });
            Ok((200, String::new()))
        });
        let sfn = client!(aws_sdk_sfn, |request| Ok(describe(request.body().bytes().unwrap())));
        let tables =
            Tables { object_table: "objects".into(), history_table: "history".into(), bucket_name: "b".into() };
        let deps = Deps {
            store: Store::new(dynamodb, tables),
            s3,
            runs: Runs::new(sfn, "arn:aws:states:us-east-1:123456789012:stateMachine:driver".into()),
            plot_bucket: "plots".into(),
            threshold_bytes: 20,
            reading_time: Duration::from_secs(60),
        };
        Self { deps, state }
    }

    /// Asks for a plot.
    pub async fn ask(&self, query: Value, accept: &str) -> ApiGatewayV2httpResponse {
        let mut request: Value = serde_json::from_str(REQUEST).unwrap();
        request["queryStringParameters"] = query;
        request["headers"]["accept"] = accept.into();
        handle(&self.deps, serde_json::from_value(request).unwrap(), NOW.parse().unwrap()).await
    }

    /// What was asked of the table.
    pub fn queries(&self) -> Vec<Value> {
        self.state.lock().unwrap().queries.clone()
    }

    /// What was stored.
    pub fn stored(&self) -> Vec<Stored> {
        self.state.lock().unwrap().stored.clone()
    }
}

/// The moment so many seconds after 10:00.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_785_578_400 + second).unwrap()
}

fn record(second: i64, number: u64, object_name: &str, delta: i64, total: i64) -> Value {
    let event_type = if delta < 0 { "ObjectRemoved:Delete" } else { "ObjectCreated:Put" };
    json!({
        "bucket_name": { "S": "b" },
        "event_key": { "S": format!("{}#{number:020}", at(second).strftime("%Y-%m-%dT%H:%M:%S%.3fZ")) },
        "object_name": { "S": object_name },
        "event_type": { "S": event_type },
        "size_delta": { "N": delta.to_string() },
        "total_size": { "N": total.to_string() },
        "sequencer": { "S": "0A" },
        "event_time": { "S": at(second) },
        "committed_at": { "S": at(second) },
    })
}

/// What DynamoDB answers a query of these records.
fn answer(records: &[Value], query: &Value) -> Value {
    let values = &query["ExpressionAttributeValues"];
    let text = |value: &Value| value["S"].as_str().map(str::to_owned);
    let (low, high) = (text(&values[":low"]).unwrap(), text(&values[":high"]));
    let start = text(&query["ExclusiveStartKey"]["event_key"]);
    let is_asked_for = |key: &String| match query["KeyConditionExpression"].as_str().unwrap() {
        "#bucket = :bucket AND #key BETWEEN :low AND :high" => *key >= low && Some(key) <= high.as_ref(),
        "#bucket = :bucket AND #key < :low" => *key < low,
        other => panic!("nobody expected the condition {other}"),
    };
    let key = |record: &Value| text(&record["event_key"]).unwrap();
    let mut found: Vec<_> = records.iter().filter(|record| is_asked_for(&key(record))).collect();
    if query["ScanIndexForward"] == false {
        found.reverse();
    }
    found.retain(|record| start.is_none() || Some(key(record)) > start);
    let limit = query["Limit"].as_u64().map_or(PAGE, |limit| limit as usize);
    let page = &found[..limit.min(found.len())];
    let attributes: Vec<_> = query["ProjectionExpression"].as_str().unwrap().split(", ").collect();
    let project = |record: &&Value| attributes.iter().map(|&name| (name.to_owned(), record[name].clone())).collect();
    let mut answer = json!({ "Items": page.iter().map(project).collect::<Vec<Map<_, _>>>() });
    if page.len() < found.len() {
        let last = page[page.len() - 1];
        answer["LastEvaluatedKey"] = json!({ "bucket_name": last["bucket_name"], "event_key": last["event_key"] });
    }
    answer
}

/// There are two runs: one is over, one goes on.
fn describe(request: &[u8]) -> (u16, String) {
    let request: Value = serde_json::from_slice(request).unwrap();
    let run = |stop: Value| {
        let start = at(10).as_second();
        json!({ "executionArn": request["executionArn"], "stateMachineArn": "s", "startDate": start, "stopDate": stop })
    };
    let answer = match request["executionArn"].as_str().unwrap() {
        "arn:aws:states:us-east-1:123456789012:execution:driver:over" => run(at(30).as_second().into()),
        "arn:aws:states:us-east-1:123456789012:execution:driver:going-on" => run(Value::Null),
        arn => {
            let message = format!("Execution Does Not Exist: '{arn}'");
            return (400, json!({ "__type": "ExecutionDoesNotExist", "message": message }).to_string());
        }
    };
    (200, answer.to_string())
}
