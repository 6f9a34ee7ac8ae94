//! What one invocation of a function has: clients whose every call the seed may delay, lose, or end the invocation with.
//!
//! As in Lambda, invocations share clients, because building them takes longer than most invocations. A call finds the
//! invocation that makes it in [`ENVIRONMENT`]. Only the cleaner has a client of S3 of its own each time: it deletes in
//! tasks of its own, in which there is no such variable.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use audit::{Events, Looker};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::{Value, json};
use size_tracking::DeadLetters;
use spillway_fake_aws::{Answer, Bucket, Reply, S3Whims, Whims, lost, operation, patient_http_client, sent_message};
use spillway_fake_aws::{BUCKET, ages, alarm, cloudwatch_client, lambda_client, mapping, s3_client, sqs_client, store};
use spillway_ledger_store::Store;
use tokio::sync::Notify;

use crate::functions::PERIOD;
use crate::reference;
use crate::repairs;
use crate::safeguard::{self, Safeguard};
use crate::users;
use crate::world::{Shared, World, millis, now, one_of, pass};

/// An invocation.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The function, and the invocation's number.
    pub name: String,
    shared: Shared,
    /// When it began, in milliseconds.
    pub begun_at: i64,
    crash: Arc<Notify>,
    seen: Arc<Mutex<Seen>>,
}

/// What an invocation of the cleaner was told and has done.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// When it began to decide, each time, in milliseconds. A decision may go on from what an earlier one has read, and judge ages as
    /// that did.
    pub decided_since: Vec<i64>,
    /// How many states of the ledger there were when it had its first answer.
    pub first_state: usize,
    /// Whether S3 said of an object that it is still there.
    pub looked_up: BTreeMap<String, bool>,
    /// What S3 refused to delete, each time.
    pub refused: Vec<String>,
    /// What it has on record, by name, with the newest ETag.
    pub chosen: BTreeMap<String, String>,
    /// The same with the sequencers: an object that was written again may be there twice.
    pub chosen_versions: BTreeSet<(String, (String, String))>,
    /// The rows that an audit was told of last, before it repairs anything.
    pub rows: BTreeMap<String, Option<Value>>,
    /// Whether an audit has kept what it found.
    pub is_settling: bool,
}

impl Seen {
    /// When it last began to decide, in milliseconds.
    pub fn decides_since(&self) -> i64 {
        self.decided_since.last().copied().unwrap_or_default()
    }

    /// How many deletions the rule counts. What S3 has refused counts for as long as the round goes on.
    pub fn made(&self) -> RangeInclusive<usize> {
        self.chosen_versions.len() - self.refused.len()..=self.chosen_versions.len()
    }

    /// Forgets what S3 said of an object, because the answer was lost.
    fn forget(&mut self, name: &str) {
        self.looked_up.remove(name);
        if let Some(last) = self.refused.iter().rposition(|it| it == name) {
            self.refused.remove(last);
        }
    }
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The invocation ends before AWS has the request.
    CrashBefore,
    /// The invocation ends before it has the answer.
    CrashAfter,
    /// The request is lost.
    LostBefore,
    /// The answer is lost.
    LostAfter,
    /// AWS says that it is asked too much.
    Overload,
}

const FAULTS: [Fault; 5] =
    [Fault::CrashBefore, Fault::CrashAfter, Fault::LostBefore, Fault::LostAfter, Fault::Overload];

/// What AWS answers to a request of an invocation.
type Service = fn(&Environment, &mut World, &HttpRequest) -> Reply;

tokio::task_local! {
    /// The invocation that is running.
    static ENVIRONMENT: Environment;
}

