//! Uploading one object, once.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use spillway_aws::CallError;
use spillway_contracts::run::Upload;
use spillway_contracts::run_mark::RUN_MARK;

/// Uploads the object, unless one with this mark is there.
pub async fn upload_once(s3: &Client, bucket_name: &str, upload: &Upload, mark: &str) -> Result<(), CallError> {
    let key = upload.object_name.as_str();
    if mark_of(s3, bucket_name, key).await?.as_deref() == Some(mark) {
        return Ok(());
    }
    let content = vec![b'.'; upload.size_bytes.bytes() as usize];
    let request = s3.put_object().bucket(bucket_name).key(key).metadata(RUN_MARK, mark);
    request.body(ByteStream::from(content)).send().await.map_err(CallError::of("PutObject"))?;
    tracing::info!(object_name = key, size = upload.size_bytes.bytes(), "uploaded an object");
    Ok(())
}

async fn mark_of(s3: &Client, bucket_name: &str, key: &str) -> Result<Option<String>, CallError> {
    match s3.head_object().bucket(bucket_name).key(key).send().await {
        Ok(object) => Ok(object.metadata.and_then(|mut metadata| metadata.remove(RUN_MARK))),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => Ok(None),
        Err(error) => Err(CallError::of("HeadObject")(error)),
    }
}
