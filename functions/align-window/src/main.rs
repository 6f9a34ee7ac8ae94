//! Wires align-window to Lambda.

use align_window::{Deps, handle};
use spillway_boundary::{StartError, logs, now, sdk_config, serve};
use spillway_ledger_store::{Store, Tables};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config().await;
    let deps = Deps { store: Store::new(aws_sdk_dynamodb::Client::new(&aws), Tables::from_env()?) };
    serve(async |request| handle(&deps, request, now()).await).await
}
