//! What the recorder makes of a run on AWS: of answers in the form that AWS's API references and guides give them, where it
//! differs from the local AWS's. Answers come in pages; a page of a log may be empty; functions that share a log group are
//! told apart by their streams; a function's report is JSON; CloudWatch knows what queues have held.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aws_smithy_cbor::Encoder;
use serde::Deserialize;
use serde_json::{Value, json};
use spillway_fake_aws::{Reply, http_client, sdk_config};
use spillway_page::{Record, Recorder, Recording, Stack};

/// An answer to the calls of an operation whose requests hold these texts. The first one that fits is given.
#[derive(Deserialize)]
struct Answer {
    operation: String,
    #[serde(default)]
    when: Vec<String>,
    answer: Value,
}

const RUN: &str = "arn:aws:states:eu-central-1:123456789012:execution:DriverStateMachine-x:2afadb34";

/// What was recorded of the run.
async fn recording() -> Recording {
    recorder(|_, _| {}).await.recording().await.expect("a recording")
}

/// A recorder of the run. Each answer is shown to `amend` first, with its operation.
async fn recorder(amend: impl Fn(&str, &mut Value) + Send + Sync + 'static) -> Recorder {
    let answers: Vec<Answer> = serde_json::from_str(include_str!("answers.json")).expect("the answers");
    let client = http_client(move |request| {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let target = request.headers().get("x-amz-target").and_then(|it| it.rsplit('.').next());
        let in_body = body.strip_prefix("Action=").and_then(|it| it.split('&').next());
        let operation = target.or(in_body).or_else(|| request.uri().rsplit('/').next()).unwrap_or_default();
        let fits = |it: &&Answer| it.operation == operation && it.when.iter().all(|text| body.contains(text.as_str()));
        let answer = answers.iter().find(fits).unwrap_or_else(|| panic!("nothing answers {operation}: {body}"));
        let mut answer = answer.answer.clone();
        amend(operation, &mut answer);
        Ok(match answer {
            Value::String(xml) => (200, xml).into(),
            document if target.is_some() => (200, document.to_string()).into(),
            document => cbor(&document),
        })
    });
    let stack = Stack::find(&sdk_config(client), "spillway", "AWS").await.expect("a stack");
    Recorder::of_run(stack, RUN).await.expect("a run")
}

/// As CloudWatch answers.
fn cbor(document: &Value) -> Reply {
    fn put(encoder: &mut Encoder, name: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                encoder.map(fields.len());
                for (name, value) in fields {
                    encoder.str(name);
                    put(encoder, name, value);
                }
            }
            Value::Array(items) => {
                encoder.array(items.len());
                for item in items {
                    put(encoder, name, item);
                }
            }
            Value::Number(number) if number.is_f64() => drop(encoder.double(number.as_f64().expect("a number"))),
            Value::Number(number) => drop(encoder.long(number.as_i64().expect("a whole number"))),
            Value::String(text) if name.contains("Timestamp") => {
                let at: jiff::Timestamp = text.parse().expect("a time");
                encoder.timestamp(&aws_sdk_cloudwatch::primitives::DateTime::from_millis(at.as_millisecond()));
            }
            other => drop(encoder.str(other.as_str().expect("a text"))),
        }
    }
    let mut encoder = Encoder::new(Vec::new());
    put(&mut encoder, "", document);
    let headers = vec![("smithy-protocol", "rpc-v2-cbor".to_owned())];
    Reply { status: 200, headers, body: encoder.into_writer() }
}

/// The records of one kind, each in a few words.
async fn told(words: impl Fn(&Record) -> Option<String>) -> Vec<String> {
    recording().await.records.iter().filter_map(words).collect()
}

#[tokio::test]
async fn a_history_is_read_from_its_newest_page_back_to_its_first_event() {
    let states = told(|record| {
        let Record::State(it) = record else { return None };
        let errors: Vec<_> = it.attempts.iter().map(|it| it.error.as_deref().unwrap_or("none")).collect();
        Some(format!("{} {:?} {:?} {}", it.name, it.cycle, it.outcome, errors.join(", ")))
    });
    let expect = ["Upload Some(1) Done Lambda.TooManyRequestsException, none", "RunCycles None Done "];
    assert_eq!(states.await, expect);
}

