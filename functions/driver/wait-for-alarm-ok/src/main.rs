//! Wires wait-for-alarm-ok to Lambda.

use spillway_aws::{sdk_config, variable};
use spillway_lambda::{StartError, logs, now, serve};
use wait_for_alarm_ok::{Deps, handle};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&sdk_config()?);
    let deps = Deps { cloudwatch, alarm_name: variable("ALARM_NAME")? };
    serve(async |request| handle(&deps, request, now()).await).await
}
