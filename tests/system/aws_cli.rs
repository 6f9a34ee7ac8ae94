//! The stock AWS CLI, started once for many commands: starting it takes longer than most of them.

use std::process::Stdio;

use spillway_local::python::venv::Venv;
use spillway_tests::tools;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Reads lines for a shell, does what they say, and prints what became of each.
const PROGRAM: &str = r#"
import contextlib, io, os, shlex, sys
from awscli.clidriver import create_clidriver

driver = create_clidriver()
for line in sys.stdin:
    said, code = io.StringIO(), 0
    for command in line.split(" && "):
        words = shlex.split(command)
        while words[0] != "aws":
            name, value = words.pop(0).split("=", 1)
            os.environ[name] = value
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = code or driver.main(words[1:])
    print(code, repr(said.getvalue()), flush=True)
"#;

/// A process of it.
pub struct AwsCli {
    venv: Venv,
    process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl AwsCli {
    /// Starts it.
    pub async fn start() -> Self {
        let venv = tools("lint").await;
        let mut command = venv.command("python");
        command.args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("Python starts");
        let commands = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self { venv, process, commands, answers }
    }

    /// Does what a line for a shell says, which must succeed.
    pub async fn run(&mut self, line: &str) {
        if line.contains("$(") {
            return run_in_a_shell(&self.venv, line).await;
        }
        self.commands.write_all(format!("{line}\n").as_bytes()).await.expect("the CLI reads");
        let answer = self.answers.next_line().await.expect("an answer").expect("the CLI still runs");
        assert!(answer.starts_with("0 "), "{line}\n{answer}");
    }

    /// Runs in a shell what only a shell understands, which must succeed.
    pub async fn in_a_shell(lines: &str) {
        run_in_a_shell(&tools("lint").await, lines).await;
    }

    /// Ends it.
    pub async fn stop(mut self) {
        drop(self.commands);
        self.process.wait().await.expect("it ends");
    }
}

async fn run_in_a_shell(venv: &Venv, lines: &str) {
    let programs = venv.program("aws").parent().expect("a program is in a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path)));
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", lines]).env("PATH", path.expect("a search path")).output().await;
    let output = output.expect("sh starts");
    assert!(output.status.success(), "{lines}\n{}", String::from_utf8_lossy(&output.stderr));
}
