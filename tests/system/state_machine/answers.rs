//! Each task alone: whatever answer its contract's examples show leads on to the right state, with a good request.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Map, Value, json};
use spillway_contracts_check::Contracts;
use spillway_tests::machine::Machine;
use spillway_tests::{kebab_case, repository};

use super::boundaries::check;
use super::interpreter::Interpreter;
use super::outcome::{requests, trace};

/// What follows a task up to the next one, by the task and by whether it waits no more.
const WAYS: [((&str, bool), &[&str]); 11] = [
    (("PrepareRun", true), &["IsBucketReady", "RunCycles", "cycle 1", "AlignWindow"]),
    (("PrepareRun", false), &["IsBucketReady", "PauseBeforePrepareRun", "PrepareRun"]),
    (("AlignWindow", true), &["WaitForWindow", "Upload"]),
    (("Upload", true), &["AreUploadsRecorded", "WaitForDeletion"]),
    (("Upload", false), &["AreUploadsRecorded", "PauseBeforeUpload", "Upload"]),
    (("WaitForDeletion", true), &["IsDeletionRecorded", "WaitForAlarmOk"]),
    (("WaitForDeletion", false), &["IsDeletionRecorded", "PauseBeforeDeletion", "WaitForDeletion"]),
    (("WaitForAlarmOk", true), &["IsAlarmOk", "CycleDone"]),
    (("WaitForAlarmOk", false), &["IsAlarmOk", "PauseBeforeAlarmOk", "WaitForAlarmOk"]),
    (("CheckRun", true), &["CallPlotApi"]),
    (("CallPlotApi", true), &["ReportRun", "ReleaseRunLock"]),
];

#[tokio::test]
async fn every_answer_that_a_contract_shows_leads_on() {
    let (contracts, machine) = (Contracts::new(), Machine::read());
    let tasks: BTreeSet<_> = WAYS.iter().map(|((task, _), _)| *task).collect();
    let answers: Vec<Answer> = tasks.into_iter().flat_map(Answer::examples).collect();
    let mut ways = BTreeMap::from(WAYS);
    let interpreter = Interpreter::start(&mock_config(&answers)).await;
    for Answer { task, name, payload } in &answers {
        let execution = interpreter.execute(name, &alone(task), &plan()["cycles"][0]).await;
        let way = WAYS.iter().find(|(start, _)| *start == (task, payload["done"] != false));
        let (start, way) = way.unwrap_or_else(|| panic!("{name} leads nowhere"));
        let expected: Vec<String> = ["Given", task].iter().chain(*way).map(ToString::to_string).collect();
        let trace: Vec<String> = trace(&execution.events).iter().map(ToString::to_string).collect();
        assert!(trace.starts_with(&expected), "{name} leads from {task} here: {trace:?}");
        for (state, arguments) in requests(&execution.events) {
            if machine.states()[state.as_str()].is_lambda() {
                check(&contracts, &format!("{}-request", kebab_case(&state)), &arguments["Payload"], name);
            }
        }
        ways.remove(start);
    }
    interpreter.stop().await;
    assert_eq!(ways, BTreeMap::new(), "no example leads here");
}

/// An example of what a task answers.
struct Answer {
    task: &'static str,
    name: String,
    payload: Value,
}

impl Answer {
    fn examples(task: &'static str) -> Vec<Self> {
        let folder = repository().join("contracts/examples").join(format!("{}-response", kebab_case(task)));
        let files = fs::read_dir(&folder).expect("the examples").map(|entry| entry.expect("an example").file_name());
        let names = files.map(|file| file.into_string().expect("a name in UTF-8"));
        let good = names.filter(|file| file.starts_with("ok-"));
        let answer = |file: String| {
            let text = fs::read_to_string(folder.join(&file)).expect("an example can be read");
            let payload = serde_json::from_str(&text).expect("an example is JSON");
            Self { task, name: format!("{}-{}", kebab_case(task), file.replace(".json", "")), payload }
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

/// The machine that `task` belongs to, begun right there in the middle of a run.
fn alone(task: &str) -> Value {
    let definition = Machine::read().deployed("no-table");
    let map = Machine::read().states()[task].map.map(str::to_owned);
    let level = map.map_or(&definition, |map| &definition["States"][map]["ItemProcessor"]);
    let mut states = level["States"].clone();
    let plan = plan();
    states["Given"] = json!({
        "Type": "Pass",
        "Assign": {
            "run_id": "a-run",
            "started_at": plan["started_at"],
            "input": {},
            "plan": plan,
            "cycle": plan["cycles"][0],
            "opened_at": plan["started_at"],
            "after_event_key": "",
            "deadline": plan["started_at"],
            "uploaded": [],
            "deletion": { "deleted": [], "observed_totals": [] },
            "settled_at": plan["started_at"],
            "cycles": [],
            "check": { "expected_timeline": [], "observed_timeline": [], "cleanings": [] },
        },
        "Next": task,
    });
    json!({ "QueryLanguage": "JSONata", "StartAt": "Given", "States": states })
}

fn plan() -> Value {
    let done = Answer::examples("PrepareRun").into_iter().find(|answer| answer.payload["done"] == true);
    done.expect("an example of a plan").payload["plan"].take()
}
