//! What the functions around plots call: a history of any length, a bucket for plots, a plot API. All answer at once, so
//! that what is measured is the function.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::http::{Answer, Server};

/// A page of DynamoDB has a megabyte, before attributes are left out: about this many records.
const PAGE: usize = 3_000;
/// The attributes that a query has to ask for, in any order.
const ATTRIBUTES: [&str; 5] = ["committed_at", "event_type", "object_name", "size_delta", "total_size"];
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Runs until it is dropped.
pub struct Backend {
    server: Server,
    plotting: Arc<Plotting>,
}

/// The history, as the pages of a query, and when the function was done with reading and with drawing it.
struct Plotting {
    pages: Vec<Bytes>,
    read: Mutex<Option<Instant>>,
    drawn: Mutex<Option<Instant>>,
}

impl Backend {
    /// With a history of this many events.
    pub async fn start(bucket: &str, events: usize) -> Self {
        let (read, drawn) = (Mutex::default(), Mutex::default());
        let plotting = Arc::new(Plotting { pages: pages(bucket, events), read, drawn });
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
fn pages(bucket: &str, events: usize) -> Vec<Bytes> {
    let start = Timestamp::now() - SignedDuration::from_secs(events as i64);
    let page = |first: usize| {
        let numbers = first..events.min(first + PAGE);
        let count = numbers.len();
        let items: Vec<String> = numbers.map(|number| record(start, number)).collect();
        let next = match first < events {
            true => format!(
                r#","LastEvaluatedKey":{{"bucket_name":{{"S":"{bucket}"}},"event_key":{{"S":"{}"}}}}"#,
                key(first + PAGE)
            ),
            false => String::new(),
        };
        Bytes::from(format!(r#"{{"Count":{count},"ScannedCount":{count},"Items":[{}]{next}}}"#, items.join(",")))
    };
    (0..events).step_by(PAGE).chain([events]).map(page).collect()
}

/// Nine objects of 10 bytes come, and then they go, as one.
fn record(start: Timestamp, number: usize) -> String {
    let at = start + SignedDuration::from_secs(number as i64);
    let (event_type, size_delta, total_size) = match number % 10 {
        9 => ("ObjectRemoved:Delete", -90, 0),
        position => ("ObjectCreated:Put", 10, 10 * (position + 1)),
    };
    format!(
        r#"{{"object_name":{{"S":"logs/{number}.txt"}},"event_type":{{"S":"{event_type}"}},"size_delta":{{"N":"{size_delta}"}},"total_size":{{"N":"{total_size}"}},"committed_at":{{"S":"{at}"}}}}"#
    )
}

fn key(number: usize) -> String {
    format!("2026-11-23T08:16:41.023Z#{number:020}")
}

impl Plotting {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let at = Instant::now();
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let response = Response::builder();
        let (response, body) = match parts.method {
            Method::POST => (response.header("content-type", "application/x-amz-json-1.0"), self.page(&body)),
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

    /// The page of the history that a query asks for.
    fn page(&self, query: &[u8]) -> Bytes {
        let query: Value = serde_json::from_slice(query).expect("queries are JSON");
        let mut attributes: Vec<&str> =
            query["ProjectionExpression"].as_str().unwrap_or_default().split(", ").collect();
        attributes.sort_unstable();
        assert_eq!(attributes, ATTRIBUTES, "a query asks for what the records have");
        let start = query["ExclusiveStartKey"]["event_key"]["S"].as_str().and_then(|key| key.rsplit('#').next());
        let first: usize = start.map_or(0, |number| number.parse().expect("keys end in a number"));
        let number = (first / PAGE).min(self.pages.len() - 1);
        if number == self.pages.len() - 1 {
            *self.read.lock().expect("nobody panicked") = Some(Instant::now());
        }
        self.pages[number].clone()
    }
}
