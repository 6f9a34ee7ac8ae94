//! Finds a Python that can run MiniStack.

use std::ffi::OsString;
use std::process::Stdio;

use tokio::process::Command;

/// The oldest Python that MiniStack runs on.
const OLDEST: Version = Version(3, 10);

/// Says what the interpreter is, in words that even Python 2 understands.
const PROBE: &str = r#"
import sys
print("%d.%d" % sys.version_info[:2])
if sys.version_info >= (3, 10):
    from importlib.util import find_spec
    print(all(find_spec(module) for module in ("venv", "ensurepip")))
    print(getattr(sys, "_base_executable", None) or sys.executable)
"#;

/// A Python that is new enough and can make virtual environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Python {
    pub program: OsString,
    /// Its version and where it lies: a virtual environment works with this one only.
    pub identity: String,
}

/// Why there is no Python to use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PythonError {
    #[error(
        "no Python found (tried {tried}). Install Python {OLDEST} or newer with its venv module \
         (Debian, Ubuntu: `apt install python3 python3-venv`), or set PYTHON to an interpreter"
    )]
    NotFound { tried: String },
    #[error(
        "`{program}` is Python {version}, but {OLDEST} or newer is needed. \
         Install one, or set PYTHON to an interpreter that is new enough"
    )]
    TooOld { program: String, version: Version },
    #[error(
        "`{program}` is Python {version} without its venv module. \
         Install it (Debian, Ubuntu: `apt install python3-venv`), or set PYTHON to an interpreter that has it"
    )]
    NoVenv { program: String, version: Version },
}

/// A Python's version, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32);

/// The first suitable one: `PYTHON` if it is set, otherwise `python3` or `python`.
pub async fn find() -> Result<Python, PythonError> {
    match std::env::var_os("PYTHON").filter(|python| !python.is_empty()) {
        Some(chosen) => find_among(&[chosen]).await,
        None => find_among(&["python3".into(), "python".into()]).await,
    }
}

/// The first suitable one of `programs`; if there is none, the error is about the first that answers at all.
async fn find_among(programs: &[OsString]) -> Result<Python, PythonError> {
    let mut unsuitable = None;
    for program in programs {
        let Some(answer) = ask(program).await else { continue };
        match judge(program, &answer) {
            Ok(python) => return Ok(python),
            Err(error) => unsuitable = unsuitable.or(Some(error)),
        }
    }
    Err(unsuitable.unwrap_or_else(|| {
        let tried: Vec<_> = programs.iter().map(|program| format!("`{}`", program.display())).collect();
        PythonError::NotFound { tried: tried.join(", ") }
    }))
}

async fn ask(program: &OsString) -> Option<String> {
    // `-I` keeps the surroundings out: PYTHONPATH, the working directory, the user's packages.
    let output =
        Command::new(program).args(["-I", "-c", PROBE]).stdin(Stdio::null()).kill_on_drop(true).output().await.ok()?;
    String::from_utf8(output.stdout).ok()
}

/// Whether `program`, which printed `answer`, will do.
fn judge(program: &OsString, answer: &str) -> Result<Python, PythonError> {
    let name = || program.display().to_string();
    let mut lines = answer.lines().map(str::trim);
    let Some(version) = lines.next().and_then(Version::parse) else {
        return Err(PythonError::NotFound { tried: format!("`{}`, which is no Python", name()) });
    };
    if version < OLDEST {
        return Err(PythonError::TooOld { program: name(), version });
    }
    if lines.next() != Some("True") {
        return Err(PythonError::NoVenv { program: name(), version });
    }
    let identity = format!("{version} {}", lines.next().unwrap_or_default());
    Ok(Python { program: program.clone(), identity })
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, expect: Result<&str, &str>) {
        let judged = judge(&"python3".into(), answer).map(|python| python.identity).map_err(|error| error.to_string());
        match (judged, expect) {
            (Ok(identity), Ok(expected)) => assert_eq!(identity, expected),
            (Err(message), Err(expected)) => assert!(message.contains(expected), "{message}"),
            (judged, expected) => panic!("{judged:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_python_is_judged_by_its_version_and_its_modules() {
        check("3.11\nTrue\n/usr/bin/python3.11\n", Ok("3.11 /usr/bin/python3.11"));
        check("3.10\r\nTrue\r\n/usr/bin/python3\r\n", Ok("3.10 /usr/bin/python3"));
        check("3.9\n", Err("`python3` is Python 3.9, but 3.10 or newer is needed"));
        check("2.7\n", Err("`python3` is Python 2.7, but 3.10 or newer is needed"));
        check("3.12\nFalse\n/usr/bin/python3\n", Err("`apt install python3-venv`"));
        check("", Err("which is no Python"));
    }

    #[tokio::test]
    async fn a_missing_interpreter_is_named() {
        let error = find_among(&["/nowhere/python3".into(), "/nowhere/python".into()]).await.unwrap_err();
        assert!(
            error.to_string().starts_with("no Python found (tried `/nowhere/python3`, `/nowhere/python`)"),
            "{error}"
        );
    }
}
