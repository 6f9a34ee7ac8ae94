//! Starts a command so that it ends with this process, however this process ends.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Outlives this process for as long as it takes to end the command and everything that the command started.
const WATCHDOG: &str = include_str!("watchdog.py");

/// Runs the command that is added as arguments, until the handle's standard input is closed; then removes `scratch`.
pub fn watched(python: &OsStr, scratch: &Path) -> Command {
    let mut command = Command::new(python);
    // `-I` keeps modules out that lie around in the working directory.
    command.args(["-I", "-c", WATCHDOG]).arg(scratch).stdin(Stdio::piped());
    // Ctrl-C reaches the foreground's process group: this process decides then what ends, and when.
    command.process_group(0);
    command
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{BufRead, BufReader, Read};

    use super::*;

    #[tokio::test]
    async fn everything_ends_with_the_watchdogs_input() {
        let directory = tempfile::tempdir().unwrap();
        let scratch = directory.path().join("scratch");
        fs::create_dir(&scratch).unwrap();
        let python = crate::python::interpreter::find().await.unwrap();
        let mut command = watched(&python.program, &scratch);
        // Neither the command nor what it leaves in the background wants to end.
        command.args(["sh", "-c", "trap '' TERM; sleep 600 & echo started; sleep 600"]);
        let mut watchdog = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(watchdog.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "started\n");
        drop(watchdog.stdin.take());
        // The pipe ends when the last process that could write into it does.
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        watchdog.wait().unwrap();
        assert_eq!((rest.as_str(), scratch.exists()), ("", false));
    }
}
