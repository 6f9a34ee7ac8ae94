//! Wires the plotting function to Lambda.

use plotting::{Deps, handle};
use spillway_boundary::{Failure, StartError, logs, now, sdk_config, serve, variable};
use spillway_ledger_store::Store;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config().await;
    let deps = Deps {
        store: Store::from_env(&aws)?,
        s3: aws_sdk_s3::Client::new(&aws),
        plot_bucket: variable("PLOT_BUCKET")?,
        threshold_bytes: variable("SIZE_THRESHOLD")?,
    };
    serve(async |request| Ok::<_, Failure>(handle(&deps, request, now()).await)).await
}
