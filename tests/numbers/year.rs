//! How long plots of a year take, and of parts of it.
//!
//! The year is what 100 million events would leave to read: a change in every minute, and as many as that in the two days at
//! its edges, of which seconds and records are read, too. The function itself sums it up before it is measured.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spillway_contracts::ledger::STATE_KEY;
use spillway_contracts::partition::{PARTITIONS, record_number};

use crate::figures::{median, megabytes, milliseconds, row, table};
use crate::functions::{Weight, event};
use crate::http::{Answer, Server};
use crate::implementation::Implementation;
use crate::lambda::Lambda;
use crate::starts::Surroundings;

const DAY: i64 = 86_400_000;
const YEAR: i64 = 365 * DAY;
/// What 100 million events a year have between them, in milliseconds.
const DENSE: i64 = YEAR / 100_000_000;
/// How many records a page of a megabyte has.
const PAGE: usize = 3_000;
const MEGABYTE: usize = 1 << 20;

/// The ranges, by their lengths before now in milliseconds.
const RANGES: [(&str, i64); 6] = [
    ("a year", YEAR),
    ("a month", 30 * DAY),
    ("a week", 7 * DAY),
    ("a day", DAY),
    ("three hours", DAY / 8),
    ("a quarter of an hour", DAY / 96),
];

/// What was measured of one range.
pub struct Range {
    name: &'static str,
    answering: Duration,
    read: usize,
    peak_memory: u64,
}

/// What the function calls. It answers at once.
struct Year {
    bucket: String,
    /// When each change was, in milliseconds since the epoch, and the total after it.
    changes: Vec<(i64, u64)>,
    /// What the function has summed up, by partition and key.
    rows: Mutex<BTreeMap<(String, String), Value>>,
    /// How many bytes of items were handed out.
    read: AtomicUsize,
}

/// Has the function sum up the year and plot it.
pub async fn measure(implementation: &Implementation) -> Vec<Range> {
    let surroundings = Surroundings::up().await;
    let now = Timestamp::now();
    let year = Arc::new(Year::until(now, surroundings.bucket()));
    let answering = year.clone();
    let server = Server::start(move |request| answering.clone().answer(request)).await;
    let mut variables = surroundings.variables_with("plotting", &format!("http://{}", server.address));
    variables.insert("SIZE_THRESHOLD".to_owned(), "1".to_owned());
    let start = async || {
        let mut lambda = Lambda::start(&implementation.bootstrap("plotting"), &variables).await;
        lambda.first_poll().await;
        lambda
    };
    eprintln!("a year of {} events is summed up", year.changes.len());
    let mut lambda = start().await;
    loop {
        let before = year.rows().len();
        let (_, answer) = lambda.invoke(&json!({ "sum_up": true })).await;
        assert_eq!(answer, Value::Null);
        if year.rows().len() == before {
            break;
        }
    }
    lambda.stop().await;
    let mut ranges = Vec::new();
    for (name, length) in RANGES {
        eprintln!("plots of {name}");
        let mut lambda = start().await;
        let mut request = event("plotting", &year.bucket, Weight::Light, 0);
        let from = now - SignedDuration::from_millis(length);
        request["queryStringParameters"] = json!({ "from": from, "to": now });
        let mut times = Vec::new();
        for _ in 0..5 {
            year.read.store(0, Ordering::Relaxed);
            let start = Instant::now();
            let (answered, answer) = lambda.invoke(&request).await;
            assert_eq!(answer["statusCode"], 200, "{answer}");
            times.push(answered - start);
        }
        let (read, peak_memory) = (year.read.load(Ordering::Relaxed), lambda.peak_memory());
        ranges.push(Range { name, answering: median(&times), read, peak_memory });
        lambda.stop().await;
    }
    surroundings.stack.local_aws.shutdown().await;
    ranges
}

/// The figures in Markdown.
pub fn report(ranges: &[Range]) -> String {
    let columns = ["of a year with 100 million events", "whole answer, ms", "MB read", "peak memory, MB"];
    let figures = |range: &Range| {
        let figures = [milliseconds(range.answering), megabytes(range.read as u64), megabytes(range.peak_memory)];
        row(range.name, figures)
    };
    table(&columns, ranges.iter().map(figures))
}

impl Year {
    fn until(now: Timestamp, bucket: &str) -> Self {
        let (mut at, mut total, end) = (now.as_millisecond() - YEAR, 0_u64, now.as_millisecond());
        let mut changes = Vec::new();
        while at < end {
            total =
                if total > 900_000_000_000 { total / 2 } else { total + changes.len() as u64 * 7_919_001 % 10_000_000 };
            changes.push((at, total));
            let is_at_the_edge = at < end - YEAR + DAY || at > end - DAY;
            at += if is_at_the_edge { DENSE } else { 60_000 };
        }
        Self { bucket: bucket.to_owned(), changes, rows: Mutex::default(), read: AtomicUsize::new(0) }
    }

