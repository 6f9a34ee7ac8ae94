//! Wires the cleaner to Lambda.

use cleaner::{Deps, Limits, Notices, TotalSizeAlarm, handle};
use spillway_aws::{sdk_config, variable};
use spillway_lambda::{StartError, deadline, logs, now, serve};
use spillway_ledger_store::{Store, rule_from_env};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config()?;
    let deps = Deps {
        store: Store::from_env(&aws)?,
        s3: aws_sdk_s3::Client::new(&aws),
        notices: Notices::from_env(&aws)?,
        rule: rule_from_env()?,
        alarm: TotalSizeAlarm { cloudwatch: aws_sdk_cloudwatch::Client::new(&aws), name: variable("ALARM_NAME")? },
        limits: Limits::default(),
        patience: cleaner::patience(variable("ALARM_PERIOD_SECONDS")?),
        needs_audit: !variable::<bool>("IS_OWN_BUCKET")?,
        dry_run: variable("DRY_RUN")?,
        now,
    };
    serve(async |invocation| handle(&deps, invocation, deadline(), logs::write_line).await).await
}
