//! Wires the plotting function to Lambda.

use std::time::Duration;

use plotting::{Answer, Deps, Invocation, Runs, handle, sum_up};
use spillway_aws::{sdk_config, variable};
use spillway_contracts::Failure;
use spillway_lambda::{StartError, logs, now, serve};
use spillway_ledger_store::Store;

/// The API answers within 30 seconds; this leaves the rest for a cold start, for drawing and for storing.
const READING_TIME: Duration = Duration::from_secs(24);

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config()?;
    let deps = Deps {
        store: Store::from_env(&aws)?,
        s3: aws_sdk_s3::Client::new(&aws),
        runs: Runs::new(aws_sdk_sfn::Client::new(&aws), variable("STATE_MACHINE_ARN")?),
        plot_bucket: variable("PLOT_BUCKET")?,
        threshold_bytes: variable("SIZE_THRESHOLD")?,
        reading_time: READING_TIME,
    };
    serve(async |invocation| match invocation {
        Invocation::Plot(request) => Ok::<_, Failure>(Answer::Plot(Box::new(handle(&deps, *request, now()).await))),
        Invocation::SumUp(_) => sum_up(&deps).await.map(|()| Answer::SummedUp).map_err(Failure::from),
    })
    .await
}
