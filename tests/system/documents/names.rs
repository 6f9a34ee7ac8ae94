//! Files, tests and variables that the documents name are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cargo_metadata::MetadataCommand;
use regex::Regex;
use spillway_tests::repository;

use super::{Document, documents, files};

/// What the code has: the names of its functions, and everything that it is made of.
struct Code {
    functions: BTreeSet<String>,
    text: String,
}

impl Code {
    /// All of it except this folder, which would find what it looks for in itself.
    fn read() -> Self {
        let paths = files(&["rs", "py", "yaml", "json", "toml"]);
        let paths = paths.iter().filter(|path| !path.starts_with("tests/system/documents"));
        let texts = paths.map(|path| fs::read_to_string(repository().join(path)).expect("a file can be read"));
        let text: String = texts.collect::<Vec<_>>().join("\n");
        let name = pattern(r"fn ([a-z0-9_]+)");
        Self { functions: name.captures_iter(&text).map(|found| found[1].to_owned()).collect(), text }
    }
}

fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern")
}

/// What these documents name and the repository doesn't have.
fn missing(documents: &[Document], code: &Code) -> Vec<String> {
    let is_path = pattern(r"^(contracts|functions|infra|statemachine|tests|\.ci|\.github|\.cargo)/[\w./-]+$");
    let begins_with_path = pattern(r"^(\.?[a-z][\w-]*/[\w./-]*|\w+\.(?:toml|yaml|json))\s{2,}");
    let is_test = pattern(r"^[a-z0-9]+(_[a-z0-9]+){3,}$");
    let variable = pattern(r"\b(SPILLWAY|UPDATE)_[A-Z_]+");
    let mut missing = Vec::new();
    for document in documents {
        let folder = document.path.parent().unwrap_or(Path::new(""));
        let exists = |path: &str| repository().join(path).exists() || repository().join(folder).join(path).exists();
        let mut note = |what: &str, kind: &str| missing.push(document.at(&format!("there is no {kind} {what}")));
        for span in &document.spans {
            if is_path.is_match(span) && !exists(span) {
                note(span, "file");
            }
            if is_test.is_match(span) && !code.functions.contains(span) && !code.text.contains(&format!("\"{span}\"")) {
                note(span, "test");
            }
        }
        for line in &document.lines {
            if let Some(path) = begins_with_path.captures(line).filter(|path| !exists(&path[1])) {
                note(&path[1], "file");
            }
        }
        for text in document.spans.iter().chain(&document.lines).chain(&document.comments) {
            for found in
                variable.find_iter(text).filter(|found| !code.text.contains(&format!("\"{}\"", found.as_str())))
            {
                note(found.as_str(), "variable");
            }
        }
    }
    missing
}

#[test]
fn what_the_documents_name_is_there() {
    assert_eq!(missing(&documents(), &Code::read()), [""; 0]);
}

#[test]
fn the_entry_page_of_the_documentation_leads_to_every_library() {
    let metadata = MetadataCommand::new().no_deps().other_options(["--locked".to_owned()]).exec().expect("metadata");
    let libraries = metadata.packages.iter().flat_map(|package| &package.targets).filter(|target| target.is_lib());
    let names: BTreeSet<_> = libraries.map(|target| target.name.as_str()).collect();
    let entry = fs::read_to_string(repository().join("infra/local/src/lib.rs")).expect("a file can be read");
    let link = pattern(r"\]\(\.\./(\w+)/index\.html\)");
    let linked: BTreeSet<_> =
        link.captures_iter(&entry).filter_map(|found| found.get(1)).map(|name| name.as_str()).collect();
    // The page's own crate, and those that only tests and the build need.
    let others = BTreeSet::from(["spillway_local", "spillway_tests", "workspace_hack"]);
    assert_eq!(linked, names.difference(&others).copied().collect());
}

#[test]
fn a_name_of_nothing_is_told() {
    let text = "`tests/system` `tests/nothing.rs` `what_the_documents_name_is_gone` `SPILLWAY_NOTHING=1`\n\n    \
                nowhere/  files\n    system/  tests\n";
    let document = Document::parse(Path::new("tests/README.md"), text);
    let expected = [
        "there is no file tests/nothing.rs",
        "there is no test what_the_documents_name_is_gone",
        "there is no file nowhere/",
        "there is no variable SPILLWAY_NOTHING",
    ];
    assert_eq!(missing(&[document], &Code::read()), expected.map(|what| format!("tests/README.md: {what}")));
}
