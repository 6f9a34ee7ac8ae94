//! Wires the cleaner to Lambda.

use cleaner::{Deps, handle};
use spillway_aws::{sdk_config, variable, variable_even_if_empty};
use spillway_lambda::{StartError, logs, serve};
use spillway_ledger::choice::Rule;
use spillway_ledger_store::Store;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config()?;
    let deps = Deps {
        store: Store::from_env(&aws)?,
        s3: aws_sdk_s3::Client::new(&aws),
        rule: Rule {
            threshold_bytes: variable("SIZE_THRESHOLD")?,
            max_deletes: variable("MAX_DELETES_PER_RUN")?,
            protected: variable_even_if_empty("PROTECTED_PREFIXES")?,
        },
        dry_run: variable("DRY_RUN")?,
    };
    serve(async |invocation| handle(&deps, invocation, logs::write_line).await).await
}
