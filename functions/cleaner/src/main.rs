//! Wires the cleaner to Lambda.

use cleaner::{Deps, Error, handle};
use spillway_boundary::{StartError, logs, sdk_config, serve, variable};
use spillway_ledger::choice::Rule;
use spillway_ledger_store::Store;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    logs::init();
    let aws = sdk_config().await;
    let rule = Rule { threshold_bytes: variable("SIZE_THRESHOLD")?, max_deletes: variable("MAX_DELETES_PER_RUN")? };
    let store = Store::from_env(&aws)?;
    let deps = Deps { store, s3: aws_sdk_s3::Client::new(&aws), rule };
    serve(async |invocation| {
        let decision = handle(&deps, invocation).await?;
        logs::write_line(&decision);
        Ok::<_, Error>(decision)
    })
    .await
}
