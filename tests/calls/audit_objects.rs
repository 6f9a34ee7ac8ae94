//! The calls of audit-objects.

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
        dynamodb.transact_write_items().send().await?;
        dynamodb.put_item().send().await?;
        s3.head_object().send().await?;
        s3.list_objects_v2().send().await?;
        cloudwatch.get_metric_statistics().send().await?;
        Ok(())
    })
    .await
}
