//! A storm of events on a live stack, with everything going wrong that may go wrong: when it is over, the ledger is the
//! bucket.
//!
//! `SPILLWAY_STORM_EVENTS` and `SPILLWAY_STORM_SEED` make it longer and replay it, and `SPILLWAY_STORM_OBJECTS` is how many objects
//! an existing bucket holds before; the seed is printed. What each writer and the mischief do is decided by the seed; how they
//! interleave is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{EventBridgeConfiguration, NotificationConfiguration};
use fastrand::Rng;
use serde_json::{Value, json};
use spillway_local::emulator::client;
use spillway_tests::{Stack, live, within};
use tokio::process::Command;
use tokio::task::JoinSet;

const WRITERS: usize = 8;

const ALARM: &str = include_str!("../../contracts/examples/alarm-event/ok-metric-alarm.json");

/// The cleaner's threshold, in bytes: the writers' objects take several times as much.
const THRESHOLD: u64 = 10_000;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")),
        Err(_) => default,
    }
}

/// Names that break what doesn't treat them as S3 does.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = (0..24).map(|number| format!("plain/{number}")).collect();
    names.extend(
        ["a b", "a+b", "a%2Bb", "dir//x", "💧/ü", "__STATE__", r"\__STATE__", "__RUN__", "q?x=1&y=#", "'\"<>", "."]
            .map(str::to_owned),
    );
    names.push("k".repeat(1024));
    names
}

/// Writes, overwrites, copies and deletes; gives the number of calls that S3 took.
async fn write(s3: aws_sdk_s3::Client, bucket: String, mut rng: Rng, operations: u64) -> u64 {
    let names = names();
    let mut done = 0;
    for _ in 0..operations {
        let name = &names[rng.usize(..names.len())];
        let took = match rng.u8(..10) {
            0..=5 => {
                let body = ByteStream::from(vec![b'x'; rng.usize(..2000)]);
                s3.put_object().bucket(&bucket).key(name).body(body).send().await.is_ok()
            }
            6 => {
                let source = &names[rng.usize(..24)];
                // Fails where there is nothing to copy, which is no event.
                s3.copy_object()
                    .bucket(&bucket)
                    .key(name)
                    .copy_source(format!("{bucket}/{source}"))
                    .send()
                    .await
                    .is_ok()
            }
            _ => s3.delete_object().bucket(&bucket).key(name).send().await.is_ok(),
        };
        done += u64::from(took);
    }
    done
}

/// What goes wrong while the writers write.
#[derive(Clone)]
struct Mischief {
    sqs: aws_sdk_sqs::Client,
    queue: String,
    /// What tells the processes of this stack's tracker from all others.
    tracker: [String; 2],
    /// Whether the writers are done.
    over: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    killed: Arc<AtomicUsize>,
    lost: Arc<AtomicUsize>,
}

