//! Wires the logging function to Lambda.

use logging::{Deps, handle};
use spillway_aws::sdk_config;
use spillway_contracts::Failure;
use spillway_lambda::{StartError, logs, now, serve};
use spillway_ledger_store::Store;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let deps = Deps { store: Store::from_env(&sdk_config()?)?, now };
    serve(async |batch| Ok::<_, Failure>(handle(&deps, batch, logs::write_line).await)).await
}
