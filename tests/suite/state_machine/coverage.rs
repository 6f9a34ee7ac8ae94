//! The cases reach every state, take every transition, and have every task fail with every error that is retried.

use std::collections::BTreeSet;

use spillway_tests::machine::{Machine, Transition, Why, errors};

use super::outcome::{Step, outcomes};

#[tokio::test]
async fn every_state_transition_and_retry_has_a_case() {
    let machine = Machine::read();
    let transitions = machine.transitions();
    let mut seen = BTreeSet::new();
    for (name, outcome) in outcomes().await {
        observe(&machine, &transitions, &outcome.trace, &mut seen)
            .unwrap_or_else(|step| panic!("{name}: the definition has no way to {step}"));
    }
    let untested: Vec<_> = reachable(&machine, &transitions).difference(&seen).cloned().collect();
    assert!(untested.is_empty(), "no case in statemachine/cases shows:\n{}", untested.join("\n"));
}

/// A transition is told from the others of its state by where it leads, unless it is a Catch.
#[test]
fn the_branches_of_a_choice_lead_to_different_states() {
    let mut ways = BTreeSet::new();
    for Transition { from, to, why, .. } in Machine::read().transitions() {
        let is_catch = matches!(why, Why::Catch { .. });
        assert!(is_catch || ways.insert((from.clone(), to.clone())), "two ways from {from:?} to {to:?}");
    }
}

/// Everything that a case could show, in words.
fn reachable(machine: &Machine, transitions: &[Transition]) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = transitions.iter().map(way).collect();
    for (name, state) in machine.states() {
        all.insert(name.to_owned());
        for retrier in state.entries("Retry") {
            let errors = errors(retrier);
            all.insert(exhausted(name, &errors));
            all.extend(errors.iter().map(|error| Step::Retried(name.to_owned(), error.clone()).to_string()));
        }
    }
    all
}

/// Adds what a trace shows; fails with the step that the definition doesn't know.
fn observe(
    machine: &Machine,
    transitions: &[Transition],
    trace: &[Step],
    seen: &mut BTreeSet<String>,
) -> Result<(), String> {
    let mut at: Option<&str> = None;
    let mut error: Option<&str> = None;
    for step in trace {
        match step {
            Step::Retried(..) => drop(seen.insert(step.to_string())),
            Step::Failed(state, name) => {
                let retriers = machine.states()[state.as_str()].definition["Retry"].as_array();
                let retrier = retriers.into_iter().flatten().map(errors).find(|errors| errors.contains(name));
                seen.extend(retrier.map(|errors| exhausted(state, &errors)));
                error = Some(name);
            }
            // An iteration begins where the Map was entered, or where the iteration before it has ended.
            Step::Cycle(_) => {
                seen.extend(at.and_then(|at| transitions.iter().find(|way| ends(way, at))).map(way));
                at = None;
            }
            Step::Entered(state) => {
                let taken = taken(machine, transitions, at, error, state).ok_or_else(|| step.to_string())?;
                seen.extend(taken.into_iter().map(way));
                seen.insert(state.clone());
                (at, error) = (Some(state.as_str()), None);
            }
        }
    }
    let last = at.and_then(|at| transitions.iter().find(|way| ends(way, at)));
    seen.insert(way(last.ok_or("the end")?));
    Ok(())
}

/// The transitions from one state to the next: two where the last iteration of a Map ends.
fn taken<'a>(
    machine: &Machine,
    transitions: &'a [Transition],
    from: Option<&str>,
    error: Option<&str>,
    to: &str,
) -> Option<Vec<&'a Transition>> {
    let way = transitions.iter().find(|way| {
        way.from.as_deref() == from
            && match (&way.why, error) {
                (Why::Catch { .. }, Some(error)) => way.why.catches(error),
                (Why::Catch { .. }, None) | (_, Some(_)) => false,
                (_, None) => way.to.as_deref() == Some(to),
            }
    });
    if let Some(way) = way {
        return (way.to.as_deref() == Some(to)).then(|| vec![way]);
    }
    let map = machine.states()[from?].map?;
    let mut outer = taken(machine, transitions, Some(map), error, to)?;
    if error.is_none() {
        outer.push(transitions.iter().find(|way| ends(way, from.unwrap_or_default()))?);
    }
    Some(outer)
}

fn ends(way: &Transition, state: &str) -> bool {
    way.from.as_deref() == Some(state) && way.to.is_none()
}

fn way(Transition { map, from, to, why }: &Transition) -> String {
    let place = map.as_deref().unwrap_or("the machine");
    let from = from.clone().unwrap_or_else(|| format!("the start of {place}"));
    let to = to.clone().unwrap_or_else(|| format!("the end of {place}"));
    match why {
        Why::Catch { errors, .. } => format!("{from} -> {to}, on {}", errors.join(", ")),
        _ => format!("{from} -> {to}"),
    }
}

fn exhausted(state: &str, errors: &[String]) -> String {
    format!("{state} fails for good with one of {}", errors.join(", "))
}
