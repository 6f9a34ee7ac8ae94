//! How long each function takes to start, how large it gets, and how large its package is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use spillway_local::emulator::client::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use spillway_tests::{FUNCTIONS, Stack};

use crate::backend::Backend;
use crate::figures::{Pair, median, megabytes, milliseconds, row, table};
use crate::functions::{Weight, event};
use crate::implementation::{Implementation, Implementations};
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
    pub first_poll: Pair<Duration>,
    pub first_response: Pair<Duration>,
    pub peak_memory: Pair<u64>,
    pub package: Pair<u64>,
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
        let mut variables = self.variables[function].clone();
        let endpoint = if function == "plotting" { backend.endpoint() } else { self.stack.local_aws.endpoint() };
        let path = std::env::var("PATH").unwrap_or_default();
        let of_lambda = [
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("PATH", &path),
        ];
        variables.extend(of_lambda.map(|(name, value)| (name.to_owned(), value.to_owned())));
        if function == "call-plot-api" {
            variables.insert("PLOT_API_URL".to_owned(), format!("{}/plot", backend.endpoint()));
        }
        variables
    }
}

/// Measures every function.
pub async fn measure(implementations: &Implementations) -> Vec<Start> {
    let surroundings = Surroundings::up().await;
    let light = Backend::start(surroundings.bucket(), 10).await;
    let heavy = Backend::start(surroundings.bucket(), HEAVY_PLOT).await;
    let mut starts = Vec::new();
    for function in FUNCTIONS {
        eprintln!("{function}: {RUNS} starts");
        let (first_poll, first_response) = times(implementations, &surroundings, &light, function).await;
        if function == "cleaner" {
            ledger::add_objects(&surroundings.stack, 0..HEAVY_CLEANING).await;
            ledger::set_total(&surroundings.stack, HEAVY_CLEANING).await;
        }
        let mut peaks = [0; 2];
        let mut packages = [0; 2];
        for (number, implementation) in implementations.each().into_iter().enumerate() {
            let event = event(function, surroundings.bucket(), Weight::Heavy, 1_000_000 + number);
            peaks[number] = peak_memory(implementation, &surroundings, &heavy, function, &event).await;
            packages[number] = implementations.package_size(implementation, function).await;
        }
        starts.push(Start {
            function,
            first_poll,
            first_response,
            peak_memory: Pair::of(peaks),
            package: Pair::of(packages),
        });
    }
    surroundings.stack.local_aws.shutdown().await;
    starts
}

/// By turns, so that what else goes on hits both.
async fn times(
    implementations: &Implementations,
    surroundings: &Surroundings,
    backend: &Backend,
    function: &str,
) -> (Pair<Duration>, Pair<Duration>) {
    let mut variables = surroundings.variables(function, backend);
    if function == "cleaner" {
        // What is there is below the threshold, so that it looks and has nothing to delete.
        variables.insert("SIZE_THRESHOLD".to_owned(), u32::MAX.to_string());
    }
    let mut polls = [Vec::new(), Vec::new()];
    let mut responses = [Vec::new(), Vec::new()];
    // The first round warms the file system's cache, and has Python compile its modules.
    for round in 0..=RUNS {
        for (number, implementation) in implementations.each().into_iter().enumerate() {
            let mut lambda = Lambda::start(&implementation.bootstrap(function), &variables).await;
            let poll = lambda.first_poll().await;
            let event = event(function, surroundings.bucket(), Weight::Light, 2 * round + number);
            let (answered, _) = lambda.invoke(&event).await;
            let response = answered - lambda.started();
            lambda.stop().await;
            if round > 0 {
                polls[number].push(poll);
                responses[number].push(response);
            }
        }
    }
    let medians = |figures: [Vec<Duration>; 2]| Pair::of(figures.map(|figures| median(&figures)));
    (medians(polls), medians(responses))
}

async fn peak_memory(
    implementation: &Implementation,
    surroundings: &Surroundings,
    backend: &Backend,
    function: &str,
    event: &Value,
) -> u64 {
    let bootstrap: PathBuf = implementation.bootstrap(function);
    let mut lambda = Lambda::start(&bootstrap, &surroundings.variables(function, backend)).await;
    lambda.first_poll().await;
    lambda.invoke(event).await;
    let peak = lambda.peak_memory();
    lambda.stop().await;
    peak
}

/// The figures in Markdown.
pub fn report(starts: &[Start]) -> String {
    let columns = [
        "function",
        "first poll, ms",
        "Python",
        "faster",
        "first response, ms",
        "Python",
        "peak memory, MB",
        "Python",
        "package, MB",
        "Python",
    ];
    let figures = |start: &Start| {
        let (poll, response) = (start.first_poll.map(milliseconds), start.first_response.map(milliseconds));
        let (memory, package) = (start.peak_memory.map(megabytes), start.package.map(megabytes));
        let figures = [
            (poll.rust, poll.python),
            (response.rust, response.python),
            (memory.rust, memory.python),
            (package.rust, package.python),
        ];
        let mut cells = row(start.function, figures.into_iter().flat_map(|(rust, python)| [rust, python]));
        cells.insert(3, format!("{:.0} ×", poll.python / poll.rust));
        cells
    };
    table(&columns, starts.iter().map(figures))
}
