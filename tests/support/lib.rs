//! What the tests across crates share: where things are, tools from PyPI, and a live stack to drive.

mod stack;

pub use stack::Stack;

use std::path::{Path, PathBuf};

use spillway_local::progress::Reporter;
use spillway_local::venv::Venv;
use spillway_local::workspace::Workspace;
use tokio::process::Command;

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is a folder of the repository").into()
}

/// A program of `tests/requirements.txt`, installed on first use.
pub async fn tool(program: &str) -> Command {
    let workspace = Workspace::locate().await.expect("cargo knows the workspace");
    let requirements = repository().join("tests/requirements.txt");
    let venv = Venv::with(&requirements, &workspace.local(), &Reporter::silent()).await;
    venv.expect("the tools of the tests can be installed").command(program)
}
