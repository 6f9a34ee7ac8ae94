//! The state machines' cases on a second interpreter: JSONata's reference implementation (npm `jsonata`, of the version that AWS
//! documents) within a small interpreter of the states (`interpreter.mjs`); and what asl-validator and the language service of
//! AWS's toolkits find in the definitions.
//!
//! `cargo test --workspace` leaves this out, because it installs Node and 54 packages for it, of about 250 MB together. The
//! command is `cargo test --workspace --test jsonata`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde::Deserialize;
use serde_json::{Value, json};
use spillway_stack::workspace::Workspace;
use spillway_tests::case::{Case, Seen, cases, responses};
use spillway_tests::clock::Clock;
use spillway_tests::machine::Machine;
use spillway_tests::{repository, tools};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::OnceCell;

/// How the second interpreter lets an execution go.
#[derive(Deserialize)]
struct Outcome {
    ending: Value,
    held_by: Option<String>,
    trace: Vec<String>,
    requests: Vec<(String, Value)>,
    /// In milliseconds since the epoch, as the next one.
    start: i64,
    stop: i64,
}

#[tokio::test]
async fn every_case_goes_as_it_is_written() {
    let mut different = Vec::new();
    for machine in Machine::all() {
        let outcomes = interpret(&machine).await;
        for (name, case) in cases(&machine) {
            different.extend(outcomes[&name].compare(&name, &case).err());
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The comparison sees what it should.
#[tokio::test]
async fn an_expression_that_is_wrong_is_told() {
    let mut machine = Machine::driver();
    let condition = &mut machine.definition["States"]["IsBucketReady"]["Choices"][0]["Condition"];
    *condition = json!("{% $states.input.don %}");
    let name = "the_default_scenario_succeeds";
    let outcome = &interpret(&machine).await[name];
    assert!(outcome.compare(name, &cases(&machine)[name]).is_err());
    assert_eq!(outcome.ending["error"], "States.QueryEvaluationError");
}

#[tokio::test]
async fn the_validators_of_aws_find_nothing() {
    for machine in Machine::all() {
        assert_eq!(node("validate.mjs", &machine.definition).await, "", "{}", machine.name);
    }
}

#[tokio::test]
async fn a_definition_that_is_wrong_is_told() {
    let mut definition = Machine::driver().definition;
    definition["States"]["IsBucketReady"]["Default"] = json!("NoSuchState");
    let findings = node("validate.mjs", &definition).await;
    for validator in ["asl-validator: ", "language service: "] {
        assert!(findings.contains(validator), "{validator}finds nothing: {findings}");
    }
}

impl Outcome {
    fn compare(&self, name: &str, case: &Case) -> Result<(), String> {
        let clock = Clock { start: self.start.div_euclid(1000), stop: self.stop.div_euclid(1000) };
        let Self { ending, held_by, requests, trace, .. } = self;
        let seen = Seen { ending, held_by: held_by.as_deref(), requests, trace: trace.clone(), clock: &clock };
        case.compare(seen).map_err(|difference| format!("{name}: {difference}"))
    }
}

/// Every case, by name, on this machine.
async fn interpret(machine: &Machine) -> BTreeMap<String, Outcome> {
    let responses = responses(machine);
    let mut input = BTreeMap::new();
    for (name, case) in cases(machine) {
        let answers = |names: &Vec<String>| names.iter().map(|name| responses[name].clone()).collect::<Vec<_>>();
        let mocks: BTreeMap<_, _> = case.mocks.iter().map(|(state, names)| (state, answers(names))).collect();
        let lock = case.lock.as_ref().map(|lock| json!({ "held_by": lock.held_by, "expires_at": lock.expires_at }));
        let it = json!({
            "definition": machine.deployed(&name),
            "input": case.input,
            "mocks": mocks,
            "holder": machine.holder(),
            "lock": lock,
            "objects": case.objects,
        });
        input.insert(name, it);
    }
    let output = node("interpreter.mjs", &json!(input)).await;
    serde_json::from_str(&output).unwrap_or_else(|error| panic!("{output}: {error}"))
}

/// What a program of this folder prints when it reads `input`.
async fn node(program: &str, input: &Value) -> String {
    let venv = tools("node").await;
    let mut node = venv.command("node");
    node.arg(repository().join("tests/jsonata").join(program)).arg(packages().await).stdin(Stdio::piped());
    let mut node = node.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("node starts");
    let mut stdin = node.stdin.take().expect("standard input is a pipe");
    stdin.write_all(input.to_string().as_bytes()).await.expect("node reads its input");
    drop(stdin);
    let output = node.wait_with_output().await.expect("node ends");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("output in UTF-8")
}

/// The folder with the packages of `package-lock.json`, which are installed on first use.
async fn packages() -> PathBuf {
    static PACKAGES: OnceCell<PathBuf> = OnceCell::const_new();
    PACKAGES.get_or_init(install).await.clone()
}

async fn install() -> PathBuf {
    let folder = Workspace::locate().await.expect("cargo knows the workspace").local().join("jsonata");
    let installed = folder.join("installed.json");
    let lock = fs::read_to_string(repository().join("tests/jsonata/package-lock.json")).expect("the locked packages");
    if fs::read_to_string(&installed).is_ok_and(|text| text == lock) {
        return folder;
    }
    fs::create_dir_all(&folder).expect("a folder for packages");
    for file in ["package.json", "package-lock.json"] {
        fs::copy(repository().join("tests/jsonata").join(file), folder.join(file)).expect("a file can be copied");
    }
    let mut npm: Command = tools("node").await.command("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
    let output = npm.output().await.expect("npm starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let advice = "If npm's registry can't be reached, set one that can: NPM_CONFIG_REGISTRY";
    assert!(
        output.status.success(),
        "npm can't install the packages of tests/jsonata/package-lock.json. {advice}\n{said}"
    );
    // Written last: without it the installation was interrupted.
    fs::write(installed, lock).expect("a file can be written");
    folder
}
