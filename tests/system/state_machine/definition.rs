//! The definitions on their own: names that agree, and no path without a timeout, a retry or a catch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;

use serde_json::{Value, json};
use spillway_contracts::ErrorName;
use spillway_tests::machine::{Machine, errors};
use spillway_tests::{kebab_case, repository, tool};
use tempfile::NamedTempFile;

use crate::template::template;

#[tokio::test]
async fn statelint_finds_nothing() {
    for mut machine in Machine::all() {
        leave_out_what_statelint_does_not_know(&mut machine.definition);
        let mut file = NamedTempFile::new().expect("a file for the definition");
        file.write_all(machine.definition.to_string().as_bytes()).expect("the definition can be written");
        let output = tool("lint", "statelint").await.arg(file.path()).output().await.expect("statelint starts");
        let findings = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {findings}", machine.name);
    }
}

/// A state of the driver has the name of its function, and each function a crate; the audit's have one crate together.
#[test]
fn each_task_state_has_its_function_and_its_binary() {
    let functions = |machine: &Machine| -> Vec<(String, String)> {
        let tasks = machine.tasks().into_iter();
        tasks.filter_map(|(name, state)| Some((name.to_owned(), state.function()?.to_owned()))).collect()
    };
    let (driver, audit) = (functions(&Machine::driver()), functions(&Machine::audit()));
    let same = |name: &str| (name.to_owned(), name.to_owned());
    assert_eq!(
        driver,
        ["AlignWindow", "CallPlotApi", "CheckRun", "PrepareRun", "Upload", "WaitForAlarmOk", "WaitForDeletion"]
            .map(same)
    );
    let sum_up = ("SumUp".to_owned(), "ReportAudit".to_owned());
    let [objects, rows, prepare, report] = ["AuditObjects", "AuditRows", "PrepareAudit", "ReportAudit"].map(same);
    assert_eq!(audit, [objects, rows, prepare, report, sum_up]);
    let crates = driver.iter().map(|(_, name)| (name, format!("driver/{}/src/main.rs", kebab_case(name))));
    let binaries = audit.iter().map(|(_, name)| (name, format!("audit/src/bin/{}.rs", kebab_case(name))));
    let template = fs::read_to_string(repository().join("infra/template.yaml")).expect("the template");
    for (name, main) in crates.chain(binaries) {
        let binary = kebab_case(name);
        assert!(repository().join("functions").join(&main).is_file(), "there is no {main}");
        assert!(template.contains(&format!("\n  {name}Function:\n")), "the template has no {name}Function");
        assert!(template.contains(&format!("Binary: {binary} ")), "the template builds no {binary}");
    }
}

#[test]
fn every_task_times_out_retries_named_errors_and_is_caught() {
    for (machine, count) in [(Machine::driver(), 13), (Machine::audit(), 13)] {
        let states = machine.states();
        assert_eq!(machine.tasks().len(), count);
        for (name, state) in machine.tasks() {
            let (seconds, errors) = match (state.definition["Resource"].as_str(), name) {
                (_, "AuditObjects") => (48, LAMBDA_ERRORS),
                (_, "NoteFailureOfBatch") => (5, DYNAMODB_ERRORS),
                (_, "AuditRows") => (200, LAMBDA_ERRORS),
                (Some("arn:aws:states:::lambda:invoke"), _) => (60, LAMBDA_ERRORS),
                (Some("arn:aws:states:::aws-sdk:sfn:describeExecution"), _) => (30, SFN_ERRORS),
                _ => (30, DYNAMODB_ERRORS),
            };
            assert_eq!(state.definition["TimeoutSeconds"], seconds, "{name}");
            let retry = json!([{
                "ErrorEquals": errors,
                "IntervalSeconds": 1,
                "MaxAttempts": if state.map == Some("CompareObjects") { 4 } else { 6 },
                "BackoffRate": 2.0,
                "MaxDelaySeconds": 20,
                "JitterStrategy": "FULL",
            }]);
            assert_eq!(state.definition["Retry"], retry, "{name}");
            let catcher = state.map.map_or(state, |map| states[map]);
            let last = catcher.entries("Catch").last().unwrap_or_else(|| panic!("nobody catches what {name} throws"));
            assert_eq!(last["ErrorEquals"], json!(["States.ALL"]), "{name}");
        }
    }
}

