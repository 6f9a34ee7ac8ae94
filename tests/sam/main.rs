//! The stack as its users deploy it: with the stock SAM CLI, cargo-lambda and AWS CLI, to the local AWS; and what checkov
//! finds in it.
//!
//! `cargo test --workspace` leaves this out, because it builds every function in the release profile, and installs Python
//! packages of more than a gigabyte. The command is
//! `cargo test --workspace --test sam`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use spillway_local::emulator::{Account, client};
use spillway_local::local_aws::SHORT_PERIOD;
use spillway_local::progress::Reporter;
use spillway_local::python::venv::Venv;
use spillway_local::workspace::Workspace;
use spillway_tests::{repository, tool, tools, within};
use tokio::process::Command;

/// What the functions are built for.
const PARAMETERS: [&str; 1] = ["Architecture=x86_64"];

#[tokio::test]
async fn built_deployed_updated_and_removed_with_stock_tools() {
    let user = User::new().await;
    user.sam("build", &["--parameter-overrides", "Architecture=x86_64"]).await;

    // The default scenario on the first stack, with a second one beside it.
    user.deploy("spillway", &[]).await;
    user.deploy("other", &["SizeTrackingFunctionName=other-size-tracking"]).await;
    let outputs = user.outputs("spillway").await;
    let execution =
        user.aws(&["stepfunctions", "start-execution", "--state-machine-arn", text(&outputs["StateMachineArn"])]).await;
    let arn = text(&execution["executionArn"]).to_owned();
    let describe = async || user.aws(&["stepfunctions", "describe-execution", "--execution-arn", &arn]).await;
    within(Duration::from_secs(300), "the run ends", async || describe().await["status"] != "RUNNING").await;
    let run = describe().await;
    let report: Value =
        serde_json::from_str(run["output"].as_str().unwrap_or_else(|| panic!("{run}"))).expect("a report");
    assert_eq!(report["observed_timeline"], json!([0, 18, 46, 18, 20, 2]));
    let history = user.aws(&["stepfunctions", "get-execution-history", "--execution-arn", &arn]).await;
    let last = history["events"].as_array().and_then(|events| events.last()).expect("events");
    assert_eq!(last["type"], "ExecutionSucceeded");

    // The other stack has seen nothing of it.
    let other = user.outputs("other").await;
    assert_eq!(user.rows(text(&other["HistoryTableName"])).await, Vec::<Value>::new());

    // An update keeps the ledger.
    let tables = ["ObjectTableName", "HistoryTableName"].map(|table| text(&outputs[table]).to_owned());
    let before = [user.rows(&tables[0]).await, user.rows(&tables[1]).await];
    user.deploy("spillway", &["MaxDeletesPerRun=7", "SizeThreshold=30"]).await;
    assert_eq!(user.outputs("spillway").await, outputs);
    assert_eq!([user.rows(&tables[0]).await, user.rows(&tables[1]).await], before);

    // The stack goes, and what it held stays until it is removed as infra/README.md says.
    user.sam("delete", &["--stack-name", "spillway", "--no-prompts", "--region", client::REGION]).await;
    let listing = user.aws(&["s3api", "list-objects-v2", "--bucket", text(&outputs["TestBucketName"])]).await;
    assert_eq!(listing["Contents"][0]["Key"], "assignment3.txt");
    assert_eq!([user.rows(&tables[0]).await, user.rows(&tables[1]).await], before);
    for bucket in ["TestBucketName", "PlotBucketName"] {
        user.run("aws", &["s3", "rb", "--force", &format!("s3://{}", text(&outputs[bucket]))]).await;
    }
    for table in &tables {
        user.aws(&["dynamodb", "delete-table", "--table-name", table]).await;
    }
    user.account.shutdown().await;
}

#[tokio::test]
async fn checkov_finds_nothing() {
    let mut checkov = tool("checkov", "checkov").await;
    checkov.args(["--file", "infra/template.yaml", "--config-file", "infra/checkov.yaml"]).current_dir(repository());
    let output = checkov.output().await.expect("checkov starts");
    let findings = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{findings}");
    // It also ends well when it could not read the template.
    assert!(findings.contains("Failed checks: 0, Skipped checks: 0\n"), "{findings}");
    assert!(!findings.contains("Passed checks: 0,"), "{findings}");
}

