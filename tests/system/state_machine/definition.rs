//! The definition on its own: names that agree, and no path without a timeout, a retry or a catch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;

use serde_json::{Value, json};
use spillway_contracts::ErrorName;
use spillway_tests::machine::{Machine, errors};
use spillway_tests::{kebab_case, repository, tool};
use tempfile::NamedTempFile;

#[tokio::test]
async fn statelint_finds_nothing() {
    let mut machine = Machine::read().definition;
    make_waits_constant(&mut machine);
    let mut file = NamedTempFile::new().expect("a file for the definition");
    file.write_all(machine.to_string().as_bytes()).expect("the definition can be written");
    let output = tool("lint", "statelint").await.arg(file.path()).output().await.expect("statelint starts");
    let findings = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{findings}");
}

#[test]
fn each_task_state_has_its_function_and_its_crate() {
    let template = fs::read_to_string(repository().join("infra/template.yaml")).expect("the template");
    let machine = Machine::read();
    let tasks: Vec<_> = machine.tasks().into_iter().filter(|(_, state)| state.is_lambda()).collect();
    let names: Vec<_> = tasks.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["AlignWindow", "CallPlotApi", "CheckRun", "PrepareRun", "Upload", "WaitForAlarmOk", "WaitForDeletion"]
    );
    for (name, state) in tasks {
        assert_eq!(state.definition["Arguments"]["FunctionName"], format!("${{{name}FunctionArn}}"));
        let binary = kebab_case(name);
        assert!(
            repository().join("functions/driver").join(&binary).join("Cargo.toml").is_file(),
            "there is no crate {binary}"
        );
        assert!(template.contains(&format!("\n  {name}Function:\n")), "the template has no {name}Function");
        assert!(template.contains(&format!("Binary: {binary} ")), "the template builds no {binary}");
    }
}

#[test]
fn every_task_times_out_retries_named_errors_and_is_caught() {
    let machine = Machine::read();
    let states = machine.states();
    assert_eq!(machine.tasks().len(), 13);
    for (name, state) in machine.tasks() {
        let (seconds, errors) = match state.definition["Resource"].as_str() {
            Some("arn:aws:states:::lambda:invoke") => (60, LAMBDA_ERRORS),
            Some("arn:aws:states:::aws-sdk:sfn:describeExecution") => (30, SFN_ERRORS),
            _ => (30, DYNAMODB_ERRORS),
        };
        assert_eq!(state.definition["TimeoutSeconds"], seconds, "{name}");
        let retry = json!([{
            "ErrorEquals": errors,
            "IntervalSeconds": 1,
            "MaxAttempts": 6,
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

/// The interpreter runs the cases without waiting.
#[test]
fn waits_last_until_the_window_opens_or_until_the_next_look() {
    let machine = Machine::read();
    let waits = machine.states().into_iter().filter(|(_, state)| state.definition["Type"] == "Wait");
    let lengths = waits.map(|(name, state)| (name, [&state.definition["Seconds"], &state.definition["Timestamp"]]));
    let (next_look, window, unused) = (json!("{% $plan.poll_seconds %}"), json!("{% $opened_at %}"), Value::Null);
    let expected = BTreeMap::from([
        ("PauseBeforeAlarmOk", [&next_look, &unused]),
        ("PauseBeforeDeletion", [&next_look, &unused]),
        ("PauseBeforePrepareRun", [&next_look, &unused]),
        ("PauseBeforeUpload", [&next_look, &unused]),
        ("WaitForWindow", [&unused, &window]),
    ]);
    assert_eq!(lengths.collect::<BTreeMap<_, _>>(), expected);
}

#[test]
fn own_error_names_are_those_of_the_contracts() {
    let vocabulary: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    let mut named: BTreeSet<String> = BTreeSet::new();
    for state in Machine::read().states().values() {
        named.extend(["Retry", "Catch"].iter().flat_map(|field| state.entries(field)).flat_map(errors));
        let raised = [&state.definition["Error"], &state.definition["Output"]["Error"]];
        named.extend(raised.into_iter().filter_map(Value::as_str).map(str::to_owned));
    }
    named.retain(|name| !name.contains('.') && !name.starts_with("{%"));
    assert_eq!(named, BTreeSet::from(["RunInProgress", "ServiceUnavailable"].map(str::to_owned)));
    assert!(named.iter().all(|name| vocabulary.contains(name.as_str())), "{named:?}");
}

#[test]
fn the_lock_outlives_the_longest_run() {
    let definition = Machine::read().definition;
    let timeout = definition["TimeoutSeconds"].as_u64().expect("TimeoutSeconds");
    let item = &definition["States"]["AcquireRunLock"]["Arguments"]["Item"];
    let expires = item["expires_at"]["N"].as_str().expect("expires_at");
    assert!(expires.contains(&format!("+ {})", timeout + 60)), "{expires} doesn't fit a timeout of {timeout} s");
}

#[test]
fn the_waits_of_a_run_end_two_minutes_before_it_would_time_out() {
    let definition = Machine::read().definition;
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

/// statelint wants numbers and times where JSONata's Wait may have an expression.
fn make_waits_constant(value: &mut Value) {
    for child in value.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        make_waits_constant(child);
    }
    if value["Type"] != "Wait" {
        return;
    }
    for (field, constant) in [("Seconds", json!(1)), ("Timestamp", json!("2026-08-01T10:00:00Z"))] {
        if let Some(expression) = value.get_mut(field) {
            *expression = constant;
        }
    }
}
