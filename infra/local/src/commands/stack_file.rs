//! What a running stack leaves for other commands to find it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::deploy::outputs::Outputs;
use crate::emulator::client::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use crate::emulator::ministack::is_healthy;
use crate::file_error::FileError;

/// How to reach a running stack, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackFile {
    /// Where the local AWS listens.
    pub endpoint: String,
    /// The region.
    pub region: String,
    /// The key of the local AWS's root user.
    pub access_key_id: String,
    /// The other half of the key.
    pub secret_access_key: String,
    /// The stack's outputs.
    pub outputs: Outputs,
}

/// Why there is no running stack to be found.
#[derive(Debug, thiserror::Error)]
pub enum StackFileError {
    /// None was started, or it was stopped.
    #[error("no stack is running. Start one with `cargo local up`, in another terminal")]
    NotRunning,
    /// It was killed.
    #[error("the stack at {endpoint} is not running any more. Start one with `cargo local up`, in another terminal")]
    Stale {
        /// Where it listened.
        endpoint: String,
    },
    /// The file isn't one of this version.
    #[error("{} is not what `cargo local up` writes ({source}). Start the stack again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl StackFile {
    /// For a stack at `endpoint`.
    pub fn new(endpoint: String, outputs: Outputs) -> Self {
        Self {
            endpoint,
            region: REGION.to_owned(),
            access_key_id: ACCESS_KEY_ID.to_owned(),
            secret_access_key: SECRET_ACCESS_KEY.to_owned(),
            outputs,
        }
    }

    /// Writes it into `directory`.
    pub fn write(&self, directory: &Path) -> Result<(), StackFileError> {
        let path = path(directory);
        let text = format!("{:#}\n", serde_json::json!(self));
        fs::write(&path, text).map_err(FileError::to("write", path))?;
        Ok(())
    }

    /// Reads it from `directory`, and makes sure that its stack still runs.
    pub async fn read(directory: &Path) -> Result<Self, StackFileError> {
        let file = Self::parse(directory)?;
        if !is_healthy(&file.endpoint).await {
            return Err(StackFileError::Stale { endpoint: file.endpoint });
        }
        Ok(file)
    }

    /// Removes it from `directory`, unless another stack has written its own since.
    pub fn remove(&self, directory: &Path) {
        if Self::parse(directory).is_ok_and(|file| file == *self) {
            let _ = fs::remove_file(path(directory));
        }
    }

    fn parse(directory: &Path) -> Result<Self, StackFileError> {
        let path = path(directory);
        if !path.exists() {
            return Err(StackFileError::NotRunning);
        }
        let text = fs::read(&path).map_err(FileError::to("read", &path))?;
        serde_json::from_slice(&text).map_err(|source| StackFileError::Malformed { path, source })
    }
}

fn path(directory: &Path) -> PathBuf {
    directory.join("stack.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::outputs::tests::outputs;

    #[tokio::test]
    async fn a_stack_that_was_killed_is_told_from_one_that_was_never_started() {
        let directory = tempfile::tempdir().unwrap();
        let read = async || StackFile::read(directory.path()).await.unwrap_err().to_string();
        assert!(read().await.starts_with("no stack is running. Start one with `cargo local up`"));
        let file = StackFile::new("http://127.0.0.1:1".to_owned(), outputs());
        file.write(directory.path()).unwrap();
        assert!(read().await.starts_with("the stack at http://127.0.0.1:1 is not running any more."));
        fs::write(path(directory.path()), "{}").unwrap();
        assert!(read().await.contains("is not what `cargo local up` writes (missing field `endpoint`"));
    }

    #[test]
    fn a_stack_removes_its_own_file_only() {
        let directory = tempfile::tempdir().unwrap();
        let file = |port| StackFile::new(format!("http://127.0.0.1:{port}"), outputs());
        file(2).write(directory.path()).unwrap();
        file(1).remove(directory.path());
        assert_eq!(StackFile::parse(directory.path()).unwrap(), file(2));
        file(2).remove(directory.path());
        assert!(!path(directory.path()).exists());
    }
}
