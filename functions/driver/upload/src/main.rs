//! Wires upload to Lambda.

use spillway_aws::sdk_config;
use spillway_lambda::{StartError, logs, now, serve};
use spillway_ledger_store::Store;
use upload::{Deps, handle};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config()?;
    let store = Store::from_env(&aws)?;
    let deps = Deps { store, s3: aws_sdk_s3::Client::new(&aws) };
    serve(async |request| handle(&deps, request, now()).await).await
}
