//! Installs hash-checked requirements into a virtual environment of their own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use sha2::{Digest, Sha256};
use spillway_stack::FileError;
use spillway_stack::progress::{Progress, Reporter, Step};
use tokio::process::Command;
use tokio::task::JoinError;

use crate::python::interpreter::{self, Python, PythonError};
use crate::python::pip::{self, PipError};

/// Written last: a directory without it is what an interrupted installation left.
/// Installing.
pub(crate) const STEP: Step = Step("Python environment");

const MARKER: &str = "complete";

/// A virtual environment that holds exactly what its requirements say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Venv {
    directory: PathBuf,
}

/// Why requirements could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum VenvError {
    /// There is no Python to use.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Python doesn't start any more, or its output can't be read.
    #[error("cannot run {program}: {source}")]
    Start { program: String, source: io::Error },
    /// The wait for another process, which installs the same, was broken off.
    #[error("cannot wait for another process to install the same packages: {0}")]
    Wait(JoinError),
    #[error("`{program} -m venv` failed (Debian, Ubuntu: `apt install python3-venv` may help):\n{output}")]
    Create { program: String, output: String },
    /// The packages can't be installed.
    #[error(transparent)]
    Pip(#[from] PipError),
}

impl Venv {
    /// The environment with `requirements` below `parent`: the one that is there, otherwise a new one.
    ///
    /// Processes that ask at the same time wait for the one that installs.
    pub async fn with(requirements: &Path, parent: &Path, reporter: &Reporter) -> Result<Self, VenvError> {
        let python = interpreter::find().await?;
        let text = fs::read_to_string(requirements).map_err(FileError::to("read", requirements))?;
        let directory = parent.join(format!("venv-{}", digest(&text, &python)));
        let venv = Self { directory };
        if venv.is_complete() {
            return Ok(venv);
        }
        fs::create_dir_all(parent).map_err(FileError::to("create", parent))?;
        let _lock = lock(venv.directory.with_extension("lock")).await?;
        if !venv.is_complete() {
            venv.install(&python, requirements, reporter).await?;
        }
        Ok(venv)
    }

    /// A program of the environment, such as `python`. It ends when its handle is dropped.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.program(program));
        // Both would lead Python out of the environment.
        command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// The path of a program of the environment.
    pub fn program(&self, program: &str) -> PathBuf {
        self.directory.join("bin").join(program)
    }

    fn is_complete(&self) -> bool {
        self.directory.join(MARKER).exists() && self.program("python").exists()
    }

    async fn install(&self, python: &Python, requirements: &Path, reporter: &Reporter) -> Result<(), VenvError> {
        if self.directory.exists() {
            fs::remove_dir_all(&self.directory).map_err(FileError::to("remove", &self.directory))?;
        }
        let detail = |text: &str| reporter.tell(Progress::Detail(STEP, text.to_owned()));
        detail("making a virtual environment");
        let mut create = Command::new(&python.program);
        create.args(["-I", "-m", "venv"]).arg(&self.directory).stdin(Stdio::null()).kill_on_drop(true);
        let created = output(create).await?;
        if !created.status.success() {
            let program = python.program.display().to_string();
            return Err(VenvError::Create { program, output: text_of(&created) });
        }
        detail("installing packages (only the first time)");
        let installed = output(pip::install(self.command("python"), requirements)).await?;
        if !installed.status.success() {
            return Err(pip::explain(requirements, text_of(&installed)).into());
        }
        let marker = self.directory.join(MARKER);
        fs::write(&marker, "").map_err(FileError::to("write", marker))?;
        Ok(())
    }
}

/// Changes with the requirements, and with the interpreter that the environment would be made of.
fn digest(requirements: &str, python: &Python) -> String {
    let hash = Sha256::new().chain_update(requirements).chain_update("\0").chain_update(&python.identity).finalize();
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

async fn lock(path: PathBuf) -> Result<File, VenvError> {
    let wait = move || {
        let file = File::create(&path).map_err(FileError::to("write", &path))?;
        file.lock().map_err(FileError::to("lock", path))?;
        Ok(file)
    };
    tokio::task::spawn_blocking(wait).await.map_err(VenvError::Wait)?
}

async fn output(mut command: Command) -> Result<Output, VenvError> {
    let program = command.as_std().get_program().display().to_string();
    command.output().await.map_err(|source| VenvError::Start { program, source })
}

fn text_of(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(identity: &str) -> Python {
        Python { program: "python3".into(), identity: identity.to_owned() }
    }

    #[test]
    fn another_requirement_or_another_python_is_another_environment() {
        let ours = digest("ministack==1.5.33", &python("3.11 /usr/bin/python3"));
        assert_eq!(ours, digest("ministack==1.5.33", &python("3.11 /usr/bin/python3")));
        assert_ne!(ours, digest("ministack==1.5.34", &python("3.11 /usr/bin/python3")));
        assert_ne!(ours, digest("ministack==1.5.33", &python("3.12 /usr/bin/python3")));
    }
}
