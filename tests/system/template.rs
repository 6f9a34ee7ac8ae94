//! The template passes its linters.

use spillway_tests::{repository, tool};

#[tokio::test]
async fn cfn_lint_finds_nothing() {
    passes("lint", "cfn-lint", &["infra/template.yaml"]).await;
}

#[tokio::test]
async fn checkov_finds_nothing() {
    let arguments = ["--file", "infra/template.yaml", "--config-file", "infra/checkov.yaml"];
    let findings = passes("checkov", "checkov", &arguments).await;
    // It also ends well when it could not read the template.
    assert!(findings.contains("Failed checks: 0, Skipped checks: 0\n"), "{findings}");
    assert!(!findings.contains("Passed checks: 0,"), "{findings}");
}

/// What a program prints that ends well.
async fn passes(set: &str, program: &str, arguments: &[&str]) -> String {
    let output = tool(set, program).await.current_dir(repository()).args(arguments).output().await;
    let output = output.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    let findings = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{findings}");
    findings
}
