//! The calls of prepare-run.

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
        s3.list_objects_v2().send().await?;
        s3.head_object().send().await?;
        s3.delete_object().send().await?;
        cloudwatch.describe_alarms().send().await?;
        Ok(())
    })
    .await
}
