//! Wires the size-tracking function to Lambda.

use size_tracking::{Deps, handle};
use spillway_boundary::{StartError, logs, sdk_config, serve};
use spillway_ledger_store::{Store, Tables};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config().await;
    let deps = Deps { store: Store::new(aws_sdk_dynamodb::Client::new(&aws), Tables::from_env()?) };
    serve(async |request| handle(&deps, request, logs::write_line).await).await
}