/// Somebody with the stock tools, whose AWS is a local one.
struct User {
    account: Account,
    tools: Venv,
    template: PathBuf,
}

impl User {
    async fn new() -> Self {
        let workspace = Workspace::locate().await.expect("cargo knows the workspace");
        let silent = Reporter::silent();
        let venv = Venv::with(&workspace.requirements(), &workspace.local(), &silent).await;
        let account =
            Account::start(&workspace, &venv.expect("MiniStack can be installed"), None, SHORT_PERIOD, &silent).await;
        let account = account.unwrap_or_else(|error| panic!("{error}"));
        Self { account, tools: tools("sam").await, template: workspace.local().join("sam/template.yaml") }
    }

    async fn deploy(&self, stack: &str, parameters: &[&str]) {
        let template = self.template.to_str().expect("a path in UTF-8");
        let mut arguments = vec!["--stack-name", stack, "--template-file", template];
        arguments.extend(["--no-confirm-changeset", "--no-progressbar", "--region", client::REGION]);
        arguments.push("--parameter-overrides");
        arguments.extend(PARAMETERS);
        arguments.extend(parameters);
        self.sam("deploy", &arguments).await;
    }

    /// `sam` in `infra/`, where its defaults are.
    async fn sam(&self, command: &str, arguments: &[&str]) {
        let directory = self.template.parent().and_then(Path::to_str).expect("a path in UTF-8");
        let config = repository().join("infra/samconfig.toml");
        let mut all = vec![command, "--config-file", config.to_str().expect("a path in UTF-8")];
        if command == "build" {
            all.extend(["--build-dir", directory]);
        }
        all.extend(arguments);
        self.run("sam", &all).await;
    }

    async fn outputs(&self, stack: &str) -> Value {
        let stacks = self.aws(&["cloudformation", "describe-stacks", "--stack-name", stack]).await;
        let outputs = stacks["Stacks"][0]["Outputs"].as_array().expect("outputs").iter();
        outputs.map(|output| (text(&output["OutputKey"]).to_owned(), output["OutputValue"].clone())).collect()
    }

    /// A table's rows, in the order of their keys, without the one in which the cleaner may write at any time.
    async fn rows(&self, table: &str) -> Vec<Value> {
        let scan = self.aws(&["dynamodb", "scan", "--consistent-read", "--table-name", table]).await;
        let mut rows = scan["Items"].as_array().expect("items").clone();
        rows.retain(|row| row["object_name"]["S"] != "__CLEANER__");
        rows.sort_by_key(Value::to_string);
        rows
    }

    async fn aws(&self, arguments: &[&str]) -> Value {
        let output = self.run("aws", arguments).await;
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{arguments:?} printed {output}: {error}"))
    }

    /// What a command prints, which must end well.
    async fn run(&self, program: &str, arguments: &[&str]) -> String {
        let tool = self.tools.program(program);
        let bin = tool.parent().expect("a program is in a folder");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(bin.to_owned()).chain(std::env::split_paths(&path)));
        let mut command = Command::new(&tool);
        command.args(arguments).current_dir(repository().join("infra")).env("PATH", path.expect("a search path"));
        command.env("AWS_ENDPOINT_URL", self.account.endpoint()).env("AWS_DEFAULT_REGION", client::REGION);
        command.env("AWS_ACCESS_KEY_ID", client::ACCESS_KEY_ID).env("AWS_SECRET_ACCESS_KEY", client::SECRET_ACCESS_KEY);
        // Optimising is not what is tested, and takes most of a release build's time.
        command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0").env("CARGO_PROFILE_RELEASE_LTO", "off");
        command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        command.env("SAM_CLI_TELEMETRY", "0").env("AWS_PAGER", "").kill_on_drop(true);
        let output = command.output().await.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{program} {arguments:?}:\n{out}\n{err}");
        out.into_owned()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} should be text"))
}
