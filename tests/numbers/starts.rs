//! How long each function takes to start, how large it gets, and how large its package is.

use std::collections::BTreeMap;
use std::time::Duration;

use spillway_local::emulator::client::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use spillway_tests::Stack;

use crate::backend::Backend;
use crate::figures::{median, megabytes, milliseconds, rounded, table};
use crate::functions::{Weight, event, measured};
use crate::implementation::{CALLS, Implementation, Implementations};
use crate::lambda::Lambda;
use crate::ledger;

const RUNS: usize = 20;
/// The history of the heaviest plot.
pub const HEAVY_PLOT: usize = 100_000;
/// As many objects as the cleaner deletes at once.
const HEAVY_CLEANING: usize = 1_000;

/// What was measured of one function.
pub struct Start {
    pub function: &'static str,
    pub rust: Figures,
    /// Of the same function in Python, if there is one.
    pub python: Option<Figures>,
    /// Of the function that does nothing, started by turns with this one.
    pub empty: Figures,
    /// Of one that makes the same calls and nothing else, for some functions.
    calls: Option<Calls>,
}

/// What was measured of a function that makes calls and nothing else, started by turns with the function that also does its
/// work, and the one that does nothing.
#[derive(Clone, Copy)]
struct Calls {
    package: u64,
    first_poll: Duration,
    function_first_poll: Duration,
    empty_first_poll: Duration,
}

/// What was measured of a function of one kind.
#[derive(Clone, Copy)]
pub struct Figures {
    pub first_poll: Duration,
    pub first_response: Duration,
    pub peak_memory: u64,
    pub package: u64,
}

/// What functions call: a stack on which nothing happens by itself, and what is around plots.
pub struct Surroundings {
    pub stack: Stack,
    variables: BTreeMap<String, BTreeMap<String, String>>,
}

impl Surroundings {
    pub async fn up() -> Self {
        let stack = Stack::with(&[("SafetyNetExpression", "rate(1 day)")]).await;
        stack.let_queues_invoke(false).await;
        let mut variables = BTreeMap::new();
        for (name, function) in stack.functions().await {
            let configuration = stack.lambda.get_function_configuration().function_name(&name).send().await;
            let environment = configuration.expect("the function is there").environment.and_then(|it| it.variables);
            variables.insert(function, environment.unwrap_or_default().into_iter().collect());
        }
        Self { stack, variables }
    }

    pub fn bucket(&self) -> &str {
        &self.stack.local_aws.outputs().test_bucket_name
    }

    /// The variables that a function has on this stack, with those that Lambda sets.
    pub fn variables(&self, function: &str, backend: &Backend) -> BTreeMap<String, String> {
        let endpoint = if function == "plotting" { backend.endpoint() } else { self.stack.local_aws.endpoint() };
        let mut variables = self.variables_with(function, &endpoint);
        if function == "call-plot-api" {
            variables.insert("PLOT_API_URL".to_owned(), format!("{}/plot", backend.endpoint()));
        }
        variables
    }

    /// The same for a function that calls AWS here.
    pub fn variables_with(&self, function: &str, endpoint: &str) -> BTreeMap<String, String> {
        let mut variables = self.variables[function].clone();
        let path = std::env::var("PATH").unwrap_or_default();
        let of_lambda = [
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_ENDPOINT_URL", endpoint),
            ("PATH", &path),
        ];
        variables.extend(of_lambda.map(|(name, value)| (name.to_owned(), value.to_owned())));
        variables
    }
}

pub async fn measure(implementations: &Implementations) -> Vec<Start> {
    let surroundings = Surroundings::up().await;
    let light = Backend::start(surroundings.bucket(), 10).await;
    let heavy = Backend::start(surroundings.bucket(), HEAVY_PLOT).await;
    let mut starts = Vec::new();
    for function in measured() {
        eprintln!("{function}: {RUNS} starts");
        // Where nothing reads the tracking queue, no audit begins.
        surroundings.stack.let_queues_invoke(function == "prepare-audit").await;
        let mut side_by_side = implementations.of(function);
        side_by_side.push(&implementations.empty);
        let times = times(&side_by_side, function, &surroundings, &light).await;
        if function == "cleaner" {
            ledger::add_objects(&surroundings.stack, 0..HEAVY_CLEANING).await;
            ledger::sum_up(&surroundings.stack).await;
        }
        let mut figures = Vec::new();
        for (number, (implementation, times)) in side_by_side.into_iter().zip(times).enumerate() {
            let event = event(function, surroundings.bucket(), Weight::Heavy, 1_000_000 + number);
            let mut lambda =
                Lambda::start(&implementation.bootstrap(function), &surroundings.variables(function, &heavy)).await;
            lambda.first_poll().await;
            lambda.invoke(&event).await;
            let peak_memory = lambda.peak_memory();
            lambda.stop().await;
            let package = implementations.package_size(implementation, function).await;
            let (first_poll, first_response) = times;
            figures.push(Figures { first_poll, first_response, peak_memory, package });
        }
        let [rust, python @ .., empty] = &figures[..] else { panic!("{function} is measured beside nothing") };
        let variables = surroundings.variables(function, &light);
        let calls = calls(implementations, function, &variables).await;
        starts.push(Start { function, rust: *rust, python: python.first().copied(), empty: *empty, calls });
    }
    surroundings.stack.local_aws.shutdown().await;
    starts
}

