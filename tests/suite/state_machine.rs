//! The state machine's definition: names that agree, and no path without a timeout, a retry or a catch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use spillway_contracts::ErrorName;
use spillway_tests::repository;

fn definition() -> Value {
    let text = fs::read_to_string(repository().join("statemachine/driver.asl.json")).expect("the definition");
    serde_json::from_str(&text).expect("the definition parses as it is")
}

fn template() -> String {
    fs::read_to_string(repository().join("infra/template.yaml")).expect("the template")
}

/// Every state by name, those of the Map too, and whether a Map with a `Catch` is around it.
fn states(machine: &Value) -> BTreeMap<String, (Value, bool)> {
    fn collect(machine: &Value, covered: bool, states: &mut BTreeMap<String, (Value, bool)>) {
        for (name, state) in machine["States"].as_object().expect("States") {
            states.insert(name.clone(), (state.clone(), covered));
            if let Some(processor) = state.get("ItemProcessor") {
                collect(processor, covered || state.get("Catch").is_some(), states);
            }
        }
    }
    let mut all = BTreeMap::new();
    collect(machine, false, &mut all);
    all
}

fn is_lambda(state: &Value) -> bool {
    state["Resource"] == "arn:aws:states:::lambda:invoke"
}

#[test]
fn each_task_state_has_its_function_and_its_crate() {
    let template = template();
    let tasks: BTreeSet<String> =
        states(&definition()).into_iter().filter(|(_, (state, _))| is_lambda(state)).map(|(name, _)| name).collect();
    let expected =
        ["AlignWindow", "CallPlotApi", "PrepareRun", "Upload", "WaitForAlarmOk", "WaitForDeletion"].map(str::to_owned);
    assert_eq!(tasks, BTreeSet::from(expected));
    for (name, (state, _)) in states(&definition()).iter().filter(|(_, (state, _))| is_lambda(state)) {
        assert_eq!(state["Arguments"]["FunctionName"], format!("${{{name}FunctionArn}}"));
        let words = name.chars().fold(String::new(), |mut words, letter| {
            if letter.is_ascii_uppercase() && !words.is_empty() {
                words.push('-');
            }
            words.push(letter.to_ascii_lowercase());
            words
        });
        assert!(repository().join("functions").join(&words).join("Cargo.toml").is_file(), "there is no crate {words}");
        assert!(template.contains(&format!("\n  {name}Function:\n")), "the template has no {name}Function");
        assert!(template.contains(&format!("Binary: {words} ")), "the template builds no {words}");
    }
}

#[test]
fn every_task_times_out_retries_named_errors_and_is_caught() {
    let states = states(&definition());
    assert_eq!(states.values().filter(|(state, _)| state["Type"] == "Task").count(), 10);
    for (name, (state, covered)) in states.iter().filter(|(_, (state, _))| state["Type"] == "Task") {
        assert!(state["TimeoutSeconds"].is_u64(), "{name} may run for ever");
        let retries = state["Retry"].as_array().unwrap_or_else(|| panic!("{name} is never retried"));
        for retry in retries {
            let errors = retry["ErrorEquals"].as_array().expect("ErrorEquals");
            assert!(!errors.iter().any(|error| error == "States.ALL"), "{name} retries whatever happens");
            assert!(
                retry["BackoffRate"].as_f64() > Some(1.0)
                    && retry["MaxDelaySeconds"].is_u64()
                    && retry["JitterStrategy"] == "FULL",
                "{name} retries without backoff, cap or jitter"
            );
        }
        let catches_all = state["Catch"].as_array().is_some_and(|catchers| {
            catchers.iter().any(|catcher| catcher["ErrorEquals"] == serde_json::json!(["States.ALL"]))
        });
        assert!(*covered || catches_all, "nobody catches what {name} throws");
    }
}

#[test]
fn own_error_names_are_those_of_the_contracts() {
    let vocabulary: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    let mut named: Vec<Value> = Vec::new();
    for (state, _) in states(&definition()).values() {
        for rule in ["Retry", "Catch"] {
            for entry in state[rule].as_array().into_iter().flatten() {
                named.extend(entry["ErrorEquals"].as_array().expect("ErrorEquals").iter().cloned());
            }
        }
        named.extend(state.get("Error").cloned());
        named.extend(state["Assign"].get("error").cloned());
    }
    let own: BTreeSet<String> = named
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| !name.contains('.') && !name.starts_with("{%"))
        .map(str::to_owned)
        .collect();
    assert_eq!(own, BTreeSet::from(["RunInProgress", "ServiceUnavailable", "TimelineMismatch"].map(str::to_owned)));
    assert!(own.iter().all(|name| vocabulary.contains(name.as_str())), "{own:?}");
}

#[test]
fn the_lock_outlives_the_longest_run() {
    let definition = definition();
    let timeout = definition["TimeoutSeconds"].as_u64().expect("TimeoutSeconds");
    let item = &definition["States"]["AcquireRunLock"]["Arguments"]["Item"];
    let expires = item["expires_at"]["N"].as_str().expect("expires_at");
    assert!(expires.contains(&format!("+ {})", timeout + 60)), "{expires} doesn't fit a timeout of {timeout} s");
}