thread_local! {
    /// What this thread's invocations call DynamoDB with.
    static STORE: Store = store(shared_client(dynamodb));

    /// What this thread's invocations call SQS with.
    static DEAD_LETTERS: DeadLetters = DeadLetters::new(sqs_client(shared_client(sqs)), "http://queue".into());

    /// What this thread's runs call S3 with.
    static DRIVER_S3: aws_sdk_s3::Client = s3_client(shared_client(s3_of_driver));

    /// What this thread's runs call CloudWatch with.
    static CLOUDWATCH: aws_sdk_cloudwatch::Client = cloudwatch_client(shared_client(describe_alarms));

    /// What this thread's audits call S3 with.
    static AUDITS_S3: aws_sdk_s3::Client = s3_client(shared_client(s3_of_audits));

    /// What this thread's audits call CloudWatch with.
    static AUDITS_CLOUDWATCH: aws_sdk_cloudwatch::Client = cloudwatch_client(shared_client(ages_of_messages));

    /// What this thread's audits call Lambda with.
    static LAMBDA: aws_sdk_lambda::Client = lambda_client(shared_client(get_event_source_mapping));
}

fn shared_client(service: Service) -> SharedHttpClient {
    patient_http_client(move |request| {
        let environment = ENVIRONMENT.get();
        async move { environment.call(&request, service).await }
    })
}

/// The ledger.
pub fn ledger() -> Store {
    STORE.with(Clone::clone)
}

/// The tracking queue's dead letters.
pub fn dead_letters() -> DeadLetters {
    DEAD_LETTERS.with(Clone::clone)
}

/// The bucket, for the driver's tasks.
pub fn driver_s3() -> aws_sdk_s3::Client {
    DRIVER_S3.with(Clone::clone)
}

/// The alarm, for the driver's tasks.
pub fn cloudwatch() -> aws_sdk_cloudwatch::Client {
    CLOUDWATCH.with(Clone::clone)
}

/// What compares the bucket with the ledger, and dates rows if the rule needs that.
pub fn looker(dates: bool) -> Looker {
    let cloudwatch = AUDITS_CLOUDWATCH.with(Clone::clone);
    Looker {
        dates,
        threshold_bytes: 0,
        store: ledger(),
        s3: AUDITS_S3.with(Clone::clone),
        queue: audit::Queue::new(cloudwatch, "queue".into()),
        now,
    }
}

/// The way of the bucket's events, for the audits.
pub fn events() -> Events {
    Events {
        s3: AUDITS_S3.with(Clone::clone),
        lambda: LAMBDA.with(Clone::clone),
        bucket_name: BUCKET.into(),
        topic: "topic".into(),
        rule: None,
        mapping: "mapping".into(),
    }
}

/// Builds this thread's clients, if there are none yet.
pub fn build_clients() {
    drop((ledger(), dead_letters(), driver_s3(), cloudwatch(), looker(false), events()));
}

impl Environment {
    /// An invocation of a function.
    pub fn new(shared: &Shared, function: &'static str) -> Self {
        let mut world = shared.lock();
        world.count(function);
        let name = format!("{function} {}", world.counts[function]);
        Self { name, shared: shared.clone(), begun_at: millis(), crash: Arc::default(), seen: Arc::default() }
    }

