//! A copy of everything that passes between Lambda and the functions of a live stack.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use spillway_local::deploy::binaries::{self, Profile};
use spillway_stack::progress::Reporter;
use spillway_stack::workspace::Workspace;

use crate::Stack;

/// What passed: an event, or what a function answered to one.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The function's binary, such as `size-tracking`.
    pub function: String,
    /// `event`, `response` or `error`.
    pub kind: String,
    pub document: Value,
}

impl Stack {
    /// Has `tap`, which `tests/tap` builds, copy from now on to `directory` what passes at every function.
    pub async fn tap(&self, tap: &Path, directory: &Path) {
        let names = self.functions().await;
        let workspace = Workspace::locate().await.expect("cargo knows the workspace");
        let wanted = names.values().cloned().collect();
        let binaries = binaries::build(&workspace, &wanted, Profile::Dev, &Reporter::silent()).await;
        let binaries = binaries.expect("the functions build");
        for (name, binary) in names {
            let settings = json!({ "program": binaries[&binary], "directory": directory.join(&binary) });
            let tap = fs::read(tap).expect("the tap is built");
            let files = [("bootstrap".to_owned(), tap), ("tap.json".to_owned(), settings.to_string().into_bytes())];
            self.replace(&name, files).await;
        }
    }
}

/// What was copied to `directory`.
pub fn copies(directory: &Path) -> Vec<Copy> {
    let mut copies = Vec::new();
    for path in files(directory).iter().flat_map(|function| files(function)).flat_map(|name| files(&name)) {
        let mut parts = path.strip_prefix(directory).expect("a copy is below").components();
        let function = parts.next().expect("a folder").as_os_str().to_string_lossy().into_owned();
        let kind = path.file_stem().map(Path::new).and_then(Path::extension).expect("a kind");
        let text = fs::read(&path).expect("a copy can be read");
        let document = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        copies.push(Copy { function, kind: kind.to_string_lossy().into_owned(), document });
    }
    copies
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory can be read");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}
