//! What the interpreter made of the cases.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent, HistoryEventType};
use jiff::Timestamp;
use serde_json::{Value, json};
use spillway_tests::case::{Case, cases, mock_config};
use spillway_tests::clock::Clock;
use spillway_tests::machine::{Machine, bucket_name};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use super::interpreter::{Execution, Interpreter};

/// How an execution went.
pub struct Outcome {
    pub clock: Clock,
    /// How it ended: its status, and its output or its error and cause.
    pub ending: Value,
    /// Who holds the lock afterwards.
    pub held_by: Option<String>,
    /// What happened on the way.
    pub trace: Vec<Step>,
    /// What each task was asked, with the name of its state.
    pub requests: Vec<(String, Value)>,
    /// What each state put out, with its name.
    pub outputs: Vec<(String, Value)>,
}

/// What happens on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The Map's next iteration begins.
    Iteration(i32),
    /// A state is entered.
    Entered(String),
    /// An attempt at a task fails with this error, and there is another one.
    Retried(String, String),
    /// The task, or the Distributed Map, fails for good.
    Failed(String, String),
}

type Outcomes = BTreeMap<String, Outcome>;

/// The outcome of every case of a machine, by name. They are run once, all together.
pub async fn outcomes(machine: &Machine) -> &'static Outcomes {
    static DRIVER: OnceCell<Outcomes> = OnceCell::const_new();
    static AUDIT: OnceCell<Outcomes> = OnceCell::const_new();
    match machine.name {
        "driver" => DRIVER.get_or_init(|| run(Machine::driver())).await,
        _ => AUDIT.get_or_init(|| run(Machine::audit())).await,
    }
}

async fn run(machine: Machine) -> Outcomes {
    let cases = cases(&machine);
    let interpreter = Arc::new(Interpreter::start(&mock_config(&machine, &cases)).await);
    let machine = Arc::new(machine);
    let mut running = JoinSet::new();
    for (name, case) in cases {
        let (interpreter, machine) = (Arc::clone(&interpreter), Arc::clone(&machine));
        running.spawn(async move {
            let outcome = outcome(&interpreter, &machine, &name, &case).await;
            (name, outcome)
        });
    }
    let outcomes = running.join_all().await.into_iter().collect();
    Arc::into_inner(interpreter).expect("every case has ended").stop().await;
    outcomes
}

async fn outcome(interpreter: &Interpreter, machine: &Machine, name: &str, case: &Case) -> Outcome {
    let start = Timestamp::now().as_second();
    interpreter.create_table(name).await;
    if let Some(lock) = &case.lock {
        interpreter.lock(machine, name, lock).await;
    }
    // Only an audit looks into a bucket.
    if let (Some(objects), "audit") = (case.objects, machine.name) {
        interpreter.create_bucket(&bucket_name(name), objects).await;
    }
    let execution = interpreter.execute(name, &machine.deployed(name), &case.input).await;
    Outcome {
        clock: Clock { start, stop: stop(&execution) },
        ending: ending(&execution),
        held_by: interpreter.held_by(machine, name).await,
        trace: trace(&execution.events),
        requests: requests(&execution.events),
        outputs: outputs(&execution.events),
    }
}

fn stop(execution: &Execution) -> i64 {
    execution.description.stop_date().expect("an execution that has ended says when").secs()
}

fn ending(execution: &Execution) -> Value {
    let execution = &execution.description;
    match (&execution.status, &execution.output) {
        (ExecutionStatus::Succeeded, Some(output)) => json!({ "status": "SUCCEEDED", "output": parse(output) }),
        (status, _) => json!({ "status": status.as_str(), "error": execution.error, "cause": execution.cause }),
    }
}

/// What happened, in order.
pub fn trace(events: &[HistoryEvent]) -> Vec<Step> {
    let mut trace = Vec::new();
    let (mut state, mut map) = ("", "");
    for (position, event) in events.iter().enumerate() {
        if let Some(details) = event.state_entered_event_details() {
            state = details.name();
            if *event.r#type() == HistoryEventType::MapStateEntered {
                map = state;
            }
            trace.push(Step::Entered(state.to_owned()));
        } else if let Some(details) = event.map_iteration_started_event_details() {
            trace.push(Step::Iteration(details.index() + 1));
        } else if let Some(details) = event.map_run_failed_event_details() {
            trace.push(Step::Failed(map.to_owned(), details.error().expect("a failure has a name").to_owned()));
        } else if let Some(details) = event.task_failed_event_details() {
            let (state, error) = (state.to_owned(), details.error().expect("a failure has a name").to_owned());
            let next = events.get(position + 1).map(|event| event.r#type());
            trace.push(match next {
                Some(HistoryEventType::TaskScheduled) => Step::Retried(state, error),
                _ => Step::Failed(state, error),
            });
        }
    }
    trace
}

/// What each task was asked, with the name of its state.
pub fn requests(events: &[HistoryEvent]) -> Vec<(String, Value)> {
    let mut state = "";
    let mut requests = Vec::new();
    for event in events {
        if let Some(details) = event.state_entered_event_details() {
            state = details.name();
        } else if let Some(details) = event.task_scheduled_event_details() {
            requests.push((state.to_owned(), parse(details.parameters())));
        }
    }
    requests
}

fn outputs(events: &[HistoryEvent]) -> Vec<(String, Value)> {
    let exits = events.iter().filter_map(HistoryEvent::state_exited_event_details);
    exits.map(|exit| (exit.name().to_owned(), parse(exit.output().unwrap_or_default()))).collect()
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iteration(number) => write!(f, "iteration {number}"),
            Self::Entered(state) => f.write_str(state),
            Self::Retried(state, error) => write!(f, "{state} is retried after {error}"),
            Self::Failed(state, error) => write!(f, "{state} fails with {error}"),
        }
    }
}