    /// The bucket, for this invocation alone.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let environment = self.clone();
        s3_client(patient_http_client(move |request| {
            let environment = environment.clone();
            async move { environment.call(&request, s3).await }
        }))
    }

    /// Runs the invocation until it ends, crashes or takes too long; `None` says that it did not end by itself.
    pub async fn run<T>(&self, timeout: i64, invocation: impl Future<Output = T>) -> Option<T> {
        let invocation = ENVIRONMENT.scope(self.clone(), invocation);
        tokio::select! {
            biased;
            () = self.crash.notified() => None,
            ended = tokio::time::timeout(Duration::from_millis(timeout as u64), invocation) => ended.ok(),
        }
    }

    /// What it was told and has done.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// A call: the seed decides how long it takes, so that everybody else may go on first, and what goes wrong.
    async fn call(&self, request: &HttpRequest, service: Service) -> Answer {
        let (before, after, fault) = {
            let mut world = self.shared.lock();
            let faults = world.plan.faults;
            let fault = world.happens(faults).then(|| one_of(&mut world.rng, &FAULTS));
            (self.delay(&mut world), self.delay(&mut world), fault)
        };
        if is_beginning(request) {
            self.seen().decided_since.push(millis());
        }
        pass(before).await;
        match fault {
            Some(Fault::CrashBefore) => self.die("before", request).await,
            Some(Fault::LostBefore) => return self.fails("is lost", request, Err(lost())),
            Some(Fault::Overload) => return self.fails("is too much", request, Ok(overload(request))),
            Some(Fault::CrashAfter | Fault::LostAfter) | None => {}
        }
        let reply = {
            let mut world = self.shared.lock();
            let reply = service(self, &mut world, request);
            world.note(|| format!("{}: {} {}", self.name, summary(request), reply.status));
            reply
        };
        self.shared.arrival.notify_waiters();
        pass(after).await;
        match fault {
            Some(Fault::CrashAfter) => self.die("after", request).await,
            Some(Fault::LostAfter) => {
                self.seen().forget(&Bucket::requested(request));
                self.fails("has a lost answer", request, Err(lost()))
            }
            _ => Ok(reply),
        }
    }

    /// Most calls take some milliseconds, a few of them seconds, and now and then one takes too long.
    fn delay(&self, world: &mut World) -> i64 {
        match world.rng.u32(..if world.is_calm { 10 } else { 100 }) {
            99 => world.rng.i64(0..world.plan.slowest),
            95..99 => world.rng.i64(0..3000),
            _ => world.rng.i64(1..30),
        }
    }

    async fn die(&self, when: &str, request: &HttpRequest) -> ! {
        self.shared.lock().note(|| format!("{}: crashes {when} {}", self.name, summary(request)));
        self.crash.notify_one();
        std::future::pending().await
    }

    fn fails(&self, how: &str, request: &HttpRequest, answer: Answer) -> Answer {
        self.shared.lock().note(|| format!("{}: {} {how}", self.name, summary(request)));
        answer
    }
}

/// Whether the cleaner begins to decide with this request.
fn is_beginning(request: &HttpRequest) -> bool {
    let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
    request.headers().get("x-amz-target").is_some_and(|target| target.ends_with("BatchGetItem"))
        && body.contains("__CLEANER__")
        // What was left unprocessed of such a request is asked for in another one.
        && body.contains("__STATE__")
        && body.contains("__AUDITED__")
}

fn summary(request: &HttpRequest) -> String {
    match request.headers().get("x-amz-target") {
        Some(target) => {
            let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
            let items = body["TransactItems"].as_array().into_iter().flatten();
            let items = items.map(|action| &action["Put"]["Item"]).map(|item| {
                let name = &item["object_name"]["S"];
                let size = item["size"]["N"].as_str().unwrap_or("-");
                let key = item["event_key"]["S"].as_str().unwrap_or_default();
                format!("{name} {size} {key}")
            });
            format!("{} {}", target.rsplit('.').next().unwrap_or_default(), Vec::from_iter(items).join(", "))
        }
        None => format!("{} {}", request.method(), request.uri()),
    }
}

fn overload(request: &HttpRequest) -> Reply {
    match request.headers().get("x-amz-target") {
        Some(_) => {
            let kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
            (400, json!({ "__type": kind, "message": "slower" }).to_string()).into()
        }
        None => (503, "<Error><Code>SlowDown</Code><Message>slower</Message></Error>".to_owned()).into(),
    }
}