impl Mischief {
    /// Takes messages off the queue, and sends them again: late, in another order, some of them twice or three times.
    async fn shuffle(self, mut rng: Rng) {
        while !self.over.load(Relaxed) {
            let request = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10);
            let answer = request.visibility_timeout(60).send().await;
            let mut messages = answer.expect("the queue can be read").messages.unwrap_or_default();
            rng.shuffle(&mut messages);
            for message in messages {
                for _ in 0..rng.usize(1..=3) {
                    let body = message.body.clone().unwrap_or_default();
                    let request = self.sqs.send_message().queue_url(&self.queue).message_body(body);
                    request.delay_seconds(rng.i32(0..=2)).send().await.expect("the queue can be written");
                    self.sent.fetch_add(1, Relaxed);
                }
                let request = self.sqs.delete_message().queue_url(&self.queue);
                // One that can't be deleted any more is delivered once more.
                let _ = request.set_receipt_handle(message.receipt_handle).send().await;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Has one event in a hundred be lost for good.
    async fn lose(self, mut rng: Rng) {
        while !self.over.load(Relaxed) {
            let request = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10);
            let answer = request.visibility_timeout(1).send().await;
            for message in answer.expect("the queue can be read").messages.unwrap_or_default() {
                if rng.u8(..100) == 0 {
                    let request = self.sqs.delete_message().queue_url(&self.queue);
                    let deleted = request.set_receipt_handle(message.receipt_handle).send().await;
                    self.lost.fetch_add(usize::from(deleted.is_ok()), Relaxed);
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Kills trackers, some while they work.
    async fn kill(self, mut rng: Rng) {
        while !self.over.load(Relaxed) {
            // A fault has no condition to wait for.
            tokio::time::sleep(Duration::from_millis(rng.u64(200..900))).await;
            for pid in self.trackers().await {
                let status = Command::new("kill").args(["-KILL", &pid]).status().await;
                self.killed.fetch_add(usize::from(status.is_ok_and(|status| status.success())), Relaxed);
            }
        }
    }

    /// The processes of the function, told by their environment.
    async fn trackers(&self) -> Vec<String> {
        let output = Command::new("ps").args(["axeww", "-o", "pid=,command="]).output().await.expect("ps starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let is_tracker = |line: &&str| self.tracker.iter().all(|variable| line.contains(variable));
        let pid = |line: &str| line.split_whitespace().next().map(str::to_owned);
        text.lines().filter(is_tracker).filter_map(pid).collect()
    }
}

/// As the owner of an existing bucket does, who has configured no notifications.
pub async fn turn_event_bridge_on(config: &SdkConfig, bucket: &str) {
    let bridge = EventBridgeConfiguration::builder().build();
    let configuration = NotificationConfiguration::builder().event_bridge_configuration(bridge).build();
    let request = client::s3(config).put_bucket_notification_configuration().bucket(bucket);
    request.notification_configuration(configuration).send().await.expect("notifications can be configured");
}

/// Puts objects of one byte into a bucket.
async fn fill(s3: &aws_sdk_s3::Client, bucket: &str, objects: u64) {
    let put = |number: u64| {
        let request = s3.put_object().bucket(bucket).key(format!("old/{number}")).body(ByteStream::from_static(b"x"));
        async move { request.send().await.expect("an object can be put") }
    };
    for first in (0..objects).step_by(WRITERS) {
        let puts: JoinSet<_> = (first..objects.min(first + WRITERS as u64)).map(&put).collect();
        puts.join_all().await;
    }
}

/// The sum of a field over the tracker's lines about its batches.
fn counted(lines: &[Value], field: &str) -> u64 {
    lines.iter().filter_map(|line| line.get(field)?.as_u64()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_the_ledger_is_the_bucket() {
    let _live = live().await;
    storm(Stack::with(&[("SizeThreshold", &THRESHOLD.to_string())]).await, THRESHOLD, false).await;
}

/// What is deleted or overwritten stays in it as a version.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_the_ledger_is_what_is_current_in_a_bucket_that_keeps_everything() {
    let _live = live().await;
    let parameters = [("SizeThreshold", &*THRESHOLD.to_string()), ("KeepDeletedDays", "1")];
    storm(Stack::with(&parameters).await, THRESHOLD, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_and_an_audit_the_ledger_is_the_existing_bucket_whatever_was_lost() {
    let _live = live().await;
    let objects = setting("SPILLWAY_STORM_OBJECTS", 1000);
    // What was there before may stay.
    let threshold = THRESHOLD + objects;
    let parameters = [("SizeThreshold", &*threshold.to_string()), ("DryRun", "false"), ("AuditGraceMinutes", "0")];
    let furnish = async |config: &SdkConfig| {
        turn_event_bridge_on(config, "stormy").await;
        fill(&client::s3(config), "stormy", objects).await;
    };
    storm(Stack::for_existing("stormy", &parameters, furnish).await, threshold, true).await;
}

/// `threshold` is the stack's, in bytes.
async fn storm(stack: Stack, threshold: u64, loses_events: bool) {
    let events = setting("SPILLWAY_STORM_EVENTS", 500);
    let seed = setting("SPILLWAY_STORM_SEED", fastrand::u64(..1_000_000));
    println!("SPILLWAY_STORM_SEED={seed} SPILLWAY_STORM_EVENTS={events}");
    let outputs = stack.local_aws.outputs().clone();
    // What a killed tracker had in its hands comes back soon; and however often that is, it is no dead letter.
    stack.redeliver_after(&outputs.tracking_queue_url, &outputs.tracking_dlq_url, 3, 1000).await;

    let tracker = stack.function("size-tracking").await;
    let mischief = Mischief {
        sqs: stack.sqs.clone(),
        queue: outputs.tracking_queue_url.clone(),
        tracker: [
            format!("AWS_LAMBDA_FUNCTION_NAME={tracker}"),
            format!("AWS_ENDPOINT_URL={}", stack.local_aws.endpoint()),
        ],
        over: Arc::default(),
        sent: Arc::default(),
        killed: Arc::default(),
        lost: Arc::default(),
    };
    let mut going_on = JoinSet::new();
    going_on.spawn(mischief.clone().shuffle(Rng::with_seed(seed ^ 1)));
    going_on.spawn(mischief.clone().kill(Rng::with_seed(seed ^ 2)));
    if loses_events {
        going_on.spawn(mischief.clone().lose(Rng::with_seed(seed ^ 3)));
    }

    let start = Instant::now();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS as u64 {
        let rng = Rng::with_seed(seed.wrapping_mul(31).wrapping_add(writer));
        let share = events / WRITERS as u64 + u64::from(writer < events % WRITERS as u64);
        writers.spawn(write(stack.s3.clone(), outputs.test_bucket_name.clone(), rng, share));
    }
    let storm = async {
        let written: u64 = writers.join_all().await.into_iter().sum();
        mischief.over.store(true, Relaxed);
        going_on.join_all().await;
        (written, start.elapsed())
    };
    // An audit amid the storm adopts what was there before.
    let adoption = async {
        let adopted = if loses_events { Some(stack.audited(json!({})).await) } else { None };
        (adopted, start.elapsed())
    };
    let ((written, writing), (adopted, adopting)) = tokio::join!(storm, adoption);

    let draining = stack.drain().await.duration_since(start);
    let (sent, killed) = (mischief.sent.load(Relaxed), mischief.killed.load(Relaxed));
    let lines = stack.log_lines(&tracker).await;
    let (commits, conflicts) = (counted(&lines, "transactions"), counted(&lines, "conflicts"));
    println!(
        "{written} events written in {:.1} s, drained after {:.1} s ({:.0} events/s); {sent} messages sent again, {killed} trackers \
         killed; logged by those that lived: {commits} commits, {conflicts} conflicts, {} reads",
        writing.as_secs_f64(),
        draining.as_secs_f64(),
        written as f64 / draining.as_secs_f64(),
        counted(&lines, "reads"),
    );

    if let Some(adopted) = adopted {
        let report = stack.audited(json!({})).await;
        let lost = mischief.lost.load(Relaxed);
        println!("adopted {} objects in {:.1} s", adopted.found.added.objects, adopting.as_secs_f64());
        println!(
            "lost {lost} events for good; an audit found {:?} wrong of {:?}",
            report.drift_before, report.found.listed
        );
        stack.check_ledger().await;
        // It was NotAudited when the alarm acted. The schedule would leave it to the alarm for minutes.
        let alarm: Value = serde_json::from_str(ALARM).expect("an example");
        stack.answer(&outputs.cleaner_function_name, &alarm).await.expect("the cleaner answers");
    }
    // The alarm acted once, amid the storm. What came after that is left to the schedule, whose tick this is.
    let tick = json!({ "schedule": "safety-net" });
    within(Duration::from_secs(120), "the bucket is below its threshold", async || {
        stack.answer(&outputs.cleaner_function_name, &tick).await.expect("the cleaner answers");
        stack.drain().await;
        stack.total_size().await.is_some_and(|total| u64::try_from(total).is_ok_and(|total| total < threshold))
    })
    .await;
    stack.check_ledger().await;
    for queue in [&outputs.tracking_dlq_url, &outputs.logging_dlq_url] {
        assert_eq!(stack.messages(queue).await, 0, "dead letters in {queue}, seed {seed}");
    }
    assert!(killed > 0 && sent > 0, "there was no storm: {killed} killed, {sent} sent again");
    stack.local_aws.shutdown().await;
}
