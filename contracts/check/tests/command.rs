//! `cargo contracts check` as its user types it.

#![allow(clippy::unwrap_used, reason = "a test that can't start the command should stop there")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

/// Checks a file; gives the exit code and what is said about the file.
#[track_caller]
fn check(file: &Path, name: &str, expect: (i32, &str)) {
    let output = Command::new(env!("CARGO_BIN_EXE_contracts")).arg("check").arg(file).args(["--as", name]).output();
    let output = output.unwrap();
    let said = String::from_utf8(if output.status.success() { output.stdout } else { output.stderr }).unwrap();
    let said = said.replace(&format!("{}", file.display()), "FILE");
    assert_eq!((output.status.code().unwrap(), said.trim_end()), expect);
}

#[test]
fn a_good_document_is_a_success() {
    check(&example("run-input/ok-three-cycles.json"), "run-input", (0, "FILE keeps the contract run-input"));
}

#[test]
fn everything_that_is_wrong_is_said_with_its_place() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let cycles = r#"[{ "upload": [{ "object_name": "a", "size_bytes": -1 }], "expects": {} }]"#;
    std::fs::write(&file, format!(r#"{{ "cycles": {cycles}, "deadline_seconds": "soon" }}"#)).unwrap();
    let wrong = [
        "FILE breaks the contract run-input",
        "/cycles/0/upload/0/size_bytes: value is less than the minimum of 0",
        "/cycles/0: Additional properties are not allowed ('expects' was unexpected)",
        "/deadline_seconds: value is not of type \"integer\"",
    ];
    check(file.path(), "run-input", (1, &wrong.join("\n")));
}

#[test]
fn what_a_schema_cannot_say_is_said_by_the_type() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let name = "ü".repeat(600);
    std::fs::write(&file, format!(r#"{{"cycles":[{{"upload":[{{"object_name":"{name}","size_bytes":1}}]}}]}}"#))
        .unwrap();
    let wrong = "FILE breaks the contract run-input\ncycles[0].upload[0].object_name: an object name must have 1 to 1024 bytes of \
                 UTF-8, this one has 1200 at line 1 column 1239";
    check(file.path(), "run-input", (1, wrong));
}

#[test]
fn broken_json_is_told_with_line_and_column() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "{\n  \"cycles\": [,]\n}").unwrap();
    check(
        file.path(),
        "run-input",
        (1, "FILE breaks the contract run-input\nit is not JSON: expected value at line 2 column 14"),
    );
}

#[test]
fn an_unknown_name_and_a_missing_file_are_errors() {
    let output = Command::new(env!("CARGO_BIN_EXE_contracts"))
        .arg("check")
        .arg(example("run-input/ok-three-cycles.json"))
        .args(["--as", "run"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("there is no contract \"run\"; there are s3-message, sns-envelope, "), "{said}");
    check(Path::new("nowhere.json"), "run-input", (1, "cannot read FILE: No such file or directory (os error 2)"));
}
