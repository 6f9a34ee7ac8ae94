//! The commands as their user types them.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use spillway_stack::workspace::{self, Workspace};
use spillway_tests::{live, repository, tool};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A cargo command of the repository; its progress goes to a pipe.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = workspace::cargo();
    command
        .args(arguments)
        .current_dir(repository())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

async fn run(arguments: &[&str]) -> (Output, String) {
    let output = cargo(arguments).output().await.expect("cargo starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output, text)
}

async fn signal(child: &Child, signal: &str) {
    let pid = child.id().expect("the command still runs").to_string();
    let status = Command::new("kill").args([&format!("-{signal}"), &pid]).status().await;
    assert!(status.expect("kill starts").success());
}

/// Reads lines until one has what is looked for, and gives it.
async fn line_with(lines: &mut tokio::io::Lines<impl tokio::io::AsyncBufRead + Unpin>, words: &str) -> String {
    let found = async {
        while let Some(line) = lines.next_line().await.expect("a line") {
            if line.contains(words) {
                return line;
            }
        }
        panic!("no line has {words:?}");
    };
    tokio::time::timeout(Duration::from_secs(900), found)
        .await
        .unwrap_or_else(|_| panic!("no line has {words:?} in time"))
}

/// Whether anything still listens on the port of `endpoint`.
fn is_gone(endpoint: &str) -> bool {
    let address = endpoint.rsplit("http://").next().expect("an address").trim_end_matches('/');
    std::net::TcpStream::connect(address).is_err()
}

#[tokio::test]
async fn demo_leaves_a_report_a_plot_and_a_page() {
    let _live = live().await;
    let (output, text) = run(&["demo"]).await;
    assert!(output.status.success(), "{text}");
    let folder = Workspace::locate().await.expect("cargo knows the workspace").demo();
    let file = |name: &str| folder.join(name);
    let report: Value = serde_json::from_slice(&read(&file("report.json"))).expect("the report is JSON");
    assert_eq!(report["observed_timeline"], serde_json::json!([0, 18, 46, 18, 20, 2]), "{text}");
    assert!(read(&file("plot.png")).starts_with(b"\x89PNG\r\n\x1a\n"));
    let page = String::from_utf8(read(&file("run.html"))).expect("the page is text");
    assert!(page.contains(report["run_id"].as_str().expect("a run's name")), "the page is of another run");
    for words in ["PrepareRun", "ALARM", "46", "report.json", "plot.png", "page: http://127.0.0.1:", "run.html"] {
        assert!(text.contains(words), "the output doesn't say {words:?}:\n{text}");
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    let port = taken.local_addr().expect("it has an address").port().to_string();
    let (output, text) = run(&["local", "up", "--port", &port]).await;
    assert!(!output.status.success(), "{text}");
    assert!(text.contains(&port), "{text}");
}

#[tokio::test]
async fn a_scenario_that_is_no_json_is_named() {
    for command in ["local", "stack"] {
        let (output, text) = run(&[command, "run", "--input", "README.md"]).await;
        assert!(!output.status.success(), "{text}");
        assert!(text.contains("README.md is not JSON"), "{text}");
    }
}

#[tokio::test]
async fn up_prints_a_line_that_starts_an_execution_and_ends_on_interrupt() {
    let _live = live().await;
    let mut up = cargo(&["local", "up"]).spawn().expect("cargo starts");
    let mut lines = BufReader::new(up.stdout.take().expect("a pipe")).lines();
    let mut script = String::new();
    let start = loop {
        let line = line_with(&mut lines, "").await;
        if line.starts_with("aws ") {
            break line;
        }
        script.push_str(&line);
        script.push('\n');
    };
    let endpoint = script.lines().find_map(|line| line.strip_prefix("export AWS_ENDPOINT_URL=")).expect("an endpoint");
    let endpoint = endpoint.to_owned();

    // Pasted into a shell, with the stock AWS CLI in its PATH.
    let aws = tool("lint", "aws").await.as_std().get_program().to_owned();
    let bin = Path::new(&aws).parent().expect("a folder").display().to_string();
    let pasted = format!("{script}PATH={bin}:$PATH\n{start} --query executionArn --output text");
    let output = Command::new("sh").args(["-c", &pasted]).output().await.expect("sh starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains(":execution:"), "{text}");

    what_is_deployed_is_found(&endpoint).await;
    let execution = text.lines().find(|line| line.contains(":execution:")).expect("an ARN");
    looking_at_a_run_can_be_stopped(&endpoint, execution).await;
    watching_has_a_line_for_each_change().await;
    a_healthy_stack_is_found_healthy().await;
    how_full_it_is_and_what_would_go_are_told().await;

    // SIGINT goes to cargo and the command alike when Ctrl-C is typed; here to the command that cargo became.
    signal(&up, "INT").await;
    let status =
        tokio::time::timeout(Duration::from_secs(60), up.wait()).await.expect("it ends").expect("it has a status");
    assert!(is_gone(&endpoint), "the local AWS still runs; the command ended with {status}");
}

/// What is asked for wins over the stack of `cargo local up`, and what isn't there is named.
async fn what_is_deployed_is_found(endpoint: &str) {
    let elsewhere = ["stack", "run", "--stack-name", "nowhere", "--region", "us-east-1", "--endpoint-url", endpoint];
    let mut command = cargo(&elsewhere);
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    let output = command.output().await.expect("cargo starts");
    let text = String::from_utf8_lossy(&output.stderr);
    let found = format!("stack nowhere on {endpoint} in us-east-1");
    assert!(!output.status.success() && text.contains(&found), "{text}");
    assert!(text.contains(&format!("error: there is no stack `nowhere` here ({endpoint} in us-east-1).")), "{text}");
}

async fn a_healthy_stack_is_found_healthy() {
    let output = cargo(&["stack", "doctor"]).output().await.expect("cargo starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last();
    assert!(last.is_some_and(|last| last.ends_with(" pieces are what they should be.")), "{text}");
    assert_eq!(output.status.code(), Some(0));
}

async fn how_full_it_is_and_what_would_go_are_told() {
    let (output, text) = run(&["stack", "usage"]).await;
    assert!(output.status.success() && text.contains("\nthreshold       20 bytes\n"), "{text}");
    let (output, text) = run(&["stack", "plan", "--threshold", "1", "--limit", "1"]).await;
    assert!(output.status.success() && text.contains("\nthreshold       1 byte\n"), "{text}");
    let (output, text) = run(&["stack", "plan", "--target", "101"]).await;
    let expect = "error: the stack's API answers 400 Bad Request: target must be a whole number of percent of the threshold, 1 to 100, \
                  not \"101\"";
    assert!(!output.status.success() && text.lines().any(|line| line == expect), "{text}");
}

async fn watching_has_a_line_for_each_change() {
    let mut watch = cargo(&["stack", "watch"]).spawn().expect("cargo starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("a pipe")).lines();
    let first = line_with(&mut lines, " total ").await;
    assert!(first.contains("threshold 20, alarm "), "{first}");
    // The run goes on.
    let second = line_with(&mut lines, " total ").await;
    assert_ne!(first.split_once(' '), second.split_once(' '));
    signal(&watch, "INT").await;
    assert_eq!(watch.wait().await.expect("a status").code(), Some(0));
}

/// Who stops looking at a run is told how to go on.
async fn looking_at_a_run_can_be_stopped(endpoint: &str, execution: &str) {
    let mut looking = cargo(&["stack", "run", "--follow", execution]).spawn().expect("cargo starts");
    let mut lines = BufReader::new(looking.stderr.take().expect("a pipe")).lines();
    let found = line_with(&mut lines, "stack spillway on").await;
    let expect = format!("stack spillway on the local AWS at {endpoint}, which `cargo local up` started");
    assert_eq!(found, expect);
    line_with(&mut lines, "state: ").await;
    signal(&looking, "INT").await;
    line_with(&mut lines, "The run was not stopped: it goes on as").await;
    let again = line_with(&mut lines, "follow it again:").await;
    let name = execution.rsplit(':').next().expect("a name");
    assert!(again.ends_with(&format!("cargo stack run --follow {name}")), "{again}");
    let stop = line_with(&mut lines, "stop it:").await;
    assert!(stop.contains(&format!("aws stepfunctions stop-execution --execution-arn {execution}")), "{stop}");
    assert_eq!(looking.wait().await.expect("a status").code(), Some(130));
}