/// The median times to the first poll and to the first response of each implementation. They are measured by turns, so that
/// other work on the machine slows all of them.
async fn times(
    implementations: &[&Implementation],
    function: &str,
    surroundings: &Surroundings,
    backend: &Backend,
) -> Vec<(Duration, Duration)> {
    let mut variables = surroundings.variables(function, backend);
    if function == "cleaner" {
        // What is there is below the threshold, so that it looks and has nothing to delete.
        variables.insert("SIZE_THRESHOLD".to_owned(), u32::MAX.to_string());
    }
    let mut polls = vec![Vec::new(); implementations.len()];
    let mut responses = polls.clone();
    // The first round warms the file system's cache, and has Python compile its modules.
    for round in 0..=RUNS {
        for (number, implementation) in implementations.iter().enumerate() {
            let mut lambda = Lambda::start(&implementation.bootstrap(function), &variables).await;
            let poll = lambda.first_poll().await;
            let event = event(function, surroundings.bucket(), Weight::Light, implementations.len() * round + number);
            let (answered, _) = lambda.invoke(&event).await;
            let response = answered - lambda.started();
            lambda.stop().await;
            if round > 0 {
                polls[number].push(poll);
                responses[number].push(response);
            }
        }
    }
    polls.iter().zip(&responses).map(|(polls, responses)| (median(polls), median(responses))).collect()
}

async fn calls(
    implementations: &Implementations,
    function: &str,
    variables: &BTreeMap<String, String>,
) -> Option<Calls> {
    if !CALLS.contains(&function) {
        return None;
    }
    let side_by_side = [&implementations.calls, &implementations.rust, &implementations.empty];
    let mut polls = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..=RUNS {
        for (implementation, polls) in side_by_side.iter().zip(&mut polls) {
            let mut lambda = Lambda::start(&implementation.bootstrap(function), variables).await;
            let poll = lambda.first_poll().await;
            lambda.stop().await;
            if round > 0 {
                polls.push(poll);
            }
        }
    }
    let [first_poll, function_first_poll, empty_first_poll] = polls.map(|polls| median(&polls));
    let package = implementations.package_size(&implementations.calls, function).await;
    Some(Calls { package, first_poll, function_first_poll, empty_first_poll })
}

/// The figures in Markdown.
pub fn report(starts: &[Start]) -> String {
    let columns = [
        "function",
        "first poll, ms",
        "times an empty one",
        "Python",
        "faster",
        "first response, ms",
        "Python",
        "peak memory, MB",
        "Python",
        "package, MB",
        "Python",
    ];
    let empty = starts.iter().min_by_key(|start| start.empty.first_poll).map(|start| {
        let cells = cells("an empty function", &start.empty, None);
        with_leads(cells, None, None)
    });
    let functions = starts.iter().map(|start| {
        let cells = cells(start.function, &start.rust, start.python.as_ref());
        with_leads(cells, Some(start.over_empty()), start.lead())
    });
    [table(&columns, functions.chain(empty)), report_calls(starts)].join("\n")
}

fn report_calls(starts: &[Start]) -> String {
    let columns = [
        "the calls of",
        "first poll, ms",
        "times an empty one",
        "the function, times an empty one",
        "package, MB",
        "the function's package, MB",
    ];
    let calls = starts.iter().filter_map(|start| start.calls.map(|calls| (start, calls)));
    let row = |(start, calls): (&Start, Calls)| {
        let over_empty = |poll: Duration| format!("{:.2} ×", poll.as_secs_f64() / calls.empty_first_poll.as_secs_f64());
        vec![
            start.function.to_owned(),
            rounded(milliseconds(calls.first_poll)),
            over_empty(calls.first_poll),
            over_empty(calls.function_first_poll),
            rounded(megabytes(calls.package)),
            rounded(megabytes(start.rust.package)),
        ]
    };
    table(&columns, calls.map(row))
}

fn cells(name: &str, rust: &Figures, python: Option<&Figures>) -> Vec<String> {
    let figures: [fn(&Figures) -> f64; 4] = [
        |figures| milliseconds(figures.first_poll),
        |figures| milliseconds(figures.first_response),
        |figures| megabytes(figures.peak_memory),
        |figures| megabytes(figures.package),
    ];
    let mut cells = vec![name.to_owned()];
    for figure in figures {
        cells.push(rounded(figure(rust)));
        cells.push(python.map_or_else(none, |python| rounded(figure(python))));
    }
    cells
}

/// The cells with those for how much slower than nothing the first poll comes, and how much faster than in Python.
fn with_leads(mut cells: Vec<String>, over_empty: Option<f64>, lead: Option<f64>) -> Vec<String> {
    cells.insert(3, lead.map_or_else(none, |lead| format!("{lead:.0} ×")));
    cells.insert(2, over_empty.map_or_else(none, |over| format!("{over:.2} ×")));
    cells
}

fn none() -> String {
    "—".to_owned()
}

impl Start {
    /// How many times longer than the function that does nothing this one takes to its first poll.
    pub fn over_empty(&self) -> f64 {
        self.rust.first_poll.as_secs_f64() / self.empty.first_poll.as_secs_f64()
    }

    /// How many times faster than the same function in Python the first poll comes.
    pub fn lead(&self) -> Option<f64> {
        self.python.map(|python| python.first_poll.as_secs_f64() / self.rust.first_poll.as_secs_f64())
    }
}
