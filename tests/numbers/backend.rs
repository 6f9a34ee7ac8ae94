//! What the functions around plots call: a history of any length, a bucket for plots, a plot API. All answer at once, so
//! that what is measured is the function.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spillway_contracts::ledger::STATE_KEY;
use spillway_contracts::partition::{bucket_of, partition, partitions, record_number};

use crate::http::{Answer, Server};

/// A page of DynamoDB has a megabyte, before attributes are left out: about this many records.
const PAGE: usize = 3_000;
/// The attributes that a query has to ask for, in any order, besides the key where records of several partitions have to be put
/// in order.
const ATTRIBUTES: [&str; 5] = ["committed_at", "event_type", "object_name", "size_delta", "total_size"];
const EMPTY: &str = r#"{"Count":0,"ScannedCount":0,"Items":[]}"#;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Runs until it is dropped.
pub struct Backend {
    server: Server,
    plotting: Arc<Plotting>,
}

/// The history, and when the function was done with reading and with drawing it.
struct Plotting {
    /// The pages of each partition. That with the bucket's own name has all of it, for Python, whose records are in one.
    pages: BTreeMap<String, Vec<Bytes>>,
    /// The ledger's state after the last event.
    state: Value,
    read: Mutex<Option<Instant>>,
    drawn: Mutex<Option<Instant>>,
}

impl Backend {
    /// With a history of this many events.
    pub async fn start(bucket: &str, events: usize) -> Self {
        let start = Timestamp::now() - SignedDuration::from_secs(events as i64);
        let spread = partitions(bucket).map(|name| {
            let is_in = |number: &usize| name == bucket || partition(bucket, &key(start, *number)) == name;
            let pages = pages(&name, start, &(1..=events).filter(is_in).collect::<Vec<_>>());
            (name, pages)
        });
        let plotting = Arc::new(Plotting {
            pages: spread.collect(),
            state: state(start, events),
            read: Mutex::default(),
            drawn: Mutex::default(),
        });
        let answering = plotting.clone();
        let server = Server::start(move |request| answering.clone().answer(request)).await;
        Self { server, plotting }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// How long the newest plot took from the end of the history to its upload.
    pub fn drawing(&self) -> Duration {
        let moment = |of: &Mutex<Option<Instant>>| of.lock().expect("nobody panicked").expect("a plot was drawn");
        moment(&self.plotting.drawn) - moment(&self.plotting.read)
    }
}

/// The last page is empty, as DynamoDB's may be: once it is asked for, all records have been read.
fn pages(partition: &str, start: Timestamp, numbers: &[usize]) -> Vec<Bytes> {
    let mut pages: Vec<Bytes> = Vec::new();
    for chunk in numbers.chunks(PAGE) {
        let items: Vec<String> = chunk.iter().map(|&number| record(start, number)).collect();
        let (count, next) = (items.len(), pages.len() + 1);
        let next = format!(r#"{{"bucket_name":{{"S":"{partition}"}},"event_key":{{"S":"page#{next}"}}}}"#);
        let items = items.join(",");
        let page = format!(r#"{{"Count":{count},"ScannedCount":{count},"Items":[{items}],"LastEvaluatedKey":{next}}}"#);
        pages.push(page.into());
    }
    pages.push(EMPTY.into());
    pages
}

/// Nine objects of 10 bytes come, and then they go, as one.
fn record(start: Timestamp, number: usize) -> String {
    let at = at(start, number);
    let (event_type, size_delta, total_size) = match (number - 1) % 10 {
        9 => ("ObjectRemoved:Delete", -90, 0),
        position => ("ObjectCreated:Put", 10, 10 * (position + 1)),
    };
    let key = key(start, number);
    format!(
        r#"{{"event_key":{{"S":"{key}"}},"object_name":{{"S":"logs/{number}.txt"}},"event_type":{{"S":"{event_type}"}},"size_delta":{{"N":"{size_delta}"}},"total_size":{{"N":"{total_size}"}},"committed_at":{{"S":"{at}"}}}}"#
    )
}

fn state(start: Timestamp, events: usize) -> Value {
    let text = |text: &str| json!({ "S": text });
    let number = |number: usize| json!({ "N": number.to_string() });
    json!({
        "object_name": text(STATE_KEY), "total_size": number(0), "object_count": number(0), "version": number(events),
        "last_event_key": text(&key(start, events)), "updated_at": text(&at(start, events).to_string()),
    })
}

fn key(start: Timestamp, number: usize) -> String {
    format!("{}#{number:020}", at(start, number).strftime("%Y-%m-%dT%H:%M:%S.%3fZ"))
}

fn at(start: Timestamp, number: usize) -> Timestamp {
    start + SignedDuration::from_secs(number as i64 - 1)
}

impl Plotting {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let at = Instant::now();
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let response = Response::builder();
        let (response, body) = match parts.method {
            Method::POST => (response.header("content-type", "application/x-amz-json-1.0"), self.read(&body)),
            Method::PUT => {
                *self.drawn.lock().expect("nobody panicked") = Some(at);
                (response.header("etag", "\"d41d8cd98f00b204e9800998ecf8427e\""), Bytes::new())
            }
            _ => (
                response
                    .header("content-type", "image/png")
                    .header("x-spillway-plot-bucket", "plots")
                    .header("x-spillway-plot-key", "plot.png"),
                Bytes::from_static(PNG),
            ),
        };
        Ok(response.body(Full::new(body)).expect("a response"))
    }

    /// The state, or the page of the history that a query asks for.
    fn read(&self, request: &[u8]) -> Bytes {
        let query: Value = serde_json::from_slice(request).expect("requests are JSON");
        if let Some((table, _)) = query["RequestItems"].as_object().and_then(|tables| tables.iter().next()) {
            let answer = json!({ "Responses": { table: [self.state] }, "UnprocessedKeys": {} });
            return answer.to_string().into();
        }
        let partition = query["ExpressionAttributeValues"][":bucket"]["S"].as_str().unwrap_or_default();
        if partition.ends_with("#seconds") || partition.ends_with("#minutes") {
            // Nothing is summed up, so that these plots read every record.
            return EMPTY.into();
        }
        let attributes = query["ProjectionExpression"].as_str().unwrap_or_default().split(", ");
        let (key, mut attributes): (Vec<&str>, Vec<&str>) = attributes.partition(|it| *it == "event_key");
        attributes.sort_unstable();
        assert_eq!(attributes, ATTRIBUTES, "a query asks for what the records have");
        if !key.is_empty() && bucket_of(partition) == partition {
            return EMPTY.into();
        }
        let pages = &self.pages[partition];
        let start = query["ExclusiveStartKey"]["event_key"]["S"].as_str();
        let number = start.and_then(record_number).unwrap_or_default() as usize;
        if number == pages.len() - 1 {
            *self.read.lock().expect("nobody panicked") = Some(Instant::now());
        }
        pages[number].clone()
    }
}
