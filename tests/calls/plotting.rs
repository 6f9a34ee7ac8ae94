//! The calls of plotting.

mod serve;

use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = spillway_aws::sdk_config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let s3 = aws_sdk_s3::Client::new(&aws);
    let sfn = aws_sdk_sfn::Client::new(&aws);
    serve::serve(async || {
        dynamodb.batch_get_item().send().await?;
        dynamodb.query().send().await?;
        dynamodb.put_item().send().await?;
        s3.put_object().send().await?;
        sfn.describe_execution().send().await?;
        Ok(())
    })
    .await
}
