//! The cases that test the state machines: `statemachine/cases`, and the responses that they mock tasks with.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::machine::Machine;
use crate::repository;

/// What a case of the driver doesn't mock is mocked as in this one, and a case without an ending has its ending.
const DRIVER_BASE: &str = "the_default_scenario_succeeds";
/// The same for the audit.
const AUDIT_BASE: &str = "ledger_and_bucket_agree";

/// An execution: what it meets, and how it should go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    #[serde(rename = "comment")]
    _comment: String,
    /// The execution's input; `{}` if there is none.
    #[serde(default = "no_input")]
    pub input: Value,
    /// The lock that there is before: who holds it, and until when.
    pub lock: Option<Lock>,
    /// How many objects the bucket holds; null if there is no bucket.
    #[serde(default = "one_object")]
    pub objects: Option<usize>,
    /// By state, the responses to its attempts, in order; in each execution of a Distributed Map from the first one on. An
    /// attempt beyond them is made for real.
    #[serde(default)]
    pub mocks: BTreeMap<String, Vec<String>>,
    /// By state, the arguments of each attempt at a task; those of other states are the same as in other cases.
    #[serde(default)]
    pub requests: BTreeMap<String, Vec<Value>>,
    /// Who holds the lock afterwards.
    pub held_by: Option<String>,
    /// How the execution ends.
    #[serde(default)]
    pub ending: Value,
    /// What happens on the way: states, and the failures of tasks.
    pub trace: Vec<String>,
}

/// A row of the table that a case begins with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Who holds it.
    pub held_by: String,
    /// Until when, in seconds since the epoch.
    pub expires_at: u64,
}

/// How an interpreter lets a case go.
#[derive(Debug)]
pub struct Seen<'a> {
    /// How the execution ended: its status, and its output or its error and cause.
    pub ending: &'a Value,
    /// Who holds the lock afterwards.
    pub held_by: Option<&'a str>,
    /// What each task was asked, with the name of its state.
    pub requests: &'a [(String, Value)],
    /// What happened on the way.
    pub trace: Vec<String>,
    /// When.
    pub clock: &'a Clock,
}

/// Every case of a machine, by name.
pub fn cases(machine: &Machine) -> BTreeMap<String, Case> {
    let folder = format!("cases/{}", machine.name);
    let files = fs::read_dir(repository().join("statemachine").join(&folder)).expect("the cases");
    let names = files.map(|entry| entry.expect("a case").file_name().into_string().expect("a name in UTF-8"));
    let mut cases: BTreeMap<String, Case> = names
        .map(|file| {
            let case = read(&format!("{folder}/{file}"));
            (file.strip_suffix(".json").expect("cases are JSON").to_owned(), case)
        })
        .collect();
    let base_name = if machine.name == "driver" { DRIVER_BASE } else { AUDIT_BASE };
    let base = cases[base_name].clone();
    for (name, case) in &mut cases {
        for (state, responses) in &base.mocks {
            case.mocks.entry(state.clone()).or_insert_with(|| responses.clone());
        }
        if case.ending.is_null() {
            case.ending.clone_from(&base.ending);
            let id = &mut case.ending["output"][machine.holder()];
            if id == base_name {
                *id = name.as_str().into();
            }
        }
    }
    cases
}

/// The responses that a machine's cases can name, each as AWS Step Functions Local has it: `Return` or `Throw`.
pub fn responses(machine: &Machine) -> BTreeMap<String, Value> {
    let mut responses: BTreeMap<String, Value> = read("responses/both.json");
    responses.extend(read::<BTreeMap<_, _>>(&format!("responses/{}.json", machine.name)));
    responses
}

/// The mocks of a machine's cases, in the format of AWS Step Functions Local. Each case has a machine of its own name.
pub fn mock_config(machine: &Machine, cases: &BTreeMap<String, Case>) -> Value {
    let responses = responses(machine);
    let (mut machines, mut mocked) = (Map::new(), Map::new());
    for (name, case) in cases {
        let mut states = Map::new();
        for (state, names) in &case.mocks {
            let attempts = names.iter().enumerate().map(|(attempt, name)| {
                let response = responses.get(name).unwrap_or_else(|| panic!("there is no response {name}"));
                (attempt.to_string(), response.clone())
            });
            let key = format!("{name}, {state}");
            mocked.insert(key.clone(), attempts.collect::<Map<_, _>>().into());
            states.insert(state.clone(), key.into());
        }
        machines.insert(name.clone(), json!({ "TestCases": { name: states } }));
    }
    json!({ "StateMachines": machines, "MockedResponses": mocked })
}

impl Case {
    /// Says how it went and how it should have gone, if these differ.
    pub fn compare(&self, seen: Seen<'_>) -> Result<(), String> {
        let mut requests: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for (state, arguments) in seen.requests.iter().filter(|(state, _)| self.requests.contains_key(state)) {
            requests.entry(state).or_default().push(arguments);
        }
        let Seen { ending, held_by, ref trace, clock, .. } = seen;
        let mut went = json!({ "ending": ending, "held_by": held_by, "requests": requests, "trace": trace });
        clock.hide(&mut went);
        let written =
            json!({ "ending": self.ending, "held_by": self.held_by, "requests": self.requests, "trace": self.trace });
        if went == written {
            return Ok(());
        }
        Err(format!("it went like this:\n{went:#}\nand not as it is written:\n{written:#}"))
    }

    /// Each state with the names of the responses that it is mocked with.
    pub fn mocks(&self) -> impl Iterator<Item = (&str, &str)> {
        self.mocks.iter().flat_map(|(state, names)| names.iter().map(|name| (state.as_str(), name.as_str())))
    }
}

fn read<T: DeserializeOwned>(path: &str) -> T {
    let path = repository().join("statemachine").join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn one_object() -> Option<usize> {
    Some(1)
}

fn no_input() -> Value {
    json!({})
}
