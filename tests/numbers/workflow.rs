//! How long the default run takes, beside the least that its alarm windows allow.

use aws_sdk_sfn::types::HistoryEvent;
use serde_json::json;
use spillway_local::local_aws::SHORT_PERIOD;
use spillway_tests::{FUNCTIONS, Stack};

use crate::figures::{row, table};
use crate::implementation::Implementation;

const RUNS: usize = 3;
const PERIOD_SECONDS: f64 = SHORT_PERIOD as f64;
/// Alarm periods of a run of two cycles: each sees the total above the threshold in one, and below it in the next.
const PERIODS: f64 = 4.0;
/// States of one look that comes too early: the task, its Choice, the Wait.
const STATES_OF_A_LOOK: usize = 3;
/// A run, as it was measured.
#[derive(Clone, Copy)]
pub struct Run {
    pub seconds: f64,
    pub least_seconds: f64,
    pub transitions: usize,
    /// Transitions of looks that came too early.
    pub waiting: usize,
}

/// Runs the default scenario on a stack of its own, and gives the median run, by what it took over the least.
pub async fn measure(implementation: &Implementation) -> Run {
    eprintln!("workflow: {RUNS} runs");
    let stack = Stack::with_period(SHORT_PERIOD, &[]).await;
    stack.deploy(&FUNCTIONS, |function| implementation.directory(function)).await;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let execution = stack.start(json!({})).await;
        let report = stack.end_of(&execution).await.report().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(report.observed_timeline, report.expected_timeline);
        runs.push(run(&stack, &execution).await);
    }
    stack.drain().await;
    stack.check_ledger().await;
    stack.local_aws.shutdown().await;
    runs.sort_by(|a, b| a.over().total_cmp(&b.over()));
    runs[RUNS / 2]
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

/// The figures in Markdown.
pub fn report(run: &Run) -> String {
    let columns = ["run", "seconds", "the least", "over it", "transitions", "of them for looks that came too early"];
    let mut cells = row("the default one", [run.seconds, run.least_seconds]);
    cells.push(format!("{:.0} %", 100.0 * run.over()));
    cells.extend([run.transitions, run.waiting].map(|count| count.to_string()));
    table(&columns, [cells])
}
