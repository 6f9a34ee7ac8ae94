//! Where the workspace's files are, and where cargo puts what it builds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;
use tokio::process::Command;

/// Why the workspace is not known.
#[derive(Debug, thiserror::Error)]
#[error("cargo cannot read the workspace: {0}")]
pub struct WorkspaceError(String);

/// The workspace that this crate is part of.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
    packages: BTreeMap<String, String>,
}

impl Workspace {
    /// Asks cargo.
    pub async fn locate() -> Result<Self, WorkspaceError> {
        tokio::task::spawn_blocking(Self::ask).await.map_err(|error| WorkspaceError(error.to_string()))?
    }

    fn ask() -> Result<Self, WorkspaceError> {
        let mut command = MetadataCommand::new();
        command.cargo_path(program()).manifest_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).no_deps();
        let metadata = command.exec().map_err(|error| WorkspaceError(error.to_string()))?;
        let binary_of = |package: &cargo_metadata::Package| {
            let name = package.name.to_string();
            let binaries = package.targets.iter().filter(|target| target.is_bin());
            binaries.map(|target| (target.name.clone(), name.clone())).collect::<Vec<_>>()
        };
        Ok(Self {
            packages: metadata.packages.iter().flat_map(binary_of).collect(),
            root: metadata.workspace_root.into(),
            target: metadata.target_directory.into(),
        })
    }

    /// The directory of the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn template(&self) -> PathBuf {
        self.root.join("infra/template.yaml")
    }

    /// What MiniStack is installed from.
    pub fn requirements(&self) -> PathBuf {
        self.root.join("infra/local/requirements.txt")
    }

    /// Where the local AWS keeps what it needs: virtual environments, zips, logs.
    pub fn local(&self) -> PathBuf {
        self.target.join("local")
    }

    /// Where `demo` leaves the report, the plot and the page.
    pub fn demo(&self) -> PathBuf {
        self.target.join("demo")
    }

    /// Where `run` leaves the report, the plot and the page of a stack's run.
    pub fn results(&self, stack_name: &str) -> PathBuf {
        self.target.join("stack").join(stack_name)
    }

    /// Where `numbers` puts together what it measures.
    pub fn numbers(&self) -> PathBuf {
        self.target.join("numbers")
    }

    /// The package that a binary is built from.
    pub fn package_of(&self, binary: &str) -> Option<&str> {
        self.packages.get(binary).map(String::as_str)
    }
}

/// The cargo that this process was started by, or the one in `PATH`.
fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Cargo, as it would be started by hand.
pub fn cargo() -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_the_outer_cargo(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
}

/// What `cargo run` and `cargo test` tell their child about its package. Build scripts that watch such a variable
/// would run again, and with them everything that depends on their packages.
fn is_of_the_outer_cargo(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_about_this_package_stay_out_of_the_inner_build() {
        assert!(is_of_the_outer_cargo("CARGO_PKG_VERSION"));
        assert!(is_of_the_outer_cargo("CARGO_MANIFEST_DIR"));
        assert!(!is_of_the_outer_cargo("CARGO_TARGET_DIR"));
        assert!(!is_of_the_outer_cargo("CARGO_HOME"));
    }
}
