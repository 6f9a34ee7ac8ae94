//! Wires check-run to Lambda.

use check_run::{Deps, handle};
use spillway_aws::sdk_config;
use spillway_lambda::{StartError, logs, serve};
use spillway_ledger_store::Store;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let deps = Deps { store: Store::from_env(&sdk_config()?)? };
    serve(async |request| handle(&deps, request).await).await
}
