//! Wires the usage function to Lambda.

use cleaner::TotalSizeAlarm;
use spillway_aws::{sdk_config, variable};
use spillway_contracts::Failure;
use spillway_lambda::{StartError, logs, now, serve};
use spillway_ledger_store::{Store, rule_from_env};
use usage::{Deps, LONGEST, handle};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config()?;
    let deps = Deps {
        store: Store::from_env(&aws)?,
        s3: aws_sdk_s3::Client::new(&aws),
        alarm: TotalSizeAlarm { cloudwatch: aws_sdk_cloudwatch::Client::new(&aws), name: variable("ALARM_NAME")? },
        rule: rule_from_env()?,
        target_percent: variable("TARGET_PERCENT")?,
        needs_audit: !variable::<bool>("IS_OWN_BUCKET")?,
        dry_run: variable("DRY_RUN")?,
        longest: LONGEST,
    };
    serve(async |request| Ok::<_, Failure>(handle(&deps, request, now()).await)).await
}
