//! What the machines say to their tasks, what the cases let them answer, and what they end with keep the contracts.

use std::collections::BTreeSet;

use serde_json::Value;
use spillway_contracts::ErrorName;
use spillway_contracts_check::Contracts;
use spillway_tests::case::{cases, responses};
use spillway_tests::machine::Machine;

use super::outcome::outcomes;

#[tokio::test]
async fn requests_keep_their_contracts() {
    let contracts = Contracts::new();
    for machine in Machine::all() {
        let states = machine.states();
        let mut asked = BTreeSet::new();
        let outcomes = outcomes(&machine).await.iter();
        for (name, outcome) in outcomes.filter(|(_, outcome)| outcome.ending["error"] != "InvalidInput") {
            for (state, arguments) in &outcome.requests {
                let Some(contract) = states[state.as_str()].contract("request") else { continue };
                check(&contracts, &contract, &arguments["Payload"], name);
                asked.insert(state.as_str());
            }
        }
        let tasks = machine.tasks().into_iter().filter(|(_, state)| state.function().is_some());
        assert_eq!(asked, tasks.map(|(name, _)| name).collect());
    }
}

#[tokio::test]
async fn tasks_hand_on_their_answers() {
    let contracts = Contracts::new();
    for machine in Machine::all() {
        let states = machine.states();
        for (name, outcome) in outcomes(&machine).await {
            // What a task puts out that failed has the error.
            for (state, output) in outcome.outputs.iter().filter(|(_, output)| output.get("Error").is_none()) {
                let state = states[state.as_str()];
                let Some(response) = state.contract("response") else { continue };
                match state.definition["Output"].as_str() {
                    Some("{% $states.result.Payload %}") => check(&contracts, &response, output, name),
                    Some("{% $states.result.Payload.report %}") => check(&contracts, "audit-report", output, name),
                    // The results of a Distributed Map have to have room in one state.
                    _ => assert_eq!(output, 0, "{name}"),
                }
            }
        }
    }
}

#[test]
fn mocked_responses_keep_their_contracts() {
    let contracts = Contracts::new();
    let (mut all, mut used) = (BTreeSet::new(), BTreeSet::new());
    for machine in Machine::all() {
        let (states, responses) = (machine.states(), responses(&machine));
        for (name, case) in cases(&machine) {
            for (state, response) in case.mocks() {
                let contract = states[state].contract("response");
                if let (Some(answer), Some(contract)) = (responses[response].get("Return"), contract) {
                    check(&contracts, &contract, &answer["Payload"], &name);
                }
                used.insert(response.to_owned());
            }
        }
        all.extend(responses.into_keys());
    }
    assert_eq!(used, all, "a response that no case uses");
}

#[test]
fn mocked_failures_have_names_of_the_vocabulary_or_of_aws() {
    for (name, response) in Machine::all().iter().flat_map(responses) {
        let Some(error) = response["Throw"]["Error"].as_str() else { continue };
        let is_ours = ErrorName::ALL.iter().any(|name| name.as_str() == error);
        assert!(is_ours || error.contains('.'), "{name} throws {error}");
    }
}

#[tokio::test]
async fn every_execution_ends_with_a_report_or_a_failure() {
    let contracts = Contracts::new();
    for (machine, release) in
        [(Machine::driver(), "ReleaseRunLockAfterFailure"), (Machine::audit(), "ReleaseAuditLockAfterFailure")]
    {
        for (name, outcome) in outcomes(&machine).await {
            if outcome.ending["status"] == "SUCCEEDED" {
                check(&contracts, &format!("{}-report", machine.execution), &outcome.ending["output"], name);
            }
            // AWS reserves these names.
            assert!(!outcome.ending["error"].as_str().unwrap_or_default().starts_with("States."), "{name}");
            for (_, output) in outcome.outputs.iter().filter(|(state, _)| state == release) {
                check(&contracts, &format!("{}-failure", machine.execution), output, name);
                assert_eq!((&output["error"], &output["cause"]), (&outcome.ending["error"], &outcome.ending["cause"]));
            }
        }
    }
}

/// Panics if a document of `case` breaks a contract.
#[track_caller]
pub fn check(contracts: &Contracts, contract: &str, document: &Value, case: &str) {
    if let Err(breach) = contracts.check(contract, &document.to_string()) {
        panic!("{case}: {document} is no {contract}: {breach}");
    }
}
