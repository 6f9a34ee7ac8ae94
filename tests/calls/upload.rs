//! The calls of upload.

mod serve;

use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = spillway_aws::sdk_config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let s3 = aws_sdk_s3::Client::new(&aws);
    serve::serve(async || {
        dynamodb.query().send().await?;
        s3.put_object().send().await?;
        s3.head_object().send().await?;
        Ok(())
    })
    .await
}
