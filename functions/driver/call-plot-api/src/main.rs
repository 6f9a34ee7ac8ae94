//! Wires call-plot-api to Lambda.

use call_plot_api::{Deps, handle, http_client};
use spillway_aws::{sdk_config, variable};
use spillway_lambda::{StartError, logs, now, serve};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config()?;
    let deps = Deps {
        http: http_client()?,
        credentials: aws.credentials_provider().ok_or("Lambda gives its functions credentials")?,
        region: variable("AWS_REGION")?,
        plot_api_url: variable("PLOT_API_URL")?,
    };
    serve(async |request| handle(&deps, request, now()).await).await
}
