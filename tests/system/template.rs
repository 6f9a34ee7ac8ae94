//! The template passes its linter. (What checkov says of it is asked beside the stock tools, in tests/sam.)

use spillway_tests::{repository, tool};

#[tokio::test]
async fn cfn_lint_finds_nothing() {
    let output = tool("lint", "cfn-lint").await.current_dir(repository()).arg("infra/template.yaml").output().await;
    let output = output.expect("cfn-lint starts");
    let findings = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{findings}");
}
