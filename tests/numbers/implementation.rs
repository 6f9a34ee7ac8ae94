//! The implementations that are measured beside each other: all functions in Rust, those of the pipeline in Python, some
//! that make AWS's calls and nothing else, and a function that does nothing.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use spillway_local::deploy::binaries::{self, Profile};
use spillway_local::python::venv::Venv;
use spillway_stack::progress::Reporter;
use spillway_stack::workspace::{Workspace, cargo};
use spillway_tests::{PIPELINE, repository};

use crate::functions::measured;

/// Functions of one kind: a directory for each, with everything that is deployed.
pub struct Implementation {
    pub kind: Kind,
    directory: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rust,
    Python,
    /// Functions in Rust that make the calls of another one, and nothing else.
    Calls,
    /// One function that does nothing, whatever it is asked for.
    Empty,
}

/// The functions whose calls are measured by themselves.
pub const CALLS: [&str; 7] =
    ["cleaner", "plotting", "prepare-run", "upload", "usage", "prepare-audit", "audit-objects"];

/// All implementations, and the Python that runs one of them.
pub struct Implementations {
    pub rust: Implementation,
    pub python: Implementation,
    pub calls: Implementation,
    pub empty: Implementation,
    venv: Venv,
}

impl Implementations {
    /// Builds the Rust functions in the release profile, and installs what the Python functions need.
    pub async fn prepare() -> Self {
        let workspace = Workspace::locate().await.expect("cargo knows the workspace");
        let target = workspace.numbers();
        let requirements = python_source().join("requirements.txt");
        let venv = Venv::with(&requirements, &workspace.local(), &Reporter::silent()).await;
        let venv = venv.unwrap_or_else(|error| panic!("{error}"));
        Self {
            rust: rust(&workspace, target.join("rust")).await,
            python: python(&venv, target.join("python")),
            calls: calls(&workspace, target.join("calls")).await,
            empty: nothing(&workspace, target.join("empty")).await,
            venv,
        }
    }

    /// Those that do what this function does, Rust first.
    pub fn of(&self, function: &str) -> Vec<&Implementation> {
        match PIPELINE.contains(&function) {
            true => vec![&self.rust, &self.python],
            false => vec![&self.rust],
        }
    }

    /// The size of a function's package in bytes, zipped as `sam deploy` does.
    pub async fn package_size(&self, implementation: &Implementation, function: &str) -> u64 {
        let distributions: &[&str] = match (implementation.kind, function) {
            (Kind::Rust | Kind::Calls | Kind::Empty, _) => &[],
            (Kind::Python, "plotting") => &["boto3", "matplotlib"],
            (Kind::Python, _) => &["boto3"],
        };
        let mut command = self.venv.command("python");
        command.arg(python_source().join("package.py")).arg(implementation.directory(function)).args(distributions);
        let output = command.output().await.expect("python starts");
        let size = String::from_utf8_lossy(&output.stdout).trim().parse();
        size.unwrap_or_else(|_| panic!("no size of a package: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Implementation {
    pub fn directory(&self, function: &str) -> PathBuf {
        match self.kind {
            Kind::Empty => self.directory.clone(),
            Kind::Rust | Kind::Python | Kind::Calls => self.directory.join(function),
        }
    }

    pub fn bootstrap(&self, function: &str) -> PathBuf {
        self.directory(function).join("bootstrap")
    }
}

async fn rust(workspace: &Workspace, directory: PathBuf) -> Implementation {
    let names = measured().map(str::to_owned).collect();
    let binaries = binaries::build(workspace, &names, Profile::Release, &Reporter::silent()).await;
    for (name, binary) in binaries.unwrap_or_else(|error| panic!("{error}")) {
        let function = empty(directory.join(name));
        fs::copy(binary, function.join("bootstrap")).expect("a binary can be copied");
    }
    Implementation { kind: Kind::Rust, directory }
}

async fn calls(workspace: &Workspace, directory: PathBuf) -> Implementation {
    for name in CALLS {
        build(workspace, &format!("calls-of-{name}"), directory.join(name)).await;
    }
    Implementation { kind: Kind::Calls, directory }
}

async fn nothing(workspace: &Workspace, directory: PathBuf) -> Implementation {
    build(workspace, "empty", directory.clone()).await;
    Implementation { kind: Kind::Empty, directory }
}

/// Builds a function that is none of the template's, so that `sam build` doesn't build it.
async fn build(workspace: &Workspace, binary: &str, directory: PathBuf) {
    let package = workspace.package_of(binary).unwrap_or_else(|| panic!("the workspace has no binary {binary}"));
    let mut command = cargo();
    command.args(["build", "--locked", "--quiet", "--release", "--package", package, "--bin", binary]);
    let status = command.current_dir(repository()).status().await.expect("cargo starts");
    assert!(status.success(), "{binary} does not build");
    let binary = workspace.numbers().with_file_name("release").join(binary);
    fs::copy(binary, empty(directory).join("bootstrap")).expect("a binary can be copied");
}

fn python(venv: &Venv, directory: PathBuf) -> Implementation {
    let sources = fs::read_dir(python_source()).expect("tests/numbers/python is a directory");
    let sources: Vec<PathBuf> = sources
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py") && !path.ends_with("package.py"))
        .collect();
    for &name in PIPELINE {
        let function = empty(directory.join(name));
        for source in &sources {
            fs::copy(source, function.join(source.file_name().expect("a name"))).expect("a source can be copied");
        }
        // A module named `logging` would hide Python's own.
        let module = if name == "logging" { "logging_function".to_owned() } else { name.replace('-', "_") };
        // What AWS's Python runtime does.
        let python = venv.program("python");
        let bootstrap = format!("#!/bin/sh\nexec {} -m awslambdaric {module}.handle\n", python.display());
        let mut file = fs::File::create(function.join("bootstrap")).expect("a file can be written");
        file.write_all(bootstrap.as_bytes()).expect("a file can be written");
        file.set_permissions(fs::Permissions::from_mode(0o755)).expect("a file can be made executable");
    }
    Implementation { kind: Kind::Python, directory }
}

fn empty(directory: PathBuf) -> PathBuf {
    if directory.exists() {
        fs::remove_dir_all(&directory).expect("a directory can be removed");
    }
    fs::create_dir_all(&directory).expect("a directory can be created");
    directory
}

fn python_source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("numbers/python")
}
