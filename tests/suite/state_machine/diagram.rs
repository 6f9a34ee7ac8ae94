//! The README draws the state machine as it is.

use std::fs;

use spillway_tests::diagram::mermaid;
use spillway_tests::machine::Machine;
use spillway_tests::repository;

#[test]
fn the_diagram_in_the_readme_is_current() {
    let path = repository().join("README.md");
    let readme = fs::read_to_string(&path).expect("there is a README");
    let (before, rest) = readme.split_once("--test suite diagram -->\n").expect("the README marks the diagram's begin");
    let (_, after) = rest.split_once("<!-- The end of the diagram. -->").expect("the README marks the diagram's end");
    let diagram = mermaid(&Machine::read());
    let current = format!(
        "{before}--test suite diagram -->\n\n```mermaid\n{diagram}```\n\n<!-- The end of the diagram. -->{after}"
    );
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, &current).expect("the README can be written");
    }
    assert!(readme == current || std::env::var_os("UPDATE_README").is_some(), "the diagram should be:\n{diagram}");
}
