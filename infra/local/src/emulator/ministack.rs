//! Starts MiniStack, the emulator that the local AWS is made of, and makes sure that it ends.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use spillway_stack::FileError;
use spillway_stack::connection::stack_file::is_healthy;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::emulator::client::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use crate::emulator::watchdog::watched;
use crate::python::venv::Venv;

const DEADLINE: Duration = Duration::from_secs(60);
const ATTEMPTS: usize = 3;
/// Starts MiniStack with what it leaves out of AWS's Step Functions.
const PROGRAM: &str = include_str!("ministack.py");
const OLD_LOG: Duration = Duration::from_secs(24 * 60 * 60);

/// A running MiniStack. It ends, with everything that it started, when this is dropped or the process ends.
#[derive(Debug)]
pub struct MiniStack {
    watchdog: Child,
    port: u16,
    log: PathBuf,
}

/// Variables of MiniStack's environment beyond those that every local AWS has.
pub type Settings = BTreeMap<&'static str, OsString>;

/// Why MiniStack doesn't run.
#[derive(Debug, thiserror::Error)]
pub enum MiniStackError {
    #[error("port {0} is taken. Stop what listens there, choose another --port, or leave --port out for a free one")]
    PortTaken(u16),
    /// The port that was asked for can't be listened on.
    #[error("cannot listen on port {port}: {source}. Choose another --port, or leave --port out for a free one")]
    Port { port: u16, source: io::Error },
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    #[error("cannot start the local AWS: {0}")]
    Start(io::Error),
    #[error("the local AWS ended while it was starting. The end of its log ({}):\n{tail}", log.display())]
    Ended { log: PathBuf, tail: String },
    #[error(
        "the local AWS did not answer within {} s. The end of its log ({}):\n{tail}",
        DEADLINE.as_secs(), log.display()
    )]
    Silent { log: PathBuf, tail: String },
}

impl MiniStack {
    /// Starts it on `port`, or on a free one, and waits until it answers. Its files go below `directory`.
    pub async fn start(
        venv: &Venv,
        directory: &Path,
        port: Option<u16>,
        settings: &Settings,
    ) -> Result<Self, MiniStackError> {
        for _ in 1..ATTEMPTS {
            match Self::attempt(venv, directory, port, settings).await {
                // A free port can be taken by somebody else before MiniStack has it.
                Err(MiniStackError::Ended { tail, .. }) if port.is_none() && tail.contains("in use") => {}
                result => return result,
            }
        }
        Self::attempt(venv, directory, port, settings).await
    }

    async fn attempt(
        venv: &Venv,
        directory: &Path,
        port: Option<u16>,
        settings: &Settings,
    ) -> Result<Self, MiniStackError> {
        let port = free_port(port)?;
        let logs = directory.join("logs");
        fs::create_dir_all(&logs).map_err(FileError::to("create", &logs))?;
        remove_old(&logs);
        let scratch = directory.join(format!("scratch-{port}"));
        fs::create_dir_all(&scratch).map_err(FileError::to("create", &scratch))?;
        let log = logs.join(format!("ministack-{port}.log"));
        let watchdog = spawn(venv, &scratch, &log, port, settings)?;
        let mut ministack = Self { watchdog, port, log };
        ministack.wait_until_healthy().await?;
        Ok(ministack)
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        endpoint(self.port)
    }

    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Ends it, and returns when it has ended.
    pub async fn stop(self) {
        // Dropping waits for the watchdog; that must not hold up the runtime.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }

    async fn wait_until_healthy(&mut self) -> Result<(), MiniStackError> {
        let start = Instant::now();
        let mut tick = interval(Duration::from_millis(50));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while start.elapsed() < DEADLINE {
            tick.tick().await;
            // Asked first: a port that answers could be another's if this one has ended.
            if self.watchdog.try_wait().map_err(MiniStackError::Start)?.is_some() {
                return Err(MiniStackError::Ended { log: self.log.clone(), tail: tail(&self.log) });
            }
            if is_healthy(&self.endpoint()).await {
                return Ok(());
            }
        }
        Err(MiniStackError::Silent { log: self.log.clone(), tail: tail(&self.log) })
    }
}

impl Drop for MiniStack {
    fn drop(&mut self) {
        // The watchdog ends everything when its input ends, and itself within its grace period.
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

fn endpoint(port: u16) -> String {
    format!("http://{}:{port}", Ipv4Addr::LOCALHOST)
}

fn free_port(wanted: Option<u16>) -> Result<u16, MiniStackError> {
    let port = wanted.unwrap_or(0);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => MiniStackError::PortTaken(port),
        _ => MiniStackError::Port { port, source },
    })?;
    Ok(listener.local_addr().map_err(|source| MiniStackError::Port { port, source })?.port())
}

fn spawn(venv: &Venv, scratch: &Path, log: &Path, port: u16, settings: &Settings) -> Result<Child, MiniStackError> {
    let output = File::create(log).map_err(FileError::to("write", log))?;
    let errors = output.try_clone().map_err(FileError::to("write", log))?;
    let python = venv.program("python");
    let mut command = watched(python.as_os_str(), scratch);
    command.arg(&python).args(["-I", "-c", PROGRAM]);
    // MiniStack hands its environment on to the functions' processes, so it gets nothing of ours but the search path:
    // no profile, proxy or credentials of whoever runs this.
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.env("LANG", "C.UTF-8").env("HOME", scratch).env("TMPDIR", scratch);
    command.env("STATE_DIR", scratch).env("S3_DATA_DIR", scratch);
    command.env("BIND_HOST", Ipv4Addr::LOCALHOST.to_string()).env("GATEWAY_PORT", port.to_string());
    command.env("MINISTACK_REGION", REGION).env("AWS_DEFAULT_REGION", REGION);
    command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
    // Where the functions call back, and whether their roles are enforced.
    command.env("AWS_ENDPOINT_URL", endpoint(port)).env("AUTH", "true");
    // Listeners and clean-ups that nobody here needs.
    command.env("IOT_MTLS_ENABLED", "0").env("SFTP_ENABLED", "0");
    command.envs(settings);
    command.stdout(output).stderr(errors);
    command.spawn().map_err(MiniStackError::Start)
}

/// Logs of runs that nobody will ask about any more.
fn remove_old(logs: &Path) {
    for entry in fs::read_dir(logs).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|modified| modified.elapsed());
        if matches!(age, Ok(Ok(age)) if age > OLD_LOG) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The last lines of a file.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = free_port(Some(port)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("port {port} is taken. Stop what listens there")), "{error}");
    }

    #[test]
    fn the_end_of_a_log_is_quoted() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let lines: Vec<_> = (1..=20).map(|number| number.to_string()).collect();
        fs::write(log.path(), lines.join("\n")).unwrap();
        assert_eq!(tail(log.path()), lines[5..].join("\n"));
    }

    #[tokio::test]
    async fn nothing_healthy_is_found_where_nothing_listens() {
        let port = free_port(None).unwrap();
        assert!(!is_healthy(&endpoint(port)).await);
    }
}
