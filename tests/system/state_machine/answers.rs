//! Each task alone: whatever answer its contract's examples show leads on to the right state, with a good request.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Map, Value, json};
use spillway_contracts_check::Contracts;
use spillway_tests::machine::Machine;
use spillway_tests::repository;

use super::boundaries::check;
use super::interpreter::Interpreter;
use super::outcome::{requests, trace};

/// What follows a task up to the next one, by the task and by how far its answer says that it is.
type Ways = &'static [((&'static str, Progress), &'static [&'static str])];

const DRIVER: Ways = &[
    (("PrepareRun", Progress::Done), &["IsBucketReady", "RunCycles", "iteration 1", "AlignWindow"]),
    (("PrepareRun", Progress::More), &["IsBucketReady", "PauseBeforePrepareRun", "PrepareRun"]),
    (("AlignWindow", Progress::Done), &["WaitForWindow", "Upload"]),
    (("Upload", Progress::Done), &["AreUploadsRecorded", "WaitForDeletion"]),
    (("Upload", Progress::More), &["AreUploadsRecorded", "PauseBeforeUpload", "Upload"]),
    (("WaitForDeletion", Progress::Done), &["IsDeletionRecorded", "WaitForAlarmOk"]),
    (("WaitForDeletion", Progress::More), &["IsDeletionRecorded", "PauseBeforeDeletion", "WaitForDeletion"]),
    (("WaitForAlarmOk", Progress::Done), &["IsAlarmOk", "CycleDone"]),
    (("WaitForAlarmOk", Progress::More), &["IsAlarmOk", "PauseBeforeAlarmOk", "WaitForAlarmOk"]),
    (("CheckRun", Progress::Done), &["CallPlotApi"]),
    (("CallPlotApi", Progress::Done), &["ReportRun", "ReleaseRunLock"]),
];

const AUDIT: Ways = &[
    (("PrepareAudit", Progress::Done), &["LetEventsArrive", "CompareObjects"]),
    (("AuditObjects", Progress::Done), &[]),
    (("SumUp", Progress::Done), &["IsAuditDone", "ReleaseAuditLock"]),
    (("SumUp", Progress::More), &["IsAuditDone", "CompareRows", "iteration 1", "BeginSegment", "AuditRows"]),
    (("AuditRows", Progress::Done), &["IsSegmentDone", "SegmentDone"]),
    (("AuditRows", Progress::More), &["IsSegmentDone", "AuditRows"]),
    (("AuditRows", Progress::Missing), &["IsSegmentDone", "WaitForEventsOfMissing", "AuditRows"]),
    // After the rows there is nothing more to look at, whatever is still under way.
    (("ReportAudit", Progress::Done), &["ReleaseAuditLock"]),
    (("ReportAudit", Progress::More), &["ReleaseAuditLock"]),
];

#[tokio::test]
async fn every_answer_that_a_contract_shows_leads_on() {
    for (machine, ways) in [(Machine::driver(), DRIVER), (Machine::audit(), AUDIT)] {
        every_answer_leads_on(&machine, ways).await;
    }
}

async fn every_answer_leads_on(machine: &Machine, ways: Ways) {
    let contracts = Contracts::new();
    let tasks: BTreeSet<_> = ways.iter().map(|((task, _), _)| *task).collect();
    let answers: Vec<Answer> = tasks.into_iter().flat_map(|task| Answer::examples(machine, task)).collect();
    let mut untaken: BTreeMap<_, _> = ways.iter().copied().collect();
    let interpreter = Interpreter::start(&mock_config(&answers)).await;
    for Answer { task, name, payload } in &answers {
        let execution = interpreter.execute(name, &alone(machine, task), &json!({})).await;
        let start = (*task, Progress::of(payload));
        let (_, way) = ways.iter().find(|(it, _)| *it == start).unwrap_or_else(|| panic!("{name} leads nowhere"));
        let expected: Vec<String> = ["Given", task].iter().chain(*way).map(ToString::to_string).collect();
        let trace: Vec<String> = trace(&execution.events).iter().map(ToString::to_string).collect();
        assert!(trace.starts_with(&expected), "{name} leads from {task} here: {trace:?}");
        for (state, arguments) in requests(&execution.events) {
            if let Some(contract) = machine.states()[state.as_str()].contract("request") {
                check(&contracts, &contract, &arguments["Payload"], name);
            }
        }
        untaken.remove(&start);
    }
    interpreter.stop().await;
    assert_eq!(untaken, BTreeMap::new(), "no example leads here");
}

