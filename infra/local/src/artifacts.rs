//! Uploads what a packaged template refers to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use tokio::task::JoinSet;

use crate::archive::stamp;
use crate::error::{CallError, Error, FileError};

/// The bucket that holds them.
pub const BUCKET: &str = "spillway-artifacts";

/// Uploads `artifacts`, given by the names that the template has for them, and says which key each has.
pub async fn upload(s3: &Client, artifacts: BTreeMap<String, PathBuf>) -> Result<BTreeMap<String, String>, Error> {
    s3.create_bucket().bucket(BUCKET).send().await.map_err(CallError::to("create a bucket for the functions"))?;
    let mut uploads = JoinSet::new();
    for (name, path) in artifacts {
        uploads.spawn(put(s3.clone(), name, path));
    }
    uploads.join_all().await.into_iter().collect()
}

async fn put(s3: Client, name: String, path: PathBuf) -> Result<(String, String), Error> {
    // A key that changes with the content: CloudFormation looks at nothing else to see whether it changed.
    let key = format!("{}/{}", name.trim_start_matches("../"), stamp(&path)?);
    let content = std::fs::read(&path).map_err(FileError::to("read", path))?;
    let request = s3.put_object().bucket(BUCKET).key(&key).body(ByteStream::from(content));
    request.send().await.map_err(CallError::to("take the functions"))?;
    Ok((name, key))
}
