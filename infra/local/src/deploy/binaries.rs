//! Builds the functions' binaries, and zips them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use cargo_metadata::Message;
use spillway_stack::FileError;
use spillway_stack::progress::{Progress, Reporter, Step};
use spillway_stack::workspace::{Workspace, cargo};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::task::JoinSet;

use crate::deploy::archive;

/// Building and zipping.
pub(crate) const STEP: Step = Step("functions");

/// Why there are no binaries.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("cannot start cargo: {0}. Install Rust from https://rustup.rs, or set CARGO to cargo's path")]
    NoCargo(std::io::Error),
    /// The template names a binary that the workspace doesn't have.
    #[error("the template names the binary `{0}`, but no package of the workspace builds it")]
    Unknown(String),
    #[error("the functions don't build:\n{0}")]
    Failed(String),
    /// Cargo built them, but did not say where one is.
    #[error("cargo did not say where it put the binary `{0}`")]
    Missing(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Quick to compile.
    Dev,
    /// What AWS gets, built as `sam build` does.
    Release,
}

/// Builds the binaries `names`, and says where each is.
pub async fn build(
    workspace: &Workspace,
    names: &BTreeSet<String>,
    profile: Profile,
    reporter: &Reporter,
) -> Result<BTreeMap<String, PathBuf>, BuildError> {
    let mut command = cargo();
    command.args(["build", "--locked", "--message-format", "json-render-diagnostics"]);
    // Not by the working directory, which a relative CARGO_TARGET_DIR starts from.
    command.arg("--manifest-path").arg(workspace.root().join("Cargo.toml"));
    for name in names {
        let package = workspace.package_of(name).ok_or_else(|| BuildError::Unknown(name.clone()))?;
        command.args(["--bin", name]);
        if profile == Profile::Dev {
            command.args(["--package", package]);
        }
    }
    match profile {
        // Features are unified over the selected packages. With this package among them they are the ones that this very
        // process was built with, and no dependency is compiled a second time.
        Profile::Dev => command.args(["--package", env!("CARGO_PKG_NAME")]),
        // The workspace's default members are selected.
        Profile::Release => command.arg("--release"),
    };
    let mut cargo = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(BuildError::NoCargo)?;
    let (stdout, stderr) = (cargo.stdout.take(), cargo.stderr.take());
    let (messages, diagnostics) = tokio::join!(read(stdout), narrate(stderr, reporter));
    let status = cargo.wait().await.map_err(BuildError::NoCargo)?;
    if !status.success() {
        return Err(BuildError::Failed(diagnostics));
    }
    let mut executables = executables(&messages);
    let found = |name: &String| {
        let path = executables.remove(name).ok_or_else(|| BuildError::Missing(name.clone()))?;
        Ok((name.clone(), path))
    };
    names.iter().map(found).collect()
}

/// Zips `binaries`, each into its own directory below `directory`, and says where each zip is.
pub async fn zip(
    binaries: BTreeMap<String, PathBuf>,
    directory: &Path,
    reporter: &Reporter,
) -> Result<BTreeMap<String, PathBuf>, FileError> {
    reporter.tell(Progress::Detail(STEP, "zipping".to_owned()));
    let mut zips = JoinSet::new();
    for (name, binary) in binaries {
        let directory = directory.join(&name);
        zips.spawn_blocking(move || Ok((name, archive::zip(&binary, &directory)?)));
    }
    zips.join_all().await.into_iter().collect()
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // A pipe that breaks ends with cargo, whose status says more.
        let _ = stream.read_to_end(&mut bytes).await;
    }
    bytes
}

async fn narrate(stream: Option<impl AsyncRead + Unpin>, reporter: &Reporter) -> String {
    let mut diagnostics = String::new();
    let Some(stream) = stream else { return diagnostics };
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(detail) = status(&line) {
            reporter.tell(Progress::Glimpse(STEP, detail));
        } else {
            diagnostics.push_str(&line);
            diagnostics.push('\n');
        }
    }
    diagnostics
}

/// What cargo says that it is doing, if it is no more than that.
fn status(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let doing = words.next()?;
    match doing {
        // The version is enough; where the package lies is of no interest.
        "Compiling" | "Downloaded" => Some([doing, words.next()?, words.next()?].join(" ")),
        "Blocking" | "Downloading" | "Locking" | "Updating" => Some(line.trim().to_owned()),
        _ => None,
    }
}

fn executables(messages: &[u8]) -> BTreeMap<String, PathBuf> {
    Message::parse_stream(Cursor::new(messages))
        .filter_map(Result::ok)
        .filter_map(|message| match message {
            Message::CompilerArtifact(artifact) => {
                artifact.executable.map(|path| (artifact.target.name, path.into_std_path_buf()))
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_read_from_cargos_messages() {
        let artifact = |name: &str, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"path+file:///w#{name}@0.1.0","manifest_path":"/w/Cargo.toml","target":{{"kind":["bin"],"crate_types":["bin"],"name":"{name}","src_path":"/w/src/main.rs","edition":"2024","doc":true,"doctest":false,"test":true}},"profile":{{"opt_level":"0","debuginfo":0,"debug_assertions":true,"overflow_checks":true,"test":false}},"features":[],"filenames":[],"executable":{executable},"fresh":true}}"#
            )
        };
        let messages = format!(
            "{}\n{}\n{}\n",
            artifact("cleaner", r#""/w/target/debug/cleaner""#),
            artifact("ledger", "null"),
            r#"{"reason":"build-finished","success":true}"#
        );
        let expected = BTreeMap::from([("cleaner".to_owned(), PathBuf::from("/w/target/debug/cleaner"))]);
        assert_eq!(executables(messages.as_bytes()), expected);
    }

    #[test]
    fn what_cargo_does_is_told_from_what_it_complains_about() {
        let check = |line, expect| assert_eq!(status(line).as_deref(), expect, "{line}");
        check("   Compiling cleaner v0.1.0 (/w/functions/pipeline/cleaner)", Some("Compiling cleaner v0.1.0"));
        check(
            "    Blocking waiting for file lock on build directory",
            Some("Blocking waiting for file lock on build directory"),
        );
        check("error[E0308]: mismatched types", None);
        check("", None);
    }
}
