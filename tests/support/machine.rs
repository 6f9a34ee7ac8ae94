//! The state machines' definitions: their states, and the ways from one to the next.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::{kebab_case, repository};

/// One of the state machines, as it is committed.
pub struct Machine {
    /// `driver` or `audit`: what its files are called.
    pub name: &'static str,
    /// `run` or `audit`: what an execution is called in its lock, its report and its failure.
    pub execution: &'static str,
    pub definition: Value,
}

/// A state, wherever it stands.
#[derive(Clone, Copy)]
pub struct State<'a> {
    /// What it is and does.
    pub definition: &'a Value,
    /// The Map that it belongs to.
    pub map: Option<&'a str>,
}

/// A way from one state to the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transition {
    /// The Map that it belongs to.
    pub map: Option<String>,
    /// Where it comes from; `None` at the start of the machine, or of the Map's iterations.
    pub from: Option<String>,
    /// Where it leads; `None` at the end of either.
    pub to: Option<String>,
    /// What makes the machine take it.
    pub why: Why,
}

/// What makes the machine take a transition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// There is no other.
    Always,
    /// This rule of a Choice holds, says its comment.
    Rule(String),
    /// No rule of the Choice holds.
    Default,
    /// The state failed.
    Catch {
        /// With one of these errors.
        errors: Vec<String>,
        /// What that means, says the catcher's comment.
        comment: Option<String>,
    },
}

impl Machine {
    /// The one that runs scenarios.
    pub fn driver() -> Self {
        Self::read("driver", "run")
    }

    /// The one that audits the ledger.
    pub fn audit() -> Self {
        Self::read("audit", "audit")
    }

    /// Both.
    pub fn all() -> [Self; 2] {
        [Self::driver(), Self::audit()]
    }

    fn read(name: &'static str, execution: &'static str) -> Self {
        let path = repository().join(format!("statemachine/{name}.asl.json"));
        let text = fs::read_to_string(path).expect("the definition");
        Self { name, execution, definition: serde_json::from_str(&text).expect("the definition parses as it is") }
    }

    /// The key of the row that is its lock.
    pub fn lock_key(&self) -> String {
        format!("__{}__", self.execution.to_uppercase())
    }

    /// The attribute of the lock that names the execution that holds it. Reports and failures call it the same.
    pub fn holder(&self) -> String {
        format!("{}_id", self.execution)
    }

    /// The definition with an ObjectTable and a bucket of this name, and with functions that can't be found: only a mock can
    /// answer for them. A Map does one thing after the other, so that what happens has an order.
    pub fn deployed(&self, name: &str) -> Value {
        let text = self.definition.to_string();
        let text = text.replace("${ObjectTableName}", name).replace("${BucketName}", &bucket_name(name));
        let text = text.replace("${", "arn:aws:lambda:us-east-1:000000000000:function:").replace("FunctionArn}", "");
        let mut definition: Value = serde_json::from_str(&text).expect("substitutions leave JSON");
        for state in definition["States"].as_object_mut().expect("States").values_mut() {
            if state["Type"] == "Map" {
                state["MaxConcurrency"] = json!(1);
            }
        }
        definition
    }

    /// Every state by name, those inside a Map too.
    pub fn states(&self) -> BTreeMap<&str, State<'_>> {
        let states = self.levels().into_iter().flat_map(|(map, level)| {
            let states = level["States"].as_object().expect("States");
            states.iter().map(move |(name, definition)| (name.as_str(), State { definition, map }))
        });
        states.collect()
    }

    /// The states that are tasks, by name.
    pub fn tasks(&self) -> BTreeMap<&str, State<'_>> {
        self.states().into_iter().filter(|(_, state)| state.definition["Type"] == "Task").collect()
    }

    /// Every transition, in the order in which a run meets the states that they come from.
    pub fn transitions(&self) -> Vec<Transition> {
        self.levels().into_iter().flat_map(|(map, level)| transitions(map, level)).collect()
    }

    /// The machine itself, and the machine inside each Map.
    fn levels(&self) -> Vec<(Option<&str>, &Value)> {
        let mut levels = vec![(None, &self.definition)];
        let mut next = 0;
        while let Some(&(_, level)) = levels.get(next) {
            let states = level["States"].as_object().expect("States").iter();
            levels.extend(states.filter_map(|(name, state)| Some((Some(name.as_str()), state.get("ItemProcessor")?))));
            next += 1;
        }
        levels
    }
}

impl<'a> State<'a> {
    /// The entries of `Retry`, `Catch` or `Choices`.
    pub fn entries(&self, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        entries(self.definition, field)
    }

    /// The function that it invokes, as the template names it without `Function`.
    pub fn function(&self) -> Option<&'a str> {
        self.definition["Arguments"]["FunctionName"].as_str()?.strip_prefix("${")?.strip_suffix("FunctionArn}")
    }

    /// The contract of what it asks its function (`request`), or of what that answers (`response`).
    pub fn contract(&self, direction: &str) -> Option<String> {
        Some(format!("{}-{direction}", kebab_case(self.function()?)))
    }
}

/// The name of the bucket that belongs to a table: no underscores, and no more than 63 bytes.
pub fn bucket_name(table: &str) -> String {
    table.replace('_', "-").chars().take(63).collect()
}

impl Why {
    /// Whether a failure with this error takes the transition.
    pub fn catches(&self, error: &str) -> bool {
        matches!(self, Self::Catch { errors, .. } if errors.iter().any(|name| name == error || name == "States.ALL"))
    }
}

/// The names of a retrier's or catcher's `ErrorEquals`.
pub fn errors(entry: &Value) -> Vec<String> {
    let errors = entry["ErrorEquals"].as_array().expect("ErrorEquals");
    errors.iter().map(text).collect()
}

fn transitions(map: Option<&str>, level: &Value) -> Vec<Transition> {
    let transition = |from: Option<&str>, to: Option<&Value>, why| Transition {
        map: map.map(str::to_owned),
        from: from.map(str::to_owned),
        to: to.map(text),
        why,
    };
    let mut transitions = vec![transition(None, level.get("StartAt"), Why::Always)];
    let mut met: Vec<String> = Vec::new();
    let mut next = 0;
    while let Some(reached) = transitions.get(next) {
        next += 1;
        let Some(name) = reached.to.clone().filter(|name| !met.contains(name)) else { continue };
        let state = &level["States"][&name];
        for rule in entries(state, "Choices") {
            transitions.push(transition(Some(&name), rule.get("Next"), Why::Rule(text(&rule["Comment"]))));
        }
        if let Some(target) = state.get("Default") {
            transitions.push(transition(Some(&name), Some(target), Why::Default));
        }
        if state["Type"] != "Choice" {
            transitions.push(transition(Some(&name), state.get("Next"), Why::Always));
        }
        for catcher in entries(state, "Catch") {
            let why = Why::Catch { errors: errors(catcher), comment: catcher.get("Comment").map(text) };
            transitions.push(transition(Some(&name), catcher.get("Next"), why));
        }
        met.push(name);
    }
    transitions
}

fn entries<'a>(state: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    state.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} should be text")).to_owned()
}
