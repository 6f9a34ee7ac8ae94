//! Where cargo looks for no tests (`test = false`, which saves a build) there are none.

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;

/// What a test in Rust begins with, or the module that it is in.
const MARKS: [&str; 4] = ["#[test]", "#[tokio::test", "#[cfg(test)]", "proptest!"];

#[test]
fn no_test_is_left_out() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    for package in &metadata.packages {
        let libraries: Vec<_> = package.targets.iter().filter(|it| it.test && it.is_lib()).collect();
        for target in package.targets.iter().filter(|it| !it.test && (it.is_lib() || it.is_bin())) {
            let source = target.src_path.as_std_path();
            let folder = source.parent().expect("a source is in a folder");
            let is_beside_a_library =
                libraries.iter().any(|it| source.starts_with(it.src_path.parent().expect("a folder")));
            let sources = if is_beside_a_library { vec![source.to_owned()] } else { sources(folder) };
            for file in sources {
                let text = fs::read_to_string(&file).expect("a source can be read");
                assert!(!MARKS.iter().any(|mark| text.contains(mark)), "cargo finds no test in {}", file.display());
                let has_modules = text.lines().any(|line| line.starts_with("mod "));
                assert!(!is_beside_a_library || !has_modules, "nobody looks into the modules of {}", file.display());
            }
        }
    }
}

/// The sources in a folder and below it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder can be read").map(|entry| entry.expect("an entry").path());
    let found = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    found.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
