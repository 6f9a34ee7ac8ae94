//! What the page is told: JSON documents with times, in milliseconds since the epoch.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spillway_contracts::ledger::{CleaningRecord, HistoryRecord};

use crate::graph::Graph;

/// Milliseconds since the epoch.
pub type Millis = i64;

/// All that the page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The version of this document.
    pub version: u32,
    /// When it was taken; what had not ended by then goes on.
    pub taken_at: Millis,
    /// Whose stack it is.
    pub stack: About,
    /// The state machines: the driver's, then the audit's.
    pub machines: Vec<Machine>,
    /// What the fields of the documents mean: for each contract the descriptions by path, such as `plan.cycles[].upload[]`.
    pub vocabulary: BTreeMap<String, BTreeMap<String, String>>,
    /// What happened.
    pub records: Vec<Record>,
}

/// A state machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// `driver` or `audit`.
    pub id: String,
    /// All of it.
    pub graph: Graph,
    /// What not only errors lead to.
    pub story: Graph,
}

/// What the page says of the stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The stack's name.
    pub name: String,
    /// Such as `the local AWS at http://127.0.0.1:4566`.
    pub place: String,
    /// The bucket that is kept under its threshold.
    pub bucket_name: String,
    /// The alarm on the total.
    pub alarm_name: String,
    /// At or above it the alarm goes off.
    pub threshold_bytes: u64,
    /// The length of one of the alarm's periods.
    pub period_seconds: u32,
}

/// Something that happened, or goes on. One with the id of another takes its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// An execution of a state machine.
    Run(Run),
    /// A state of a run, entered once.
    State(State),
    /// An event that the ledger has recorded.
    Event(Dated<HistoryRecord>),
    /// A cleaning, as the cleaner has put it on record.
    Cleaning(Dated<CleaningRecord>),
    /// A row of the ledger: an object's, or a deleted one's tombstone.
    Row(Document),
    /// A state that the alarm has entered.
    Alarm(Alarm),
    /// What a queue held when it was looked at.
    Queue(Queue),
    /// A function's work on one event.
    Invocation(Invocation),
    /// What a function has written.
    Line(Line),
}

/// An execution of a state machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The execution's name.
    pub id: String,
    /// The state machine's id.
    pub machine: String,
    /// When it started.
    pub at: Millis,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Millis>,
    /// As Step Functions has it, such as `RUNNING`.
    pub status: String,
    /// What it was started with.
    #[serde(skip_serializing_if = "Value::is_null", default)]
    pub input: Value,
    /// What it ended with.
    #[serde(skip_serializing_if = "Value::is_null", default)]
    pub output: Value,
    /// The error's name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// The error in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
}

/// How a state ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not yet.
    #[default]
    Running,
    /// As it should.
    Done,
    /// With an error that another state has dealt with.
    Caught,
    /// With an error.
    Failed,
}

/// A state of a run, entered once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The run, and the number of the event in its history.
    pub id: String,
    /// The run.
    pub run: String,
    /// Its name in the definition.
    pub name: String,
    /// Within a Map: which iteration, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cycle: Option<u32>,
    /// When it was entered.
    pub at: Millis,
    /// When it was left.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Millis>,
    /// How it ended.
    pub outcome: Outcome,
    /// What it was given.
    #[serde(skip_serializing_if = "Value::is_null", default)]
    pub input: Value,
    /// What it gave.
    #[serde(skip_serializing_if = "Value::is_null", default)]
    pub output: Value,
    /// Of a task: the attempts at it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub attempts: Vec<Attempt>,
    /// The error's name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// The error in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
}

/// An attempt at a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was scheduled.
    pub at: Millis,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Millis>,
    /// What the task was given.
    #[serde(skip_serializing_if = "Value::is_null", default)]
    pub input: Value,
    /// What it answered.
    #[serde(skip_serializing_if = "Value::is_null", default)]
    pub output: Value,
    /// The error's name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// The error in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
}

/// A document whose contract has a time of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated<T> {
    /// Its key.
    pub id: String,
    /// When it happened.
    pub at: Millis,
    /// When the ledger recorded it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Millis>,
    /// The document.
    pub document: T,
}

/// A document of one of several contracts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Its key, and what tells it from an earlier one.
    pub id: String,
    /// When it was written.
    pub at: Millis,
    /// The contract's name.
    pub contract: String,
    /// The document.
    pub document: Value,
}

/// A state that the alarm has entered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// The moment and the state.
    pub id: String,
    /// When it was entered.
    pub at: Millis,
    /// Such as `OK`.
    pub state: String,
    /// CloudWatch's reason.
    pub reason: String,
}

/// What a queue held when it was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// The queue and the moment.
    pub id: String,
    /// When it was looked at.
    pub at: Millis,
    /// Such as `TrackingQueue`, its name in the template.
    pub queue: String,
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that may not be received yet.
    pub delayed: u64,
    /// Messages that a function has received and not yet finished with.
    pub in_flight: u64,
    /// If these are counts of this many seconds, the highest ones.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub within_seconds: Option<u32>,
}

/// A function's work on one event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// Lambda's identifier of it.
    pub id: String,
    /// The function, such as `Upload`; the group if the log doesn't say.
    pub function: String,
    /// Whose log group it is; `Driver` and `Audit` are those of several functions.
    pub group: String,
    /// When it began.
    pub at: Millis,
    /// When it ended.
    pub until: Millis,
    /// Whether Lambda counts it as an error.
    pub failed: bool,
}

/// What a function has written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The log stream, the moment and the place among the lines of the moment.
    pub id: String,
    /// The function, such as `Upload`; the group if the log doesn't say.
    pub function: String,
    /// Whose log group it is; `Driver` and `Audit` are those of several functions.
    pub group: String,
    /// When CloudWatch has it from, which the metric goes by.
    pub at: Millis,
    /// The invocation that wrote it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// The contract's name.
    pub contract: String,
    /// The line.
    pub document: Value,
}

impl Record {
    /// What tells it from others of its kind.
    pub fn id(&self) -> &str {
        match self {
            Self::Run(it) => &it.id,
            Self::State(it) => &it.id,
            Self::Event(it) => &it.id,
            Self::Cleaning(it) => &it.id,
            Self::Row(it) => &it.id,
            Self::Alarm(it) => &it.id,
            Self::Queue(it) => &it.id,
            Self::Invocation(it) => &it.id,
            Self::Line(it) => &it.id,
        }
    }

    /// When it happened, or began.
    pub fn at(&self) -> Millis {
        match self {
            Self::Run(it) => it.at,
            Self::State(it) => it.at,
            Self::Event(it) => it.at,
            Self::Cleaning(it) => it.at,
            Self::Row(it) => it.at,
            Self::Alarm(it) => it.at,
            Self::Queue(it) => it.at,
            Self::Invocation(it) => it.at,
            Self::Line(it) => it.at,
        }
    }

    /// The kind and the id: what a later record has to share to take this one's place.
    pub fn key(&self) -> (std::mem::Discriminant<Self>, String) {
        (std::mem::discriminant(self), self.id().to_owned())
    }
}
