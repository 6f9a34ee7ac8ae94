//! The stack as its users deploy it: with the stock SAM CLI, cargo-lambda and AWS CLI, to the local AWS; and what checkov
//! finds in it.
//!
//! `cargo test --workspace` leaves this out, because it builds every function in the release profile, and installs Python
//! packages of more than a gigabyte. The command is
//! `cargo test --workspace --test sam`.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use std::{env, fs};

use serde_json::{Value, json};
use spillway_local::emulator::{Account, client};
use spillway_local::python::venv::Venv;
use spillway_stack::workspace::{self, Workspace};
use spillway_tests::{account, repository, tool, tools, within};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What an executable's header says that it runs on.
const X86_64: u16 = 62;
const ARM64: u16 = 183;

/// What Rust calls arm64.
const ARM64_TARGET: &str = "aarch64-unknown-linux-gnu";

/// Every command is one of infra/README.md, as it stands there.
#[tokio::test]
async fn built_deployed_updated_and_removed_with_stock_tools() {
    let user = User::new("updated").await;
    // What stands there is for arm64; the local AWS runs what this machine can run.
    let machine = if env::consts::ARCH == "x86_64" { X86_64 } else { ARM64 };
    if machine == X86_64 {
        user.choose_x86_64();
    }
    let [enter, build, deploy] = user.documented("cd infra").try_into().expect("three commands");
    assert_eq!([enter.as_str(), build.as_str(), deploy.as_str()], ["cd infra", "sam build", "sam deploy --guided"]);
    user.say(&build, "").await;
    assert_eq!(user.built_for("CleanerFunction"), machine);
    // Cargo builds one thing at a time, and most of what follows waits for something else.
    tokio::join!(deploys_updates_and_removes(&user, &deploy), builds_for_arm64_or_is_told_what_is_missing());
    user.account.shutdown().await;
}

async fn deploys_updates_and_removes(user: &User, deploy: &str) {
    // The default scenario on the first stack, with a second one beside it.
    let defaults = "\n".repeat(user.questions());
    user.say(deploy, &format!("{defaults}y\n")).await;
    let [doctor, _] = user.documented("cargo stack doctor").try_into().expect("two commands");
    user.cargo(&doctor).await;
    let second = user.documented("sam deploy --stack-name").concat();
    user.say(&second, "y\n").await;
    let [list, start, describe] = user.documented("sam list stack-outputs").try_into().expect("three commands");
    let outputs = user.say(&format!("{list} --output json"), "").await;
    let outputs: Vec<Value> = serde_json::from_str(&outputs).unwrap_or_else(|error| panic!("{outputs}: {error}"));
    let outputs: Value =
        outputs.iter().map(|output| (text(&output["OutputKey"]).to_owned(), output["OutputValue"].clone())).collect();
    let execution = user.ask(&start.replace(" ARN", &format!(" {}", text(&outputs["StateMachineArn"])))).await;
    let describe = describe.replace("EXECUTION_ARN", text(&execution["executionArn"]));
    let ended = async || user.ask(&describe).await["status"] != "RUNNING";
    within(Duration::from_secs(300), "the run ends", ended).await;
    let run = user.ask(&describe).await;
    let report: Value =
        serde_json::from_str(run["output"].as_str().unwrap_or_else(|| panic!("{run}"))).expect("a report");
    assert_eq!(report["observed_timeline"], json!([0, 18, 46, 18, 20, 2]));

    // The other stack has seen nothing of it.
    let other = user.outputs("other").await;
    assert_eq!(user.rows(text(&other["HistoryTableName"])).await, Vec::<Value>::new());

    // An update keeps the ledger.
    let tables = ["ObjectTableName", "HistoryTableName"].map(|table| text(&outputs[table]).to_owned());
    let before = [user.rows(&tables[0]).await, user.rows(&tables[1]).await];
    let update = user.documented("sam build && sam deploy").concat();
    user.say(&format!("{update} --parameter-overrides MaxDeletesPerRun=7 SizeThreshold=30"), "y\n").await;
    assert_eq!(user.outputs("spillway").await, outputs);
    assert_eq!([user.rows(&tables[0]).await, user.rows(&tables[1]).await], before);

    // The stack goes, and what it held stays until it is removed as it says there.
    user.say(&user.documented("sam delete").concat(), "y\ny\n").await;
    let listing = user.ask(&format!("aws s3api list-objects-v2 --bucket {}", text(&outputs["TestBucketName"]))).await;
    assert_eq!(listing["Contents"][0]["Key"], "assignment3.txt");
    assert_eq!([user.rows(&tables[0]).await, user.rows(&tables[1]).await], before);
    let [bucket, table] = user.documented("aws s3 rb").try_into().expect("two commands");
    for name in ["TestBucketName", "PlotBucketName"] {
        user.say(&bucket.replace("BUCKET", text(&outputs[name])), "").await;
    }
    for name in &tables {
        user.say(&table.replace("TABLE", name), "").await;
    }
    has_a_bucket_already(user).await;
}

