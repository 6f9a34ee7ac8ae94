//! Links within the repository lead to a file, and to a heading of it.

use std::path::{Component, Path, PathBuf};

use spillway_tests::repository;

use super::{Document, documents};

/// What is wrong with the links of these documents.
fn broken(documents: &[Document]) -> Vec<String> {
    let mut broken = Vec::new();
    for document in documents {
        for link in document.links.iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { document.path.clone() } else { beside(&document.path, file) };
            let anchors = documents.iter().find(|other| other.path == target).map(|other| &other.anchors);
            if !repository().join(&target).exists() {
                broken.push(document.at(&format!("{link} leads to no file")));
            } else if !anchor.is_empty() && !anchors.is_some_and(|anchors| anchors.iter().any(|other| other == anchor))
            {
                broken.push(document.at(&format!("{link} leads to no heading")));
            }
        }
    }
    broken
}

/// The path of `file` in the repository, if `document` names it.
fn beside(document: &Path, file: &str) -> PathBuf {
    let mut path = document.parent().unwrap_or(Path::new("")).to_owned();
    for component in Path::new(file).components() {
        if component == Component::ParentDir {
            path.pop();
        } else {
            path.push(component);
        }
    }
    path
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    assert!(documents.iter().map(|document| document.links.len()).sum::<usize>() > 100, "hardly any link was seen");
    assert_eq!(broken(&documents), [""; 0]);
}

#[test]
fn a_link_that_leads_nowhere_is_told() {
    let text = "# One & two\n[a](#one--two) [b](#three) [c](../README.md) [d](nothing.md) [e](https://example.com)";
    let document = Document::parse(Path::new("infra/README.md"), text);
    let expected = ["infra/README.md: #three leads to no heading", "infra/README.md: nothing.md leads to no file"];
    assert_eq!(broken(&[document]), expected);
}
