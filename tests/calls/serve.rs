//! A function that makes AWS's calls and nothing else: what its clients add to the function that does nothing.
//!
//! It logs and is configured as all functions are, so that what AWS's clients have to log is in it. What it asks for is never
//! sent: the requests lack what they need.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use spillway_lambda::logs;

/// Serves requests by making `calls`.
pub async fn serve(calls: impl AsyncFn() -> Result<(), Error>) -> Result<(), Error> {
    logs::init();
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        calls().await?;
        Ok::<_, Error>(event.payload)
    }))
    .await
}
