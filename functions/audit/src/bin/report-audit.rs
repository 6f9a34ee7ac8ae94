//! Wires the task that reports an audit to Lambda.

use audit::report::{Deps, handle};
use spillway_aws::{sdk_config, variable};
use spillway_contracts::rule::DeleteFirst;
use spillway_lambda::{StartError, logs, now, serve};
use spillway_ledger_store::Store;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let dates = variable::<DeleteFirst>("DELETE_FIRST")? == DeleteFirst::Oldest;
    let deps = Deps { store: Store::from_env(&sdk_config()?)?, dates, now };
    serve(async |request| handle(&deps, request, logs::write_line).await).await
}
