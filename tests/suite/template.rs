//! The template passes its linter.

use spillway_tests::{repository, tool};

#[tokio::test]
async fn cfn_lint_finds_nothing() {
    let template = repository().join("infra/template.yaml");
    let output = tool("cfn-lint").await.arg(&template).output().await.expect("cfn-lint starts");
    let findings = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{findings}");
}
