//! A bucket, its ledger, its cleaner, and the usage function, on a clock of their own.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::config::http::HttpRequest;
use cleaner::{Invocation, Limits, Notices, TotalSizeAlarm, patience};
use jiff::{SignedDuration, Timestamp};
use spillway_contracts::log_line::CleanerDecisionLine;
use spillway_contracts::plot::PlotResponse;
use spillway_contracts::usage::{Route, UsageRequest};
use spillway_contracts::{ObjectName, Sequencer};
use spillway_fake_aws::{Bucket, FakeDynamoDb, Reply, S3Whims, alarm, cloudwatch_client, http_client, s3_client};
use spillway_ledger::choice::Rule;
use spillway_ledger::{EventKind, ObjectEvent};
use spillway_ledger_store::apply;
use usage::{Deps, handle};

thread_local! {
    /// The time of the test on this thread, in seconds.
    static CLOCK: Cell<i64> = const { Cell::new(START) };
}

/// When a test begins, in seconds.
pub const START: i64 = 1_790_000_000;

pub fn now() -> Timestamp {
    Timestamp::from_second(CLOCK.get()).unwrap()
}

pub fn pass(seconds: i64) {
    CLOCK.set(CLOCK.get() + seconds);
}

pub struct World {
    pub dynamodb: FakeDynamoDb,
    pub bucket: Arc<Mutex<Bucket>>,
    pub deps: Deps,
    pub cleaner: cleaner::Deps,
    /// What the usage function asked of S3: methods, and what of the bucket they are about.
    asked: Arc<Mutex<Vec<String>>>,
}

impl World {
    /// An empty bucket whose cleaner follows this rule, with a target of so many percent.
    pub fn new(rule: Rule, target_percent: u64) -> Self {
        CLOCK.set(START);
        let (dynamodb, bucket) = (FakeDynamoDb::default(), Arc::new(Mutex::new(Bucket::default())));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (theirs, ours, asking) = (bucket.clone(), bucket.clone(), asked.clone());
        let answer = |bucket: &Mutex<Bucket>, request: &_| -> Reply {
            bucket.lock().unwrap().answer(request, 0, &S3Whims::default())
        };
        let total_size_alarm = || TotalSizeAlarm {
            cloudwatch: cloudwatch_client(http_client(|_| Ok(alarm("ALARM", START * 1000, 20, 60)))),
            name: "the-alarm".into(),
        };
        let cleaner = cleaner::Deps {
            store: dynamodb.store(),
            s3: s3_client(http_client(move |request| Ok(answer(&theirs, request)))),
            notices: Notices::default(),
            rule: rule.clone(),
            alarm: total_size_alarm(),
            limits: Limits::default(),
            patience: patience(60),
            needs_audit: false,
            dry_run: false,
            now,
        };
        let deps = Deps {
            store: dynamodb.store(),
            s3: s3_client(http_client(move |request| {
                asking.lock().unwrap().push(what(request));
                Ok(answer(&ours, request))
            })),
            alarm: total_size_alarm(),
            rule,
            target_percent,
            needs_audit: false,
            dry_run: false,
            longest: Duration::from_secs(24),
        };
        Self { dynamodb, bucket, deps, cleaner, asked }
    }

    /// Puts an object, of which the ledger hears at once.
    pub async fn upload(&self, name: &str, size: u64) {
        self.bucket.lock().unwrap().put(name, size, "an-etag", 0);
        self.record(name, Some(size)).await;
    }

    /// Has the ledger hear of a creation, or of a deletion.
    pub async fn record(&self, name: &str, size: Option<u64>) {
        pass(1);
        let event = ObjectEvent {
            bucket_name: "b".into(),
            object_name: ObjectName::new(name).unwrap(),
            kind: size.map_or(EventKind::Deleted, |size| EventKind::Created { size, etag: Some("an-etag".to_owned()) }),
            event_type: if size.is_some() { "ObjectCreated:Put" } else { "ObjectRemoved:Delete" }.into(),
            sequencer: Sequencer::new(format!("{:08X}", CLOCK.get())).unwrap(),
            version_id: None,
            event_time: now(),
        };
        apply(&self.deps.store, vec![event], now, |_| {}).await.unwrap();
    }

    /// Has the alarm invoke the cleaner, with this many seconds to go; gives its line, unless it fails.
    pub async fn clean(&self, seconds: i64) -> Option<CleanerDecisionLine> {
        let alarm: Invocation = serde_json::from_str(ALARM).unwrap();
        let over_at = now() + SignedDuration::from_secs(seconds);
        cleaner::handle(&self.cleaner, alarm, over_at, |_| {}).await.ok()
    }

    /// Asks the function, which must change nothing.
    pub async fn ask(&self, route: Route, parameters: &[(&str, &str)]) -> PlotResponse {
        let held =
            || (self.dynamodb.tables().objects, self.dynamodb.tables().history, self.bucket.lock().unwrap().sizes());
        let before = held();
        let calls = self.dynamodb.calls();
        self.asked.lock().unwrap().clear();
        let parameters = parameters.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let request = UsageRequest { route_key: route, query_string_parameters: Some(parameters) };
        let answer = handle(&self.deps, request, now()).await;
        assert_eq!(held(), before);
        let writes = |calls: &BTreeMap<String, usize>| {
            let writes =
                calls.iter().filter(|(call, _)| !["BatchGetItem", "GetItem", "Query"].contains(&call.as_str()));
            writes.map(|(_, count)| count).sum::<usize>()
        };
        assert_eq!(writes(&self.dynamodb.calls()), writes(&calls), "it wrote to the ledger");
        let may_ask: &[&str] = match route {
            Route::Usage => &["GET versioning", "GET versions"],
            Route::Plan => &["HEAD"],
        };
        assert!(self.asked().iter().all(|it| may_ask.contains(&it.as_str())), "{:?}", self.asked());
        answer
    }

    /// What the function asked of S3 the last time.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Such as `GET versions`; of an object only the method.
fn what(request: &HttpRequest) -> String {
    let query = request.uri().split_once('?').map_or("", |(_, query)| query);
    let about = query.split('&').find(|it| ["versioning", "versions"].contains(&it.trim_end_matches('=')));
    let words = [Some(request.method()), about.map(|it| it.trim_end_matches('='))];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

const ALARM: &str = include_str!("../../../../../contracts/examples/alarm-event/ok-metric-alarm.json");
