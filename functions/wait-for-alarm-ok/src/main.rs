//! Wires wait-for-alarm-ok to Lambda.

use jiff::Timestamp;
use spillway_boundary::{StartError, logs, sdk_config, serve, variable};
use wait_for_alarm_ok::{Deps, handle};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&sdk_config().await);
    let deps = Deps { cloudwatch, alarm_name: variable("ALARM_NAME")? };
    serve(async |request| handle(&deps, request, Timestamp::now()).await).await
}