pub fn dynamodb(environment: &Environment, world: &mut World, request: &HttpRequest) -> Reply {
    let is_beginning = is_beginning(request);
    let (operation, request) = operation(request);
    let obstacles = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    let faults = world.plan.faults;
    let whims = Whims {
        index_lag: world.index_lag(),
        cancelled: world.happens(faults).then(|| one_of(&mut world.rng, &obstacles)),
        unprocessed: if world.is_calm { 0 } else { one_of(&mut world.rng, &[0, 0, 0, 1, 2, 50]) },
        unprocessed_from: world.rng.usize(..100),
        page: Some(if world.is_calm { 3 } else { one_of(&mut world.rng, &[1, 2, 3, 50]) }),
        invisible: (!world.is_calm && millis() - world.tables.newest_at() < 50).then(|| world.rng.usize(..4)),
        stale: !world.is_calm && millis() - world.tables.newest_at() < 1000,
        ..Whims::default()
    };
    if is_beginning {
        let mut seen = environment.seen();
        seen.first_state = world.reference.states();
        seen.looked_up.clear();
    }
    let is_audits = environment.name.starts_with("audit-");
    let request = safeguard::request(world, request, is_audits);
    let before = reference::begins_cleaning(&request, &environment.seen()).then(|| world.tables.clone());
    let repairs = if is_audits { repairs::of(world, &request) } else { Vec::new() };
    let (status, answer) = world.tables.answer(&operation, &request, millis(), &whims);
    let mut answer = safeguard::answer(world, &operation, &request, answer);
    if is_audits {
        safeguard::rows(world, &mut environment.seen(), &operation, &request, &mut answer);
    }
    if operation == "TransactWriteItems" && status == 200 {
        world.reference.note_states(&world.tables, &request);
        repairs.into_iter().for_each(|repair| repairs::check(world, environment.begun_at, repair));
        if let Some(before) = before {
            reference::check_choice(world, &mut environment.seen(), &before, &request);
        }
    }
    (status, answer.to_string()).into()
}

/// S3, as the cleaner calls it.
pub fn s3(environment: &Environment, world: &mut World, request: &HttpRequest) -> Reply {
    let whims = S3Whims { unconditional: !world.has(Safeguard::ETag) };
    let etag = world.bucket.current(&Bucket::requested(request)).map(|version| version.etag.clone());
    let reply = world.bucket.answer(request, millis(), &whims);
    reference::check_request(world, &mut environment.seen(), etag.as_deref(), request, &reply);
    users::publish(world);
    reply
}

/// S3, as the driver calls it.
fn s3_of_driver(_: &Environment, world: &mut World, request: &HttpRequest) -> Reply {
    let reply = world.bucket.answer(request, millis(), &S3Whims::default());
    users::publish(world);
    reply
}

/// S3, as audits call it: of some objects it may say nothing.
fn s3_of_audits(_: &Environment, world: &mut World, request: &HttpRequest) -> Reply {
    let hides = world.plan.audits.as_ref().is_some_and(|audits| audits.hides);
    if hides && request.method() == "HEAD" && Bucket::requested(request).starts_with("keep/") {
        return (403, String::new()).into();
    }
    let has_second_look = world.has(Safeguard::SecondLook);
    let bucket = if has_second_look { &mut world.bucket } else { &mut world.listed };
    let reply = bucket.answer(request, millis(), &S3Whims::default());
    if request.method() == "HEAD" && world.happens(50) {
        users::meddle(world, &Bucket::requested(request));
    }
    reply
}

/// CloudWatch, as audits call it: how old the oldest messages were. The newest figures may not be there yet.
fn ages_of_messages(_: &Environment, world: &mut World, _: &HttpRequest) -> Reply {
    let lag = world.rng.i64(0..60_000);
    let known = world.ages.iter().filter(|(at, _)| (millis() - 15 * 60_000..=millis() - lag).contains(at));
    let known: Vec<i64> = known.map(|(_, age)| *age).filter(|_| world.has(Safeguard::QueueAge)).collect();
    ages(&known)
}

/// Lambda, as audits call it: the queue is read.
fn get_event_source_mapping(_: &Environment, _: &mut World, _: &HttpRequest) -> Reply {
    mapping("Enabled")
}

/// CloudWatch, as the driver calls it.
fn describe_alarms(_: &Environment, world: &mut World, _: &HttpRequest) -> Reply {
    alarm(world.alarm.state, world.alarm.since, world.plan.rule.threshold_bytes, PERIOD)
}

/// SQS, as the tracker calls it: the dead-letter queue.
pub fn sqs(_: &Environment, world: &mut World, request: &HttpRequest) -> Reply {
    let body = sent_message(request.body().bytes().unwrap_or_default());
    if world.has(Safeguard::DeadLetterQueue) {
        world.tracking.dead.push(body);
    }
    (200, r#"{"MessageId":"m","MD5OfMessageBody":""}"#.to_owned()).into()
}
