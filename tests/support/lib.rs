//! What the tests across crates share: where things are, tools from PyPI, and a live stack to drive.

pub mod case;
pub mod clock;
mod demands;
mod deployment;
pub mod diagram;
mod functions;
mod ledger;
pub mod machine;
mod metrics;
mod permissions;
pub mod processor;
mod queues;
pub mod readme;
mod stack;
mod tap;
mod update;
mod usage;

pub use functions::{FUNCTIONS, PIPELINE};
pub use permissions::Permission;
pub use stack::{Item, Stack};
pub use tap::{Copy, copies};

use std::path::{Path, PathBuf};
use std::time::Duration;

use spillway_local::emulator::Account;
use spillway_local::local_aws::SHORT_PERIOD;
use spillway_local::python::venv::Venv;
use spillway_stack::progress::Reporter;
use spillway_stack::workspace::Workspace;
use tokio::process::Command;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{interval, timeout};

/// How many local AWS run at a time: more would slow each other down until their alarm windows are too short.
static LIVE: Semaphore = Semaphore::const_new(6);

/// Waits for a turn to run a local AWS, and has it until this is dropped.
pub async fn live() -> SemaphorePermit<'static> {
    LIVE.acquire().await.expect("the semaphore is never closed")
}

/// Looks again and again until `condition` holds, which it must within half a minute.
pub async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    within(Duration::from_secs(30), what, condition).await;
}

/// Looks again and again until `condition` holds, which it must within this time.
pub async fn within(time: Duration, what: &str, condition: impl AsyncFn() -> bool) {
    let holds = async {
        let mut tick = interval(Duration::from_millis(100));
        while !condition().await {
            tick.tick().await;
        }
    };
    timeout(time, holds).await.unwrap_or_else(|_| panic!("not within {} s: {what}", time.as_secs()));
}

/// `WaitForDeletion` as `wait-for-deletion`: the crate of a state or function, and the beginning of its contracts' names.
pub fn kebab_case(name: &str) -> String {
    name.chars().fold(String::new(), |mut words, letter| {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('-');
        }
        words.push(letter.to_ascii_lowercase());
        words
    })
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is a folder of the repository").into()
}

/// MiniStack, installed on first use.
pub async fn ministack() -> Venv {
    let workspace = Workspace::locate().await.expect("cargo knows the workspace");
    let venv = Venv::with(&workspace.requirements(), &workspace.local(), &Reporter::silent()).await;
    venv.expect("MiniStack can be installed")
}

/// An empty account on a local AWS.
pub async fn account() -> Account {
    let workspace = Workspace::locate().await.expect("cargo knows the workspace");
    let account = Account::start(&workspace, &ministack().await, None, SHORT_PERIOD, &Reporter::silent()).await;
    account.unwrap_or_else(|error| panic!("{error}"))
}

/// A program of `tests/tools/<set>.txt`, installed on first use.
pub async fn tool(set: &str, program: &str) -> Command {
    tools(set).await.command(program)
}

/// The programs of `tests/tools/<set>.txt`, installed on first use.
pub async fn tools(set: &str) -> Venv {
    let workspace = Workspace::locate().await.expect("cargo knows the workspace");
    let requirements = repository().join("tests/tools").join(set).with_extension("txt");
    let venv = Venv::with(&requirements, &workspace.local(), &Reporter::silent()).await;
    venv.expect("the tools of the tests can be installed")
}
