//! Wires wait-for-deletion to Lambda.

use spillway_aws::sdk_config;
use spillway_lambda::{StartError, logs, now, serve};
use spillway_ledger_store::Store;
use wait_for_deletion::{Deps, handle};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let deps = Deps { store: Store::from_env(&sdk_config()?)? };
    serve(async |request| handle(&deps, request, now()).await).await
}
