//! Wires wait-for-deletion to Lambda.

use spillway_boundary::{StartError, logs, now, sdk_config, serve};
use spillway_ledger_store::{Store, Tables};
use wait_for_deletion::{Deps, handle};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config().await;
    let deps = Deps { store: Store::new(aws_sdk_dynamodb::Client::new(&aws), Tables::from_env()?) };
    serve(async |request| handle(&deps, request, now()).await).await
}
