//! Wires prepare-run to Lambda.

use prepare_run::{Deps, handle};
use spillway_aws::{sdk_config, variable};
use spillway_lambda::{StartError, logs, now, serve};
use spillway_ledger::choice::Rule;
use spillway_ledger_store::{Store, rule_from_env};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config()?;
    let rule = rule_from_env()?;
    let max_deletes = if variable("DRY_RUN")? { 0 } else { rule.max_deletes };
    let deps = Deps {
        store: Store::from_env(&aws)?,
        s3: aws_sdk_s3::Client::new(&aws),
        cloudwatch: aws_sdk_cloudwatch::Client::new(&aws),
        alarm_name: variable("ALARM_NAME")?,
        is_own_bucket: variable("IS_OWN_BUCKET")?,
        rule: Rule { max_deletes, ..rule },
    };
    serve(async |request| handle(&deps, request, now()).await).await
}
