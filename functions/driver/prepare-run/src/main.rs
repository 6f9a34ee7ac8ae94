//! Wires prepare-run to Lambda.

use prepare_run::{Deps, handle};
use spillway_aws::{sdk_config, variable, variable_even_if_empty};
use spillway_lambda::{StartError, logs, now, serve};
use spillway_ledger_store::Store;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config()?;
    let deps = Deps {
        store: Store::from_env(&aws)?,
        s3: aws_sdk_s3::Client::new(&aws),
        cloudwatch: aws_sdk_cloudwatch::Client::new(&aws),
        alarm_name: variable("ALARM_NAME")?,
        is_own_bucket: variable("IS_OWN_BUCKET")?,
        max_deletes: if variable("DRY_RUN")? { 0 } else { variable("MAX_DELETES_PER_RUN")? },
        protected: variable_even_if_empty("PROTECTED_PREFIXES")?,
    };
    serve(async |request| handle(&deps, request, now()).await).await
}
