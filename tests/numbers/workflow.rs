//! How long the default run takes, beside the least that its alarm windows allow; and whether both implementations do the
//! same in it.

use std::collections::BTreeSet;

use aws_sdk_sfn::types::HistoryEvent;
use serde_json::{Map, Value, json};
use spillway_tests::Stack;

use crate::figures::{Pair, row, table};
use crate::implementation::{Implementation, Implementations};

const RUNS: usize = 3;
const PERIOD_SECONDS: f64 = 10.0;
/// Alarm periods of a run of two cycles: each sees the total above the threshold in one, and below it in the next.
const PERIODS: f64 = 4.0;
/// States of one look that comes too early: the task, its Choice, the Wait.
const STATES_OF_A_LOOK: usize = 3;
/// What two runs of the same scenario differ in: names, times, and what is counted over all runs.
const OF_ONE_RUN: [&str; 24] = [
    "alarm_ok_at",
    "bucket_name",
    "committed_at",
    "deleted_at",
    "event_key",
    "event_time",
    "expires_at",
    "finished_at",
    "last_event_key",
    "message",
    "message_id",
    "observed_at",
    "opened_at",
    "plot",
    "request_id",
    "run_id",
    "sequencer",
    "span",
    "started_at",
    "state_since",
    "timestamp",
    "updated_at",
    "uploaded_at",
    "version",
];

/// A run, as it was measured.
#[derive(Clone, Copy)]
pub struct Run {
    pub seconds: f64,
    pub least_seconds: f64,
    pub transitions: usize,
    /// Transitions of looks that came too early.
    pub waiting: usize,
}

/// The median run of each language, by what it took over the least.
pub async fn measure(implementations: &Implementations) -> Pair<Run> {
    let (rust, left_by_rust) = runs(&implementations.rust).await;
    let (python, left_by_python) = runs(&implementations.python).await;
    assert_eq!(left_by_rust, left_by_python, "both implementations leave the same");
    Pair { rust, python }
}

/// Runs the default scenario on a stack of its own; gives the median, and what all runs left behind.
async fn runs(implementation: &Implementation) -> (Run, Value) {
    eprintln!("workflow in {:?}: {RUNS} runs", implementation.language);
    let stack = Stack::with(&[("SafetyNetExpression", "rate(1 day)")]).await;
    stack.deploy(|function| implementation.directory(function)).await;
    let mut runs = Vec::new();
    let mut reports = Vec::new();
    for _ in 0..RUNS {
        let execution = stack.start(json!({})).await;
        let report = stack.end_of(&execution).await.report().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(report.observed_timeline, report.expected_timeline);
        reports.push(json!(report));
        runs.push(run(&stack, &execution).await);
    }
    stack.drain().await;
    stack.check_ledger().await;
    let left = left(&stack, reports).await;
    stack.local_aws.shutdown().await;
    runs.sort_by(|a, b| a.over().total_cmp(&b.over()));
    (runs[RUNS / 2], left)
}

impl Run {
    /// How much longer it took than it had to, as a part of that.
    pub fn over(&self) -> f64 {
        self.seconds / self.least_seconds - 1.0
    }
}

async fn run(stack: &Stack, execution: &str) -> Run {
    let sfn = aws_sdk_sfn::Client::new(stack.local_aws.sdk_config());
    let described = sfn.describe_execution().execution_arn(execution).send().await.expect("the execution is there");
    let (start, stop) =
        (described.start_date().as_secs_f64(), described.stop_date.expect("it has ended").as_secs_f64());
    let pages = sfn.get_execution_history().execution_arn(execution).into_paginator().items().send();
    let events: Vec<HistoryEvent> = pages.collect::<Result<_, _>>().await.expect("an execution has a history");
    let entered: Vec<&str> =
        events.iter().filter_map(|event| Some(event.state_entered_event_details()?.name())).collect();
    let pauses = entered.iter().filter(|state| state.starts_with("PauseBefore")).count();
    Run {
        seconds: stop - start,
        least_seconds: least_seconds(start),
        transitions: entered.len(),
        waiting: STATES_OF_A_LOOK * pauses,
    }
}

/// From this moment to the end of the last period that a run needs. Uploads begin in the first half of a period.
fn least_seconds(start: f64) -> f64 {
    let into_period = start % PERIOD_SECONDS;
    let until_open = if into_period * 2.0 < PERIOD_SECONDS { -into_period } else { PERIOD_SECONDS - into_period };
    until_open + PERIODS * PERIOD_SECONDS
}

/// Reports, tables, and the lines that have contracts, without what differs from run to run.
async fn left(stack: &Stack, reports: Vec<Value>) -> Value {
    let outputs = stack.local_aws.outputs();
    let mut history = stack.items(&outputs.history_table_name).await;
    history.sort_by_key(|record| record["event_key"].to_string());
    let rows = stack.items(&outputs.object_table_name).await;
    let mut lines = Vec::new();
    for function in stack.functions().await.into_keys() {
        let mut of_function = stack.log_lines(&function).await;
        of_function.retain(|line| ["total_size", "sequencer", "verdict"].iter().any(|field| line.get(field).is_some()));
        lines.extend(of_function);
    }
    let lines: BTreeSet<String> = lines.into_iter().map(|line| steady(line).to_string()).collect();
    let rows: BTreeSet<String> = rows.into_iter().map(|row| steady(json!(row)).to_string()).collect();
    json!({ "reports": steady(json!(reports)), "history": steady(json!(history)), "rows": rows, "lines": lines })
}

fn steady(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(steady).collect(),
        Value::Object(fields) => {
            let steady_field = |(name, value): (String, Value)| match OF_ONE_RUN.contains(&name.as_str()) {
                true => (name, Value::Null),
                false => (name, steady(value)),
            };
            Value::Object(fields.into_iter().map(steady_field).collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// The figures in Markdown.
pub fn report(runs: &Pair<Run>) -> String {
    let columns = ["run", "seconds", "the least", "over it", "transitions", "of them for looks that came too early"];
    let figures = |(name, run): (&str, Run)| {
        let mut cells = row(name, [run.seconds, run.least_seconds]);
        cells.push(format!("{:.0} %", 100.0 * run.over()));
        cells.extend([run.transitions, run.waiting].map(|count| count.to_string()));
        cells
    };
    table(&columns, [("Rust", runs.rust), ("Python", runs.python)].map(figures))
}
