//! The parts of the README that are made of what they describe.

use std::fs;

use crate::repository;

/// Checks that the README has `text` between the comments that mark this part; with `UPDATE_README`, puts it there.
#[track_caller]
pub fn check(part: &str, text: &str) {
    let begin = format!("<!-- Made by UPDATE_README=1 cargo test --workspace --test system {part} -->");
    let end = format!("<!-- The end of the {part}. -->");
    if std::env::var_os("UPDATE_README").is_some() {
        update(&begin, &end, text);
    } else {
        let (readme, current) = with(&begin, &end, text);
        assert!(readme == current, "the {part} in the README should be:\n{text}");
    }
}

/// Puts `text` into the README, between the comments `begin` and `end`.
#[track_caller]
pub fn update(begin: &str, end: &str, text: &str) {
    let (_, current) = with(begin, end, text);
    fs::write(repository().join("README.md"), current).expect("the README can be written");
}

/// The README as it is, and as it is with `text`.
#[track_caller]
fn with(begin: &str, end: &str, text: &str) -> (String, String) {
    let readme = fs::read_to_string(repository().join("README.md")).expect("there is a README");
    let (before, rest) = readme.split_once(begin).expect("the README marks where the part begins");
    let (_, after) = rest.split_once(end).expect("the README marks where the part ends");
    let current = format!("{before}{begin}\n\n{text}\n{end}{after}");
    (readme, current)
}
