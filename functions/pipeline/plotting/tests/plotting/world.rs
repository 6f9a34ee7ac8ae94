//! A history, runs and a bucket of plots in memory, and the plotting function on them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::event::apigw::ApiGatewayV2httpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use jiff::{SignedDuration, Timestamp};
use plotting::{Deps, Runs, handle, sum_up};
use serde_json::{Value, json};
use spillway_contracts::ledger::STATE_KEY;
use spillway_contracts::partition::partition;
use spillway_fake_aws::{FakeDynamoDb, Tables, http_client};

/// What the function is asked, without the query.
const REQUEST: &str = include_str!("../../../../../contracts/examples/plot-request/ok-a-run.json");

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

/// The function, and what it asked of AWS.
pub struct World {
    pub deps: Deps,
    pub dynamodb: FakeDynamoDb,
    stored: Arc<Mutex<Vec<Stored>>>,
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
        Self::with_history(records, |event_key| partition("b", event_key))
    }

    /// The same as version 0.1 wrote it: in one partition, so that it has several pages.
    pub fn with_one_partition(records: &[(i64, &str, i64)]) -> Self {
        Self::with_history(records, |_| "b".to_owned())
    }

    /// The same with milliseconds in place of seconds.
    pub fn with_millis(records: &[(i64, &str, i64)]) -> Self {
        Self::with_records(records, |event_key| partition("b", event_key))
    }

    fn with_history(records: &[(i64, &str, i64)], partition: impl Fn(&str) -> String) -> Self {
        let records: Vec<_> = records.iter().map(|&(second, name, delta)| (second * 1_000, name, delta)).collect();
        Self::with_records(&records, partition)
    }

    fn with_records(records: &[(i64, &str, i64)], partition: impl Fn(&str) -> String) -> Self {
        let dynamodb = FakeDynamoDb::default();
        dynamodb.has_pages_of(PAGE);
        let mut tables = Tables::default();
        let mut total_size = 0;
        for (&(millis, object_name, size_delta), number) in records.iter().zip(1..) {
            total_size += size_delta;
            let mut item = Record { millis, number, object_name, size_delta, total_size }.item();
            let event_key = item["event_key"]["S"].as_str().unwrap().to_owned();
            item["bucket_name"]["S"] = partition(&event_key).into();
            tables.put_record(item);
            tables.objects.insert(STATE_KEY.into(), state(number, &event_key, at_millis(millis)));
        }
        dynamodb.become_now(tables);
        let stored = Arc::new(Mutex::new(Vec::new()));
        let storing = stored.clone();
        let s3 = client!(aws_sdk_s3, move |request| {
            assert_eq!(request.method(), "PUT");
            let path = request.uri().split('?').next().unwrap().to_owned();
            let content_type = request.headers().get("content-type").unwrap().to_owned();
            let body = request.body().bytes().unwrap().to_vec();
            storing.lock().unwrap().push(Stored { path, content_type, body });
            Ok((200, String::new()).into())
        });
        let sfn = client!(aws_sdk_sfn, |request| Ok(describe(request.body().bytes().unwrap()).into()));
        let deps = Deps {
            store: dynamodb.store(),
            s3,
            runs: Runs::new(sfn, "arn:aws:states:us-east-1:123456789012:stateMachine:driver".into()),
            plot_bucket: "plots".into(),
            threshold_bytes: 20,
            reading_time: Duration::from_secs(60),
        };
        Self { deps, dynamodb, stored }
    }

    /// Asks for a plot.
    pub async fn ask(&self, query: Value, accept: &str) -> ApiGatewayV2httpResponse {
        let mut request: Value = serde_json::from_str(REQUEST).unwrap();
        request["queryStringParameters"] = query;
        request["headers"]["accept"] = accept.into();
        handle(&self.deps, serde_json::from_value(request).unwrap(), NOW.parse().unwrap()).await
    }

    /// The schedule comes.
    pub async fn sum_up(&self) {
        sum_up(&self.deps).await.unwrap();
    }

    /// The ledger goes on until it is another one's, and what was summed up stays.
    pub fn becomes(&self, other: &Self) {
        let mut tables = other.dynamodb.tables();
        tables.history.extend(self.dynamodb.tables().history);
        self.dynamodb.become_now(tables);
    }

    /// What was asked of the table.
    pub fn queries(&self) -> Vec<Value> {
        self.dynamodb.requests("Query")
    }

    /// What was stored.
    pub fn stored(&self) -> Vec<Stored> {
        self.stored.lock().unwrap().clone()
    }
}

/// The moment this many seconds after 10:00.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_785_578_400 + second).unwrap()
}

fn at_millis(millis: i64) -> Timestamp {
    at(0) + SignedDuration::from_millis(millis)
}

struct Record<'a> {
    millis: i64,
    number: u64,
    object_name: &'a str,
    size_delta: i64,
    total_size: i64,
}

impl Record<'_> {
    fn item(&self) -> Value {
        let at = at_millis(self.millis);
        let event_type = if self.size_delta < 0 { "ObjectRemoved:Delete" } else { "ObjectCreated:Put" };
        json!({
            "bucket_name": { "S": "b" },
            "event_key": { "S": format!("{}#{:020}", at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"), self.number) },
            "object_name": { "S": self.object_name },
            "event_type": { "S": event_type },
            "size_delta": { "N": self.size_delta.to_string() },
            "total_size": { "N": self.total_size.to_string() },
            "sequencer": { "S": "0A" },
            "event_time": { "S": at },
            "committed_at": { "S": at },
        })
    }
}

/// The ledger's state after the record with this number.
fn state(number: u64, event_key: &str, at: Timestamp) -> Value {
    json!({
        "object_name": { "S": STATE_KEY },
        "total_size": { "N": "0" },
        "object_count": { "N": "0" },
        "version": { "N": number.to_string() },
        "last_event_key": { "S": event_key },
        "updated_at": { "S": at },
    })
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
