//! The parts of documents that are made of what they describe.

use std::fs;

use crate::repository;

/// Checks that `document` has `text` between the comments that mark this part; with `UPDATE_README`, puts it there.
#[track_caller]
pub fn check(document: &str, part: &str, text: &str) {
    let begin = format!("<!-- Made by UPDATE_README=1 cargo test --workspace --test system {part} -->");
    let end = format!("<!-- The end of the {}. -->", part.replace('_', " "));
    if std::env::var_os("UPDATE_README").is_some() {
        update(document, &begin, &end, text);
    } else {
        let (before, after) = with(document, &begin, &end, text);
        assert!(before == after, "the {part} in {document} should be:\n{text}");
    }
}

/// Puts `text` into `document`, between the comments `begin` and `end`.
#[track_caller]
pub fn update(document: &str, begin: &str, end: &str, text: &str) {
    let (_, after) = with(document, begin, end, text);
    fs::write(repository().join(document), after).unwrap_or_else(|error| panic!("{document}: {error}"));
}

/// `document` as it is, and as it is with `text`.
#[track_caller]
fn with(document: &str, begin: &str, end: &str, text: &str) -> (String, String) {
    let current = fs::read_to_string(repository().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"));
    let (before, rest) = current.split_once(begin).unwrap_or_else(|| panic!("{document} lacks {begin}"));
    let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("{document} lacks {end}"));
    let updated = format!("{before}{begin}\n\n{text}\n{end}{after}");
    (current, updated)
}
