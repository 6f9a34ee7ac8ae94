//! The calls of prepare-audit.

mod serve;

use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = spillway_aws::sdk_config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let s3 = aws_sdk_s3::Client::new(&aws);
    let lambda = aws_sdk_lambda::Client::new(&aws);
    serve::serve(async || {
        dynamodb.batch_get_item().send().await?;
        s3.get_bucket_notification_configuration().send().await?;
        lambda.get_event_source_mapping().send().await?;
        // Only for a bucket that existed before the stack.
        aws_sdk_eventbridge::Client::new(&aws).describe_rule().send().await?;
        Ok(())
    })
    .await
}
