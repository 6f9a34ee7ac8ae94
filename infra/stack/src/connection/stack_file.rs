//! What a running local stack leaves for other commands to find it.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::file_error::FileError;
use crate::outputs::Outputs;

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

/// Whether a local AWS answers at `endpoint`.
pub async fn is_healthy(endpoint: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://")).await?;
        stream.write_all(b"GET /_ministack/health HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        io::Result::Ok(answer)
    };
    matches!(timeout(Duration::from_secs(2), ask).await, Ok(Ok(answer)) if answer.ends_with(b" 200"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::tests::outputs;

    fn file(port: u16) -> StackFile {
        StackFile {
            endpoint: format!("http://127.0.0.1:{port}"),
            region: "us-east-1".to_owned(),
            access_key_id: "id".to_owned(),
            secret_access_key: "secret".to_owned(),
            outputs: outputs(),
        }
    }

    #[tokio::test]
    async fn a_stack_that_was_killed_is_told_from_one_that_was_never_started() {
        let directory = tempfile::tempdir().unwrap();
        let read = async || StackFile::read(directory.path()).await.unwrap_err().to_string();
        assert!(read().await.starts_with("no stack is running. Start one with `cargo local up`"));
        file(1).write(directory.path()).unwrap();
        assert!(read().await.starts_with("the stack at http://127.0.0.1:1 is not running any more."));
        fs::write(path(directory.path()), "{}").unwrap();
        assert!(read().await.contains("is not what `cargo local up` writes (missing field `endpoint`"));
    }

    #[test]
    fn a_stack_removes_its_own_file_only() {
        let directory = tempfile::tempdir().unwrap();
        file(2).write(directory.path()).unwrap();
        file(1).remove(directory.path());
        assert_eq!(StackFile::parse(directory.path()).unwrap(), file(2));
        file(2).remove(directory.path());
        assert!(!path(directory.path()).exists());
    }
}
