//! The cases reach every state, take every transition, and have every task fail with every error that is retried.

use std::collections::BTreeSet;

use spillway_tests::machine::{Machine, Transition, Why, errors};

use super::outcome::{Step, outcomes};

#[tokio::test]
async fn every_state_transition_and_retry_has_a_case() {
    for machine in Machine::all() {
        let outcomes = outcomes(&machine).await;
        let folder = format!("statemachine/cases/{}", machine.name);
        let ways = Ways::of(machine);
        let mut seen = BTreeSet::new();
        for (name, outcome) in outcomes {
            ways.observe(&outcome.trace, &mut seen)
                .unwrap_or_else(|step| panic!("{name}: the definition has no way to {step}"));
        }
        let untested: Vec<_> = ways.reachable().difference(&seen).cloned().collect();
        assert!(untested.is_empty(), "no case in {folder} shows:\n{}", untested.join("\n"));
    }
}

/// A transition is told from the others of its state by where it leads, unless it is a Catch.
#[test]
fn the_branches_of_a_choice_lead_to_different_states() {
    for machine in Machine::all() {
        let mut ways = BTreeSet::new();
        for Transition { from, to, why, .. } in machine.transitions() {
            let is_catch = matches!(why, Why::Catch { .. });
            assert!(is_catch || ways.insert((from.clone(), to.clone())), "two ways from {from:?} to {to:?}");
        }
    }
}

/// The definition, and the ways through it.
struct Ways {
    machine: Machine,
    transitions: Vec<Transition>,
}

/// Where an execution is: in a state, which may have failed with an error; nowhere at the start.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    state: Option<&'a str>,
    error: Option<&'a str>,
}

impl Ways {
    fn of(machine: Machine) -> Self {
        Self { transitions: machine.transitions(), machine }
    }

    /// Everything that a case could show, in words.
    fn reachable(&self) -> BTreeSet<String> {
        let mut all: BTreeSet<String> = self.transitions.iter().map(way).collect();
        for (name, state) in self.machine.states() {
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
    fn observe(&self, trace: &[Step], seen: &mut BTreeSet<String>) -> Result<(), String> {
        let mut place = Place::default();
        for step in trace {
            match step {
                Step::Retried(..) => drop(seen.insert(step.to_string())),
                Step::Failed(state, name) => {
                    // A Distributed Map fails where one of its executions has ended.
                    let last = place.state.filter(|last| last != state).and_then(|last| self.end_of(last));
                    seen.extend(last.map(way));
                    let retriers = self.machine.states()[state.as_str()].definition["Retry"].as_array();
                    let retrier = retriers.into_iter().flatten().map(errors).find(|errors| errors.contains(name));
                    seen.extend(retrier.map(|errors| exhausted(state, &errors)));
                    place = Place { state: Some(state), error: Some(name) };
                }
                // An iteration begins where the Map was entered, or where the iteration before it has ended.
                Step::Iteration(_) => {
                    seen.extend(place.state.and_then(|state| self.end_of(state)).map(way));
                    place = Place::default();
                }
                Step::Entered(state) => {
                    let taken = self.taken(place, state).ok_or_else(|| step.to_string())?;
                    seen.extend(taken.into_iter().map(way));
                    seen.insert(state.clone());
                    place = Place { state: Some(state.as_str()), error: None };
                }
            }
        }
        let last = place.state.and_then(|state| self.end_of(state));
        seen.insert(way(last.ok_or("the end")?));
        Ok(())
    }

    /// The transitions from one state to the next: two where the last iteration of a Map ends.
    fn taken(&self, place: Place<'_>, to: &str) -> Option<Vec<&Transition>> {
        let way = self.transitions.iter().find(|way| {
            way.from.as_deref() == place.state
                && match (&way.why, place.error) {
                    (Why::Catch { .. }, Some(error)) => way.why.catches(error),
                    (Why::Catch { .. }, None) | (_, Some(_)) => false,
                    (_, None) => way.to.as_deref() == Some(to),
                }
        });
        if let Some(way) = way {
            return (way.to.as_deref() == Some(to)).then(|| vec![way]);
        }
        let state = place.state?;
        let map = self.machine.states()[state].map?;
        let mut outer = self.taken(Place { state: Some(map), ..place }, to)?;
        if place.error.is_none() {
            outer.push(self.end_of(state)?);
        }
        Some(outer)
    }

    /// The way from a state to the end of the machine, or of its Map's iteration.
    fn end_of(&self, state: &str) -> Option<&Transition> {
        self.transitions.iter().find(|way| way.from.as_deref() == Some(state) && way.to.is_none())
    }
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
