//! A function that does nothing: what a start and a package come to at least, with the runtime of all functions.
//!
//! It takes the runtime itself, and not `spillway_lambda::serve`, so that what Spillway adds is what the others have more.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| Ok::<_, Error>(event.payload))).await
}
