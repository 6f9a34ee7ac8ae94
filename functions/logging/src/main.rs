//! Wires the logging function to Lambda.

use logging::{Deps, handle};
use spillway_boundary::{Failure, StartError, logs, sdk_config, serve};
use spillway_ledger_store::{Store, Tables};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config().await;
    let deps = Deps { store: Store::new(aws_sdk_dynamodb::Client::new(&aws), Tables::from_env()?) };
    serve(async |batch| Ok::<_, Failure>(handle(&deps, batch, logs::write_line).await)).await
}
