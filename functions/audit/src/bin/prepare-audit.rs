//! Wires the task that prepares an audit to Lambda.

use audit::Events;
use audit::prepare::{Deps, handle};
use spillway_aws::{sdk_config, variable};
use spillway_lambda::{StartError, logs, serve};
use spillway_ledger_store::Store;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config()?;
    let minutes: u64 = variable("AUDIT_GRACE_MINUTES")?;
    let deps = Deps { store: Store::from_env(&aws)?, events: Events::from_env(&aws)?, grace_seconds: minutes * 60 };
    serve(async |request| handle(&deps, request).await).await
}