/// Otherwise Step Functions would give up first, and nobody would hear what Lambda says of it.
#[tokio::test]
async fn a_task_waits_for_longer_than_its_function_takes() {
    let template = template().await;
    let by_default = &template["Globals"]["Function"]["Timeout"];
    for machine in Machine::all() {
        for (name, state) in machine.tasks() {
            let Some(function) = state.function() else { continue };
            let properties = &template["Resources"][format!("{function}Function")]["Properties"];
            let seconds = properties["Timeout"].as_u64().or(by_default.as_u64()).expect("a function times out");
            assert!(state.definition["TimeoutSeconds"].as_u64() > Some(seconds), "{name} has {seconds} s");
        }
    }
}

/// Step Functions ends an Express execution after five minutes, and what it failed with would be lost. A batch that fails after
/// its last attempt has yet to note that.
#[test]
fn a_batch_ends_within_the_time_of_an_express_execution() {
    let machine = Machine::audit();
    let longest = |task: &str| {
        let state = &machine.states()[task].definition;
        let number = |value: &Value| value.as_u64().expect("a whole number");
        let retry = &state["Retry"][0];
        let (interval, most) = (number(&retry["IntervalSeconds"]), number(&retry["MaxDelaySeconds"]));
        let attempts = number(&retry["MaxAttempts"]);
        let pauses: u64 = (0..attempts).map(|retried| (interval << retried).min(most)).sum();
        (1 + attempts) * number(&state["TimeoutSeconds"]) + pauses
    };
    let seconds = longest("AuditObjects") + longest("NoteFailureOfBatch");
    assert!(seconds < 300, "a batch may take {seconds} s");
}

/// The interpreters run the cases without waiting.
#[test]
fn waits_last_until_the_window_opens_or_until_the_next_look() {
    let machines = Machine::all();
    let waits = machines.iter().flat_map(Machine::states).filter(|(_, state)| state.definition["Type"] == "Wait");
    let lengths = waits.map(|(name, state)| (name, [&state.definition["Seconds"], &state.definition["Timestamp"]]));
    let (next_look, window, unused) = (json!("{% $plan.poll_seconds %}"), json!("{% $opened_at %}"), Value::Null);
    let alarm_look = json!(concat!(
        "{% ($period := $plan.period_seconds * 1000; $into := $millis() % $period; ",
        "$next := $millis() < $toMillis($look_at) ? $toMillis($look_at) ",
        ": $millis() + $max([1000, $min([$into, $period - $into + 1000])]); ",
        "$fromMillis($min([$next, $toMillis($deadline)]))) %}"
    ));
    let (first_look, grace) = (json!("{% $plan.wait_seconds %}"), json!("{% $plan.audit.grace_seconds %}"));
    let expected = BTreeMap::from([
        ("LetEventsArrive", [&first_look, &unused]),
        ("PauseBeforeAlarmOk", [&unused, &alarm_look]),
        ("PauseBeforeDeletion", [&unused, &alarm_look]),
        ("PauseBeforePrepareRun", [&next_look, &unused]),
        ("PauseBeforeUpload", [&next_look, &unused]),
        ("WaitForEventsOfMissing", [&grace, &unused]),
        ("WaitForWindow", [&unused, &window]),
    ]);
    assert_eq!(lengths.collect::<BTreeMap<_, _>>(), expected);
}

/// The interpreters take one after the other.
#[test]
fn cycles_come_one_after_the_other_and_an_audit_does_four_things_at_a_time() {
    let machines = Machine::all();
    let states = machines.iter().flat_map(Machine::states);
    let maps = states.filter_map(|(name, state)| Some((name, state.definition.get("MaxConcurrency")?.as_u64()?)));
    assert_eq!(maps.collect::<Vec<_>>(), [("RunCycles", 1), ("CompareObjects", 4), ("CompareRows", 4)]);
}

