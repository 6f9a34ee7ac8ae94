//! Uploads what a packaged template refers to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use spillway_aws::CallError;
use spillway_stack::FileError;
use tokio::task::JoinSet;

use crate::deploy::archive::stamp;

/// The bucket that holds them.
pub const BUCKET: &str = "spillway-artifacts";

/// Why what a template refers to could not be uploaded.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the functions can't be uploaded: {0}")]
    Call(#[from] CallError),
}

/// Uploads `artifacts`, given by the names that the template has for them, and says which key each has.
pub async fn upload(
    s3: &Client,
    artifacts: BTreeMap<String, PathBuf>,
) -> Result<BTreeMap<String, String>, ArtifactError> {
    s3.create_bucket().bucket(BUCKET).send().await.map_err(CallError::of("CreateBucket"))?;
    let mut uploads = JoinSet::new();
    for (name, path) in artifacts {
        uploads.spawn(put(s3.clone(), name, path));
    }
    uploads.join_all().await.into_iter().collect()
}

/// Uploads the template to where the artifacts are, and gives its address: CloudFormation takes 51,200 bytes with a call, and a
/// megabyte from a bucket.
pub async fn upload_template(s3: &Client, endpoint: &str, template: &str) -> Result<String, ArtifactError> {
    const KEY: &str = "template.json";
    let request = s3.put_object().bucket(BUCKET).key(KEY).body(ByteStream::from(template.as_bytes().to_vec()));
    request.send().await.map_err(CallError::of("PutObject"))?;
    Ok(format!("{endpoint}/{BUCKET}/{KEY}"))
}

async fn put(s3: Client, name: String, path: PathBuf) -> Result<(String, String), ArtifactError> {
    // A key that changes with the content: CloudFormation looks at nothing else to see whether it changed.
    let key = format!("{}/{}", name.trim_start_matches("../"), stamp(&path)?);
    let content = std::fs::read(&path).map_err(FileError::to("read", path))?;
    let request = s3.put_object().bucket(BUCKET).key(&key).body(ByteStream::from(content));
    request.send().await.map_err(CallError::of("PutObject"))?;
    Ok((name, key))
}
