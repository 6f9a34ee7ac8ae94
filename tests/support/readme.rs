//! The parts of the README that are made of what they describe.

use std::fs;

use crate::repository;

/// Checks that the README has `text` between the comments that mark this part; with `UPDATE_README`, puts it there.
#[track_caller]
pub fn check(part: &str, text: &str) {
    let path = repository().join("README.md");
    let readme = fs::read_to_string(&path).expect("there is a README");
    let begin = format!("<!-- Made by UPDATE_README=1 cargo test --workspace --test suite {part} -->\n");
    let end = format!("<!-- The end of the {part}. -->");
    let (before, rest) = readme.split_once(&begin).expect("the README marks where the part begins");
    let (_, after) = rest.split_once(&end).expect("the README marks where the part ends");
    let current = format!("{before}{begin}\n{text}\n{end}{after}");
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, &current).expect("the README can be written");
    } else {
        assert!(readme == current, "the {part} in the README should be:\n{text}");
    }
}
