//! Draws how the total moved, as a PNG.
//!
//! Asked twice, it stores two plots.

mod answer;
pub mod chart;
mod query;

#[cfg(test)]
extern crate self as plotting;

use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use spillway_boundary::AwsCallError;
use spillway_contracts::ledger::HistoryRecord;
use spillway_ledger_store::{Store, StoreError};

use crate::chart::{Change, ChangeKind, Chart, Frame, RenderError};
use crate::query::{BadParameter, Range};

/// What the function works with.
#[derive(Debug)]
pub struct Deps {
    /// The ledger.
    pub store: Store,
    /// The client for the bucket of plots.
    pub s3: aws_sdk_s3::Client,
    /// The bucket of plots.
    pub plot_bucket: String,
    /// The total at which the alarm goes off, in bytes.
    pub threshold_bytes: u64,
}

/// Why there is no plot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller asks for the impossible.
    #[error(transparent)]
    Parameter(#[from] BadParameter),
    /// The plot can't be drawn.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The history can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The plot can't be stored.
    #[error(transparent)]
    Bucket(#[from] AwsCallError),
}

/// Draws, stores and returns a plot; an error is an answer, too.
pub async fn handle(deps: &Deps, request: ApiGatewayV2httpRequest, now: Timestamp) -> ApiGatewayV2httpResponse {
    match plot(deps, &request, now).await {
        Ok((key, png)) => answer::plot(&deps.plot_bucket, &key, &png),
        Err(error) => answer::failure(&error),
    }
}

/// The plot and the key that it is stored under.
async fn plot(deps: &Deps, request: &ApiGatewayV2httpRequest, now: Timestamp) -> Result<(String, Vec<u8>), Error> {
    let range = Range::from_query(&request.query_string_parameters, now)?;
    let history = deps.store.history_between(range.from, range.to).await?;
    let png = draw(deps.store.bucket_name(), deps.threshold_bytes, range, &history)?;
    let key = key(deps.store.bucket_name(), now, request.request_context.request_id.as_deref());
    let put = deps.s3.put_object().bucket(&deps.plot_bucket).key(&key).content_type("image/png");
    put.body(ByteStream::from(png.clone())).send().await.map_err(|error| AwsCallError::new("PutObject", error))?;
    Ok((key, png))
}

/// Without a `from`, the plot begins with the history.
fn draw(
    bucket_name: &str,
    threshold_bytes: u64,
    range: Range,
    history: &[HistoryRecord],
) -> Result<Vec<u8>, RenderError> {
    let first = history.first();
    let begins = first.map_or(range.to, |record| record.committed_at);
    let mut chart = Chart::new(Frame {
        bucket_name: bucket_name.into(),
        threshold_bytes,
        initial_total: first.map_or(0, |record| record.total_size.saturating_add_signed(-record.size_delta)),
        start: if range.from == Timestamp::UNIX_EPOCH { begins } else { range.from },
        end: range.to,
        width: 1200,
        height: 675,
    })?;
    for record in history {
        chart.push(Change {
            at: record.committed_at,
            object_name: record.object_name.to_string(),
            size_delta: record.size_delta,
            total_size: record.total_size,
            kind: if record.is_deletion() { ChangeKind::Deleted } else { ChangeKind::Created },
        });
    }
    chart.to_png()
}

/// Sorts by time; the request's identifier tells plots of one moment apart.
fn key(bucket_name: &str, now: Timestamp, request_id: Option<&str>) -> String {
    let time = now.strftime("%Y-%m-%dT%H-%M-%S%.3fZ");
    format!("{bucket_name}/{time}-{}.png", request_id.unwrap_or("local"))
}