/// How far an answer says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// There is nothing to wait for.
    Done,
    /// The task has to be asked again, or another one after it.
    More,
    /// Objects are missing whose events may be under way.
    Missing,
}

impl Progress {
    fn of(answer: &Value) -> Self {
        if answer["suspects"].as_array().is_some_and(|suspects| !suspects.is_empty()) {
            Self::Missing
        } else if answer["done"] == false || answer["after"].is_string() {
            Self::More
        } else {
            Self::Done
        }
    }
}

/// An example of what a task answers.
struct Answer {
    task: &'static str,
    name: String,
    payload: Value,
}

impl Answer {
    fn examples(machine: &Machine, task: &'static str) -> Vec<Self> {
        let contract = machine.states()[task].contract("response").expect("the task has a function");
        let folder = repository().join("contracts/examples").join(contract);
        let files = fs::read_dir(&folder).expect("the examples").map(|entry| entry.expect("an example").file_name());
        let names = files.map(|file| file.into_string().expect("a name in UTF-8"));
        let good = names.filter(|file| file.starts_with("ok-"));
        let answer = |file: String| {
            let text = fs::read_to_string(folder.join(&file)).expect("an example can be read");
            let payload = serde_json::from_str(&text).expect("an example is JSON");
            Self { task, name: format!("{task}-{}", file.replace(".json", "")), payload }
        };
        good.map(answer).collect()
    }
}

/// Each machine's first task gives its answer; the task after it fails, for want of a function.
fn mock_config(answers: &[Answer]) -> Value {
    let machines: Map<_, _> = answers
        .iter()
        .map(|Answer { task, name, .. }| (name.clone(), json!({ "TestCases": { name: { *task: name } } })))
        .collect();
    let responses: Map<_, _> = answers
        .iter()
        .map(|Answer { name, payload, .. }| {
            (name.clone(), json!({ "0": { "Return": { "StatusCode": 200, "Payload": payload } } }))
        })
        .collect();
    json!({ "StateMachines": machines, "MockedResponses": responses })
}

/// The level of the machine that `task` belongs to, begun right there in the middle of an execution.
fn alone(machine: &Machine, task: &str) -> Value {
    let definition = machine.deployed("no-table");
    let map = machine.states()[task].map;
    let level = map.map_or(&definition, |map| &definition["States"][map]["ItemProcessor"]);
    let mut states = level["States"].clone();
    let (variables, input) = if machine.name == "driver" { run() } else { audit(task) };
    states["Given"] = json!({ "Type": "Pass", "Assign": variables, "Output": input, "Next": task });
    json!({ "QueryLanguage": "JSONata", "StartAt": "Given", "States": states })
}

/// The variables and the input of a state in the middle of a run.
fn run() -> (Value, Value) {
    let plans = Answer::examples(&Machine::driver(), "PrepareRun");
    let mut plan = plans.into_iter().find(|answer| answer.payload["done"] == true).expect("an example of a plan");
    let plan = plan.payload["plan"].take();
    let cycle = plan["cycles"][0].clone();
    let variables = json!({
        "run_id": "a-run",
        "started_at": plan["started_at"],
        "input": {},
        "plan": plan,
        "cycle": cycle,
        "opened_at": plan["started_at"],
        "after_event_key": "",
        "deadline": plan["started_at"],
        "uploaded": [],
        "deletion": { "deleted": [], "observed_totals": [] },
        "settled_at": plan["started_at"],
        "cycles": [],
        "check": { "expected_timeline": [], "observed_timeline": [], "cleanings": [] },
    });
    (variables, cycle)
}

/// The variables and the input of a state in the middle of an audit.
fn audit(task: &str) -> (Value, Value) {
    let plan = Answer::examples(&Machine::audit(), "PrepareAudit").remove(0).payload;
    let input = match task {
        "AuditObjects" => json!({
            "BatchInput": plan["audit"],
            "Items": [{ "Key": "a", "Etag": "\"5d41402abc4b2a76b9719d911017c592\"", "Size": 1 }],
        }),
        "AuditRows" => json!({ "after": "", "suspects": [], "missing_since": null }),
        _ => json!({}),
    };
    (json!({ "audit_id": "an-audit", "plan": plan, "segment": 0 }), input)
}