    fn rows(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Value>> {
        self.rows.lock().expect("nobody panicked")
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let answer = match parts.method {
            Method::POST => self.dynamodb(&serde_json::from_slice(&body).expect("requests are JSON")),
            _ => "{}".to_owned(),
        };
        let response = Response::builder().header("content-type", "application/x-amz-json-1.0");
        let response = response.header("etag", "\"d41d8cd98f00b204e9800998ecf8427e\"");
        Ok(response.body(Full::new(Bytes::from(answer))).expect("a response"))
    }

    fn dynamodb(&self, request: &Value) -> String {
        if let Some((table, _)) = request["RequestItems"].as_object().and_then(|tables| tables.iter().next()) {
            return json!({ "Responses": { table: [self.state()] }, "UnprocessedKeys": {} }).to_string();
        }
        if let Some(item) = request.get("Item") {
            let text = |name: &str| item[name]["S"].as_str().expect("a key").to_owned();
            self.rows().insert((text("bucket_name"), text("event_key")), item.clone());
            return "{}".to_owned();
        }
        let partition = request["ExpressionAttributeValues"][":bucket"]["S"].as_str().expect("a partition");
        let (items, next) = match partition.strip_prefix(&format!("{}#", self.bucket)) {
            Some(number) if number.parse::<u64>().is_ok() => self.records(request, number.parse().expect("a number")),
            Some(_) => self.summaries(request, partition),
            None => (Vec::new(), None),
        };
        self.read.fetch_add(items.iter().map(String::len).sum(), Ordering::Relaxed);
        let next = next.map_or(String::new(), |key| {
            let key = json!({ "bucket_name": { "S": partition }, "event_key": { "S": key } });
            format!(r#","LastEvaluatedKey":{key}"#)
        });
        format!(r#"{{"Count":{0},"ScannedCount":{0},"Items":[{1}]{next}}}"#, items.len(), items.join(","))
    }

    /// A page of a partition's records, and where the next one begins.
    fn records(&self, request: &Value, partition: u64) -> (Vec<String>, Option<String>) {
        let [low, high] = bounds(request);
        let begins_at = |bound: &str| {
            let (mut least, mut most) = (0, self.changes.len());
            while least < most {
                let middle = usize::midpoint(least, most);
                if self.key(middle).as_str() < bound { least = middle + 1 } else { most = middle }
            }
            least
        };
        let first = request["ExclusiveStartKey"]["event_key"]["S"].as_str().and_then(record_number);
        let first = first.map_or_else(|| begins_at(&low), |number| number as usize);
        let mine = (first..begins_at(&high)).filter(|index| (*index as u64 + 1) % PARTITIONS == partition);
        let indexes: Vec<usize> = mine.take(PAGE).collect();
        let next = indexes.last().filter(|_| indexes.len() == PAGE).map(|index| self.key(*index));
        (indexes.into_iter().map(|index| self.record(index)).collect(), next)
    }

    /// A page of summaries, and where the next one begins; or the newest alone.
    fn summaries(&self, request: &Value, partition: &str) -> (Vec<String>, Option<String>) {
        let rows = self.rows();
        let [low, high] = bounds(request);
        let in_partition = |key: &str| (partition.to_owned(), key.to_owned());
        if request["ScanIndexForward"] == false {
            let newest = rows.range(in_partition("")..in_partition(&low)).next_back();
            return (newest.map(|(_, row)| row.to_string()).into_iter().collect(), None);
        }
        let after = request["ExclusiveStartKey"]["event_key"]["S"].as_str().unwrap_or_default();
        let (mut items, mut bytes) = (Vec::new(), 0);
        for ((_, key), row) in rows.range(in_partition(&low)..=in_partition(&high)) {
            if key.as_str() <= after {
                continue;
            }
            items.push(row.to_string());
            bytes += items.last().map_or(0, String::len);
            if bytes >= MEGABYTE {
                return (items, Some(key.clone()));
            }
        }
        (items, None)
    }

    fn key(&self, index: usize) -> String {
        format!("{}#{:020}", time(self.changes[index].0), index + 1)
    }

    fn record(&self, index: usize) -> String {
        let (at, total_size) = self.changes[index];
        let before = index.checked_sub(1).map_or(0, |before| self.changes[before].1);
        let size_delta = total_size as i64 - before as i64;
        let event_type = if size_delta < 0 { "ObjectRemoved:Delete" } else { "ObjectCreated:Put" };
        let (key, at, number) = (self.key(index), time(at), index + 1);
        format!(
            r#"{{"event_key":{{"S":"{key}"}},"object_name":{{"S":"logs/{number}.txt"}},"event_type":{{"S":"{event_type}"}},"size_delta":{{"N":"{size_delta}"}},"total_size":{{"N":"{total_size}"}},"committed_at":{{"S":"{at}"}}}}"#
        )
    }

    fn state(&self) -> Value {
        let last = self.changes.len() - 1;
        let (at, total_size) = self.changes[last];
        let text = |text: &str| json!({ "S": text });
        let number = |number: u64| json!({ "N": number.to_string() });
        json!({
            "object_name": text(STATE_KEY), "total_size": number(total_size), "object_count": number(1),
            "version": number(last as u64 + 1), "last_event_key": text(&self.key(last)), "updated_at": text(&time(at)),
        })
    }
}

fn bounds(request: &Value) -> [String; 2] {
    [":low", ":high"]
        .map(|name| request["ExpressionAttributeValues"][name]["S"].as_str().unwrap_or_default().to_owned())
}

fn time(millis: i64) -> String {
    let at = Timestamp::from_millisecond(millis).expect("a time of this century");
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
