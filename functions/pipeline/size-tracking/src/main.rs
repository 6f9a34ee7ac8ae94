//! Wires the size-tracking function to Lambda.

use size_tracking::{DeadLetters, Deps, handle};
use spillway_aws::{sdk_config, variable};
use spillway_lambda::{StartError, logs, now, serve};
use spillway_ledger_store::Store;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config()?;
    let deps = Deps {
        store: Store::from_env(&aws)?,
        dead_letters: DeadLetters::from_env(&aws)?,
        threshold_bytes: variable("SIZE_THRESHOLD")?,
        now,
    };
    serve(async |request| handle(&deps, request, |line| logs::write_line(&line)).await).await
}
