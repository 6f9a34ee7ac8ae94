//! What the machine says to its tasks, what the cases let them answer, and what it ends with keep the contracts.

use std::collections::BTreeSet;

use serde_json::Value;
use spillway_contracts::ErrorName;
use spillway_contracts_check::Contracts;
use spillway_tests::case::{cases, responses};
use spillway_tests::kebab_case;
use spillway_tests::machine::Machine;

use super::outcome::outcomes;

#[tokio::test]
async fn requests_keep_their_contracts() {
    let contracts = Contracts::new();
    let mut asked = BTreeSet::new();
    for (name, outcome) in outcomes().await.iter().filter(|(_, outcome)| outcome.ending["error"] != "InvalidInput") {
        for (state, arguments) in outcome.requests.iter().filter(|(state, _)| is_lambda(state)) {
            check(&contracts, &format!("{}-request", kebab_case(state)), &arguments["Payload"], name);
            asked.insert(state.as_str());
        }
    }
    let machine = Machine::read();
    assert_eq!(asked, machine.tasks().into_keys().filter(|state| is_lambda(state)).collect());
}

#[tokio::test]
async fn tasks_hand_on_their_answers() {
    let contracts = Contracts::new();
    for (name, outcome) in outcomes().await {
        // What a task puts out that failed has the error.
        let outputs =
            outcome.outputs.iter().filter(|(state, output)| is_lambda(state) && output.get("Error").is_none());
        for (state, output) in outputs {
            check(&contracts, &format!("{}-response", kebab_case(state)), output, name);
        }
    }
}

#[test]
fn mocked_responses_keep_their_contracts() {
    let (contracts, responses) = (Contracts::new(), responses());
    let mut used = BTreeSet::new();
    for (name, case) in cases() {
        for (state, response) in case.mocks() {
            if let Some(answer) = responses[response].get("Return").filter(|_| is_lambda(state)) {
                check(&contracts, &format!("{}-response", kebab_case(state)), &answer["Payload"], &name);
            }
            used.insert(response.to_owned());
        }
    }
    assert_eq!(used, responses.into_keys().collect(), "a response that no case uses");
}

#[test]
fn mocked_failures_have_names_of_the_vocabulary_or_of_aws() {
    for (name, response) in responses() {
        let Some(error) = response["Throw"]["Error"].as_str() else { continue };
        let is_ours = ErrorName::ALL.iter().any(|name| name.as_str() == error);
        assert!(is_ours || error.contains('.'), "{name} throws {error}");
    }
}

#[tokio::test]
async fn every_run_ends_with_a_report_or_a_failure() {
    let contracts = Contracts::new();
    for (name, outcome) in outcomes().await {
        if outcome.ending["status"] == "SUCCEEDED" {
            check(&contracts, "run-report", &outcome.ending["output"], name);
        }
        // AWS reserves these names.
        assert!(!outcome.ending["error"].as_str().unwrap_or_default().starts_with("States."), "{name}");
        for (_, output) in outcome.outputs.iter().filter(|(state, _)| state == "ReleaseRunLockAfterFailure") {
            check(&contracts, "run-failure", output, name);
            assert_eq!((&output["error"], &output["cause"]), (&outcome.ending["error"], &outcome.ending["cause"]));
        }
    }
}

fn is_lambda(state: &str) -> bool {
    Machine::read().states()[state].is_lambda()
}

/// Panics if a document of `case` breaks a contract.
#[track_caller]
pub fn check(contracts: &Contracts, contract: &str, document: &Value, case: &str) {
    if let Err(breach) = contracts.check(contract, &document.to_string()) {
        panic!("{case}: {document} is no {contract}: {breach}");
    }
}