#[test]
fn own_error_names_are_those_of_the_contracts() {
    let vocabulary: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    for (machine, expected) in [
        (Machine::driver(), &["RunInProgress", "ServiceUnavailable"][..]),
        (Machine::audit(), &["AuditInProgress", "BucketUnreadable", "Internal", "ServiceUnavailable"]),
    ] {
        let mut named: BTreeSet<String> = BTreeSet::new();
        for state in machine.states().values() {
            named.extend(["Retry", "Catch"].iter().flat_map(|field| state.entries(field)).flat_map(errors));
            let caught = state.entries("Catch").map(|catcher| &catcher["Output"]["Error"]);
            let raised = [&state.definition["Error"], &state.definition["Output"]["Error"]].into_iter().chain(caught);
            named.extend(raised.filter_map(Value::as_str).map(str::to_owned));
        }
        named.retain(|name| !name.contains('.') && !name.starts_with("{%"));
        assert_eq!(named, expected.iter().map(ToString::to_string).collect());
        assert!(named.iter().all(|name| vocabulary.contains(name.as_str())), "{named:?}");
    }
}

#[test]
fn failures_are_noted_in_the_same_way() {
    let [driver, audit] = Machine::all().map(|machine| machine.definition["States"]["NoteFailure"]["Assign"].clone());
    assert_eq!(driver, audit);
}

#[test]
fn the_lock_outlives_the_longest_execution() {
    for (machine, acquire) in [(Machine::driver(), "AcquireRunLock"), (Machine::audit(), "AcquireAuditLock")] {
        let definition = &machine.definition;
        let timeout = definition["TimeoutSeconds"].as_u64().expect("TimeoutSeconds");
        let item = &definition["States"][acquire]["Arguments"]["Item"];
        let expires = item["expires_at"]["N"].as_str().expect("expires_at");
        assert!(expires.contains(&format!("+ {})", timeout + 60)), "{expires} doesn't fit a timeout of {timeout} s");
    }
}

#[test]
fn the_waits_of_a_run_end_two_minutes_before_it_would_time_out() {
    let definition = Machine::driver().definition;
    let timeout = definition["TimeoutSeconds"].as_u64().expect("TimeoutSeconds");
    let end = format!("$toMillis($started_at) + {}", (timeout - 120) * 1000);
    let text = definition.to_string();
    let deadlines: Vec<_> =
        text.split("\"deadline\":").skip(1).filter(|rest| rest.starts_with("\"{% $fromMillis(")).collect();
    assert_eq!(deadlines.len(), 3);
    for deadline in deadlines {
        let (deadline, _) = deadline.split_once("%}").expect("an expression");
        assert!(deadline.contains(&end), "{deadline} doesn't end at {end}");
    }
}

const LAMBDA_ERRORS: &[&str] = &[
    "ServiceUnavailable",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Sandbox.Timedout",
    "Runtime.ExitError",
];

/// AWS's guide has the names of the API, and what Step Functions really says has those of the SDK's classes.
const DYNAMODB_ERRORS: &[&str] = &[
    "DynamoDB.InternalServerError",
    "DynamoDB.ProvisionedThroughputExceededException",
    "DynamoDB.RequestLimitExceeded",
    "DynamoDB.ThrottlingException",
    "DynamoDB.SdkClientException",
    "DynamoDB.InternalServerErrorException",
    "DynamoDB.RequestLimitExceededException",
    "DynamoDB.AmazonDynamoDBException",
];

const SFN_ERRORS: &[&str] = &["Sfn.ThrottlingException", "Sfn.SfnException", "Sfn.SdkClientException"];

/// statelint wants numbers and times where JSONata's Wait may have an expression, and knows no label of a Distributed Map.
fn leave_out_what_statelint_does_not_know(value: &mut Value) {
    let Some(fields) = value.as_object_mut() else { return };
    fields.values_mut().for_each(leave_out_what_statelint_does_not_know);
    if fields.get("Type").is_some_and(|kind| kind == "Map") {
        fields.remove("Label");
    }
    if fields.get("Type").is_some_and(|kind| kind == "Wait") {
        for (field, constant) in [("Seconds", json!(1)), ("Timestamp", json!("2026-08-01T10:00:00Z"))] {
            if let Some(expression) = fields.get_mut(field) {
                *expression = constant;
            }
        }
    }
}
