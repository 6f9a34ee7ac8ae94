//! The page of a live stack: what its server tells of what goes on.

use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use spillway_page::Server;
use spillway_stack::run::recording;
use spillway_tests::{Stack, live};
use tokio::time::timeout;

/// Reads server-sent events one by one.
struct Events {
    body: Incoming,
    text: String,
}

impl Events {
    async fn of(url: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::get(format!("{url}/events")).body(Empty::<Bytes>::new()).expect("a request");
        let body = client.request(request).await.expect("the page answers").into_body();
        Self { body, text: String::new() }
    }

    /// The next one: its name, and what it tells.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let told = field("event:").zip(field("data:"));
                let told = told.map(|(name, data)| (name.to_owned(), serde_json::from_str(data).expect("JSON")));
                self.text = rest.to_owned();
                if let Some(told) = told {
                    return told;
                }
                continue;
            }
            let frame = timeout(Duration::from_secs(20), self.body.frame()).await.expect("more comes in time");
            let frame = frame.expect("the stream goes on").expect("the stream is whole");
            self.text.push_str(&String::from_utf8_lossy(&frame.into_data().expect("data")));
        }
    }
}

#[tokio::test]
async fn an_upload_is_told_while_somebody_looks() {
    let _live = live().await;
    let stack = Stack::up().await;
    let (config, name) = (stack.local_aws.sdk_config(), stack.local_aws.stack_name());
    let (watch, found) = recording::begin(config, name, "a local AWS").await.expect("the stack can be watched");
    let server = Server::listen(&watch, found).await.expect("the page can be served");
    let mut events = Events::of(&server.url()).await;

    let (name, recording) = events.next().await;
    assert_eq!((name.as_str(), &recording["stack"]["threshold_bytes"]), ("recording", &serde_json::json!(20)));
    let states = recording["machines"][0]["graph"]["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .filter(|node| node["name"] == "Upload");
    assert_eq!(states.count(), 1);

    stack.put("notes.txt", 12).await;
    let (mut event, mut row, mut line) = (Value::Null, Value::Null, Value::Null);
    while event.is_null() || row.is_null() || line.is_null() {
        let (_, records) = events.next().await;
        for record in records.as_array().into_iter().flatten() {
            let place = match record["kind"].as_str() {
                Some("event") => &mut event,
                Some("row") => &mut row,
                Some("line") if record["contract"] == "total-size-line" => &mut line,
                _ => continue,
            };
            *place = record["document"].clone();
        }
    }
    assert_eq!((&event["object_name"], &event["total_size"]), (&"notes.txt".into(), &12.into()));
    assert_eq!((&row["object_name"], &row["size"]), (&"notes.txt".into(), &12.into()));
    assert_eq!(line["total_size"], 12);
    stack.local_aws.shutdown().await;
}
