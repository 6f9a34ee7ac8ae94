//! How pip is called, and what it means by what it prints.

use std::path::{Path, PathBuf};

use tokio::process::Command;

/// Settings of pip's environment that say how to reach a registry. All others could change what is installed, or
/// where, and stay out.
const PIP_SETTINGS: [&str; 16] = [
    "PIP_CACHE_DIR",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_KEYRING_PROVIDER",
    "PIP_NO_CACHE_DIR",
    "PIP_NO_INDEX",
    "PIP_PROXY",
    "PIP_RESUME_RETRIES",
    "PIP_RETRIES",
    "PIP_TIMEOUT",
    "PIP_TRUSTED_HOST",
];

/// Why pip did not install what it should.
#[derive(Debug, thiserror::Error)]
pub enum PipError {
    #[error(
        "pip cannot reach the package registry. Check the network, or point pip to a registry that can be reached \
         (PIP_INDEX_URL, PIP_PROXY, PIP_CERT), and try again. pip said:\n{0}"
    )]
    Unreachable(String),
    /// A package isn't the one that the requirements name.
    #[error("pip got a package that is not the one in {}; nothing was installed. pip said:\n{output}", requirements.display())]
    Mismatch { requirements: PathBuf, output: String },
    #[error("pip cannot install {}. pip said:\n{output}", requirements.display())]
    Install { requirements: PathBuf, output: String },
}

/// Has `python`'s pip install `requirements`, and nothing that they don't name with its hash.
///
/// They name everything that they need; pip would not find a package among them that is wanted with extras.
pub(crate) fn install(mut python: Command, requirements: &Path) -> Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_unwanted(&name.to_string_lossy())) {
        python.env_remove(name);
    }
    // A configuration file may ask for installations into the home directory, which pip refuses in an environment.
    python.env("PIP_USER", "0");
    python.args(["-I", "-m", "pip", "install", "--require-hashes"]);
    python
        .args(["--disable-pip-version-check", "--no-input", "--quiet", "--no-deps", "--requirement"])
        .arg(requirements);
    python
}

fn is_unwanted(variable: &str) -> bool {
    variable.starts_with("PIP_") && !PIP_SETTINGS.contains(&variable)
}

/// What pip's output means.
pub(crate) fn explain(requirements: &Path, output: String) -> PipError {
    let says = |signs: &[&str]| signs.iter().any(|sign| output.contains(sign));
    let requirements = requirements.to_owned();
    if says(&["DO NOT MATCH THE HASHES", "Hashes are required"]) {
        return PipError::Mismatch { requirements, output };
    }
    let unreachable = [
        "NewConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ConnectionResetError",
        "Connection broken",
        "ProxyError",
        "SSLError",
        "NameResolutionError",
        "Network is unreachable",
        "(from versions: none)",
    ];
    if says(&unreachable) {
        return PipError::Unreachable(output);
    }
    PipError::Install { requirements, output }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_redirect_an_installation_stay_out_and_those_about_the_registry_stay() {
        for unwanted in ["PIP_TARGET", "PIP_USER", "PIP_PREFIX", "PIP_DRY_RUN", "PIP_CONSTRAINT"] {
            assert!(is_unwanted(unwanted), "{unwanted}");
        }
        for wanted in ["PIP_INDEX_URL", "PIP_CERT", "PATH"] {
            assert!(!is_unwanted(wanted), "{wanted}");
        }
    }

    #[track_caller]
    fn check(output: &str, expect: &str) {
        let message = explain(Path::new("requirements.txt"), output.to_owned()).to_string();
        assert!(message.starts_with(expect) && message.ends_with(output), "{message}");
    }

    #[test]
    fn what_pip_says_is_explained_and_quoted() {
        check("WARNING: Retrying … NewConnectionError(…): Failed", "pip cannot reach the package registry. Check");
        check("ERROR: No matching distribution found (from versions: none)", "pip cannot reach the package registry.");
        check(
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES",
            "pip got a package that is not the one in requirements.txt",
        );
        check("ERROR: No space left on device", "pip cannot install requirements.txt.");
    }
}
