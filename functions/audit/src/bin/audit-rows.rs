//! Wires the task that compares rows to Lambda.

use audit::Looker;
use audit::rows::handle;
use spillway_aws::sdk_config;
use spillway_lambda::{StartError, logs, now, serve};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let looker = Looker::from_env(&sdk_config()?, now)?;
    serve(async |request| handle(&looker, request, logs::write_line).await).await
}
