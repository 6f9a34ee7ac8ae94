//! Where the workspace's files are, and where cargo puts what it builds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;

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
        command.cargo_path(cargo()).manifest_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).no_deps();
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

    /// Where `demo` leaves the report and the plot.
    pub fn demo(&self) -> PathBuf {
        self.target.join("demo")
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
pub fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