#[tokio::test]
async fn functions_that_share_a_log_group_are_told_apart_and_no_page_of_the_log_is_left_out() {
    let written = told(|record| match record {
        Record::Invocation(it) => {
            Some(format!("{} of {} took {} ms, failed: {}", it.function, it.group, it.until - it.at, it.failed))
        }
        Record::Line(it) => Some(format!("{} wrote {} for {}", it.function, it.contract, it.request_id.as_deref()?)),
        _ => None,
    });
    let expect = [
        "Upload wrote log-line for r-up",
        "Upload of Driver took 286 ms, failed: false",
        "WaitForDeletion of Driver took 100 ms, failed: true",
    ];
    assert_eq!(written.await, expect);
}

#[tokio::test]
async fn the_alarm_is_in_the_states_that_its_history_tells_and_was_in_the_one_before_the_first() {
    let states = told(|record| {
        let Record::Alarm(it) = record else { return None };
        Some(format!("{} {} {}", it.at, it.state, it.reason))
    });
    let reason = |value| format!("Threshold Crossed: 1 out of the last 1 datapoints [{value} (23/11/26 08:16:00)]");
    let expect = [
        "1795421788145 OK ".to_owned(),
        format!("1795421834250 ALARM {}", reason("46.0")),
        format!("1795421894130 OK {}", reason("18.0")),
    ];
    assert_eq!(states.await, expect);
}

#[tokio::test]
async fn what_queues_have_held_is_what_cloudwatch_knows_of_them() {
    let depths = told(|record| match record {
        Record::Queue(it) if it.within_seconds == Some(60) => {
            Some(format!("{} {}: {} {} {}", it.at, it.queue, it.waiting, it.delayed, it.in_flight))
        }
        _ => None,
    });
    let expect = [
        "1795421760000 TrackingQueue: 3 0 2",
        "1795421760000 LoggingQueue: 0 2 0",
        "1795421760000 TrackingDlq: 1 0 0",
        "1795421820000 TrackingQueue: 0 0 0",
    ];
    assert_eq!(depths.await, expect);
}

#[tokio::test]
async fn both_machines_are_there_and_every_event_of_the_ledger() {
    let recording = recording().await;
    let machines: Vec<_> = recording.machines.iter().map(|it| (it.id.as_str(), it.graph.nodes.len())).collect();
    assert_eq!(machines, [("driver", 2), ("audit", 1)]);
    let told = recording.records.iter().filter_map(|record| match record {
        Record::Run(it) => Some(format!("{} of the {}: {}", it.id, it.machine, it.status)),
        Record::Event(it) => Some(format!("{} {}", it.document.object_name.as_str(), it.document.total_size)),
        Record::Row(it) => Some(it.contract.clone()),
        _ => None,
    });
    // The first two are where a version before 0.2 wrote them. The fifth is there already, but the fourth is not.
    let events = ["assignment1.txt 18", "assignment2.txt 46", "assignment3.txt 48"];
    let expect = [&["2afadb34 of the driver: SUCCEEDED"], &events[..], &["object-row"]].concat();
    assert_eq!(told.collect::<Vec<_>>(), expect);
}

#[tokio::test]
async fn an_execution_is_described_when_its_history_has_news_and_its_end_is_told_however_late() {
    let asked = Arc::new(AtomicUsize::new(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let mut recorder = recorder({
        let (asked, is_over) = (Arc::clone(&asked), Arc::clone(&is_over));
        move |operation, answer| {
            if operation == "DescribeExecution" {
                asked.fetch_add(1, Ordering::Relaxed);
                if !is_over.load(Ordering::Relaxed) {
                    answer["status"] = json!("RUNNING");
                    answer.as_object_mut().expect("an execution").remove("stopDate");
                }
            }
        }
    })
    .await;
    let status = |records: &[Record]| {
        records.iter().find_map(|record| if let Record::Run(it) = record { Some(it.status.clone()) } else { None })
    };
    // Its last event is there before its end is.
    assert_eq!(status(&recorder.look().await.expect("news")).as_deref(), Some("RUNNING"));
    let before = asked.load(Ordering::Relaxed);
    assert_eq!(status(&recorder.look().await.expect("no news")), None);
    assert_eq!(asked.load(Ordering::Relaxed), before);
    is_over.store(true, Ordering::Relaxed);
    for _ in 0..10 {
        if let Some(status) = status(&recorder.look().await.expect("no news, or the end")) {
            assert_eq!(status, "SUCCEEDED");
            return;
        }
    }
    panic!("the end is not told");
}
