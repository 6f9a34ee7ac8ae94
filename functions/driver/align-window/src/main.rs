//! Wires align-window to Lambda.

use align_window::{Deps, handle};
use spillway_aws::sdk_config;
use spillway_lambda::{StartError, logs, now, serve};
use spillway_ledger_store::Store;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let deps = Deps { store: Store::from_env(&sdk_config()?)? };
    serve(async |request| handle(&deps, request, now()).await).await
}
