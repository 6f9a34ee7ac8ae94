//! The calls of usage.

mod serve;

use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = spillway_aws::sdk_config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let s3 = aws_sdk_s3::Client::new(&aws);
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&aws);
    serve::serve(async || {
        dynamodb.batch_get_item().send().await?;
        dynamodb.query().send().await?;
        s3.get_bucket_versioning().send().await?;
        s3.list_object_versions().send().await?;
        cloudwatch.describe_alarms().send().await?;
        Ok(())
    })
    .await
}