/// Adopts `my-photos` by the page's commands, lets the cleaner loose, and removes the stack.
async fn has_a_bucket_already(user: &User) {
    user.say("aws s3 mb s3://my-photos", "").await;
    user.say("aws s3 cp README.md s3://my-photos/old/README.md", "").await;
    let switch = |beginning| user.documented(beginning).join("\n");
    let configuration = "aws s3api get-bucket-notification-configuration --bucket my-photos --output json";
    user.say(
        &switch("configuration=$(aws s3api get-bucket-notification-configuration --bucket my-photos --output json \\"),
        "",
    )
    .await;
    assert_eq!(user.ask(configuration).await, json!({ "EventBridgeConfiguration": {} }));

    let deploy = user.documented("sam deploy --parameter-overrides ExistingBucketName").concat();
    let refused = user.run(&deploy.replace("SizeThreshold=500000000000", "SizeThreshold=20"), "y\n").await;
    let said = String::from_utf8_lossy(&refused.stdout).into_owned() + &String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("SizeThreshold is 20 bytes"), "{said}");
    // Nothing is under way here that the audit would have to wait for.
    user.say(&format!("{deploy} AuditGraceMinutes=0"), "y\n").await;
    let outputs = user.outputs("spillway").await;
    assert_eq!(outputs["TestBucketName"], "my-photos");
    user.say("aws s3 cp README.md s3://my-photos/README.md", "").await;
    user.cargo(&user.documented("cargo stack audit").concat()).await;
    let table = text(&outputs["ObjectTableName"]);
    let adopted = |row: &Value| row["object_name"]["S"] == "old/README.md" && row["size"]["N"].is_string();
    assert!(user.rows(table).await.iter().any(adopted), "the ledger has what the bucket held before");
    let [doctor, _] = user.documented("cargo stack doctor").try_into().expect("two commands");
    user.cargo(&doctor).await;

    user.cargo(&user.documented("cargo stack plan").concat()).await;
    let decisions = switch("aws logs filter-log-events");
    within(Duration::from_secs(90), "the schedule has the cleaner decide", async || {
        user.say(&decisions, "").await.contains(r#""verdict":"BelowThreshold""#)
    })
    .await;
    assert!(user.say(&decisions, "").await.contains(r#""dry_run":true"#));
    let loose = user.documented("sam deploy --parameter-overrides DryRun");
    user.say(&loose.concat(), "y\n").await;
    let cleaner = text(&outputs["CleanerFunctionName"]);
    let cleaner = user.ask(&format!("aws lambda get-function-configuration --function-name {cleaner}")).await;
    let variables = &cleaner["Environment"]["Variables"];
    let kept = ["DRY_RUN", "TEST_BUCKET", "SIZE_THRESHOLD"].map(|name| text(&variables[name]));
    assert_eq!(kept, ["false", "my-photos", "500000000000"]);

    user.say(&user.documented("sam delete").concat(), "y\ny\n").await;
    user.say("aws s3api head-object --bucket my-photos --key README.md", "").await;
    assert_eq!(user.ask(configuration).await, json!({ "EventBridgeConfiguration": {} }));
    user.say(
        &switch(
            "configuration=$(aws s3api get-bucket-notification-configuration --bucket my-photos --output json --query",
        ),
        "",
    )
    .await;
    assert_eq!(user.say(configuration, "").await.trim(), "");
}

/// The template's default. One function shows what the linker does. It can fail only where Rust's standard library for arm64 is
/// missing, which is in none of the package registries; then it says so.
async fn builds_for_arm64_or_is_told_what_is_missing() {
    let user = User::new("for-arm64").await;
    let output = user.run("sam build CallPlotApiFunction", "").await;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        assert_eq!(user.built_for("CallPlotApiFunction"), ARM64);
    } else {
        let target = Command::new("rustc").args(["--print", "target-libdir", "--target", ARM64_TARGET]).output().await;
        let library = String::from_utf8(target.expect("rustc starts").stdout).expect("a path in UTF-8");
        assert!(!Path::new(library.trim()).exists() && err.contains(ARM64_TARGET), "{out}\n{err}");
        println!("nothing was built for arm64, because {ARM64_TARGET} can't be installed: {err}");
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

/// Somebody with the stock tools and a fresh copy of the repository, whose AWS is a local one.
struct User {
    account: Account,
    tools: Venv,
    checkout: PathBuf,
}

impl User {
    /// The copy's folder always has the same name, or cargo would build everything again.
    async fn new(copy: &str) -> Self {
        let workspace = Workspace::locate().await.expect("cargo knows the workspace");
        let checkout = workspace.local().join("sam").join(copy);
        if checkout.exists() {
            fs::remove_dir_all(&checkout).expect("an old copy can be removed");
        }
        fs::create_dir_all(&checkout).expect("a folder for the copy");
        for entry in fs::read_dir(repository()).expect("the repository").map(|entry| entry.expect("an entry").path()) {
            if !entry.ends_with("target") && !entry.ends_with(".git") {
                // With its times, for the same reason.
                let copied = Command::new("cp").arg("-pR").arg(&entry).arg(&checkout).status().await;
                assert!(copied.expect("cp starts").success(), "{} can't be copied", entry.display());
            }
        }
        Self { account: account().await, tools: tools("sam").await, checkout }
    }

    fn infra(&self) -> PathBuf {
        self.checkout.join("infra")
    }

    fn page(&self) -> String {
        fs::read_to_string(self.infra().join("README.md")).expect("the page")
    }

    /// The commands of the page's block that begins like this, without their comments.
    fn documented(&self, beginning: &str) -> Vec<String> {
        let page = self.page();
        let lines: Vec<_> = page.lines().collect();
        let is_first = |line: &&str| line.strip_prefix("    ").is_some_and(|line| line.starts_with(beginning));
        let first = lines.iter().position(is_first);
        let first = first.unwrap_or_else(|| panic!("infra/README.md has no block that begins with {beginning}"));
        let block = lines[first..].iter().map_while(|line| line.strip_prefix("    "));
        block.map(|line| line.split("  #").next().unwrap_or(line).trim_end().to_owned()).collect()
    }

    /// Changes the template as the page says.
    fn choose_x86_64(&self) {
        let (arm64, x86_64) = ("Architectures: [arm64]", "Architectures: [x86_64]");
        assert!(self.page().contains(&format!("`{arm64}`")) && self.page().contains(&format!("`{x86_64}`")));
        let template = self.infra().join("template.yaml");
        let text = fs::read_to_string(&template).expect("the template");
        assert_eq!(text.matches(arm64).count(), 1);
        fs::write(template, text.replace(arm64, x86_64)).expect("the template can be written");
    }

    /// What the binary of a function runs on, says its header.
    fn built_for(&self, function: &str) -> u16 {
        let binary = fs::read(self.infra().join(".aws-sam/build").join(function).join("bootstrap"));
        let binary = binary.expect("the function is built");
        u16::from_le_bytes([binary[18], binary[19]])
    }

    /// How many questions `sam deploy --guided` has: stack and region, the parameters, six more.
    fn questions(&self) -> usize {
        let template = fs::read_to_string(self.infra().join("template.yaml")).expect("the template");
        let section = template.split_once("\nParameters:\n").and_then(|(_, rest)| rest.split_once("\nRules:"));
        let (parameters, _) = section.expect("parameters before rules");
        let is_name = |line: &&str| line.strip_prefix("  ").is_some_and(|line| line.starts_with(char::is_alphabetic));
        2 + parameters.lines().filter(is_name).count() + 6
    }

    async fn outputs(&self, stack: &str) -> Value {
        let stacks = self.ask(&format!("aws cloudformation describe-stacks --stack-name {stack}")).await;
        let outputs = stacks["Stacks"][0]["Outputs"].as_array().expect("outputs").iter();
        outputs.map(|output| (text(&output["OutputKey"]).to_owned(), output["OutputValue"].clone())).collect()
    }

    /// A table's rows, in the order of their keys, without the one in which the cleaner may write at any time.
    async fn rows(&self, table: &str) -> Vec<Value> {
        let scan = self.ask(&format!("aws dynamodb scan --consistent-read --table-name {table}")).await;
        let mut rows = scan["Items"].as_array().expect("items").clone();
        rows.retain(|row| row["object_name"]["S"] != "__CLEANER__");
        rows.sort_by_key(Value::to_string);
        rows
    }

    async fn ask(&self, command: &str) -> Value {
        let output = self.say(command, "").await;
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{command} printed {output}: {error}"))
    }

    /// What a command prints, which must end well.
    async fn say(&self, command: &str, answers: &str) -> String {
        let output = self.run(command, answers).await;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command}:\n{out}\n{err}");
        out.into_owned()
    }

    /// Runs a command of cargo's, which must end well; in the repository, where it is built already.
    async fn cargo(&self, command: &str) {
        let mut cargo = workspace::cargo();
        self.at_home(&mut cargo).current_dir(repository());
        cargo.args(command.split_whitespace().skip(1)).kill_on_drop(true);
        let output = cargo.output().await.expect("cargo starts");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command}:\n{out}\n{err}");
    }

    /// Has a command take the local AWS for AWS.
    fn at_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("AWS_ENDPOINT_URL", self.account.endpoint()).env("AWS_DEFAULT_REGION", client::REGION);
        command.env("AWS_REGION", client::REGION);
        command.env("AWS_ACCESS_KEY_ID", client::ACCESS_KEY_ID).env("AWS_SECRET_ACCESS_KEY", client::SECRET_ACCESS_KEY)
    }

    /// What comes of a command in a shell in `infra/`; it is answered these lines.
    async fn run(&self, command: &str, answers: &str) -> Output {
        let bin = self.tools.program("sam").parent().map(Path::to_owned).expect("a program is in a folder");
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(std::iter::once(bin).chain(env::split_paths(&path)));
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(self.infra()).env("PATH", path.expect("a search path"));
        self.at_home(&mut shell);
        // What is built once needs not be built again for the next copy.
        shell.env("CARGO_TARGET_DIR", repository().join("target"));
        // Neither optimising nor unwinding is tested here, and both take time.
        shell.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0").env("CARGO_PROFILE_RELEASE_LTO", "off");
        shell.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16").env("CARGO_PROFILE_RELEASE_PANIC", "abort");
        shell.env("SAM_CLI_TELEMETRY", "0").env("AWS_PAGER", "").kill_on_drop(true);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = shell.spawn().expect("sh starts");
        let mut stdin = running.stdin.take().expect("standard input is a pipe");
        // What asks nothing may have ended by then.
        let _ = stdin.write_all(answers.as_bytes()).await;
        drop(stdin);
        running.wait_with_output().await.expect("sh ends")
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} should be text"))
}
