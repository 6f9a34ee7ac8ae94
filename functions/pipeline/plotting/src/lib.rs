//! Draws how the total moved, as a PNG or an SVG.
//!
//! Asked twice, it stores two plots.

mod answer;
mod format;
mod history;
mod query;
mod run;

use std::time::Duration;

use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use spillway_aws::CallError;
use spillway_chart::{Chart, RenderError};
use spillway_lambda::parameters::ParameterError;
use spillway_ledger_store::{Store, StoreError};

use crate::answer::Plot;
use crate::format::Format;
use crate::query::{Query, Span};

pub use run::Runs;

#[derive(Debug)]
pub struct Deps {
    pub store: Store,
    /// The client for the bucket of plots.
    pub s3: aws_sdk_s3::Client,
    /// The runs that a plot may be asked of.
    pub runs: Runs,
    pub plot_bucket: String,
    /// The total at which the alarm goes off, in bytes.
    pub threshold_bytes: u64,
    /// How long the history may be read for; what is not read by then is left out.
    pub reading_time: Duration,
}

/// Why there is no plot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller asks for the impossible.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// The caller asks for a run that isn't there.
    #[error("there is no run {0:?}")]
    NoSuchRun(String),
    /// The plot can't be drawn.
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run can't be looked up, or the plot not be stored.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Draws, stores and returns a plot; an error is an answer, too.
pub async fn handle(deps: &Deps, request: ApiGatewayV2httpRequest, now: Timestamp) -> ApiGatewayV2httpResponse {
    match plot(deps, &request, now).await {
        Ok(plot) => answer::plot(&deps.plot_bucket, &plot),
        Err(error) => answer::failure(&error),
    }
}

async fn plot(deps: &Deps, request: &ApiGatewayV2httpRequest, now: Timestamp) -> Result<Plot, Error> {
    let query = Query::new(&request.query_string_parameters, now)?;
    let accept = request.headers.get(http::header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = query.format.unwrap_or(accept.map_or(Format::Png, Format::accepted));
    let range = match query.span {
        Span::Between(range) => range,
        Span::Run(name) => deps.runs.range(&name, now).await?,
    };
    let chart = history::chart(deps, range, query.size).await?;
    let image = draw(&chart, format)?;
    let key = key(deps.store.bucket_name(), now, request.request_context.request_id.as_deref(), format);
    let put = deps.s3.put_object().bucket(&deps.plot_bucket).key(&key).content_type(format.media_type());
    put.body(ByteStream::from(image.clone())).send().await.map_err(CallError::of("PutObject"))?;
    Ok(Plot { key, format, image, drawn: chart.drawn() })
}

fn draw(chart: &Chart, format: Format) -> Result<Vec<u8>, RenderError> {
    match format {
        Format::Png => chart.to_png(),
        Format::Svg => Ok(chart.to_svg().into_bytes()),
    }
}

/// Sorts by time; the request's identifier tells plots of one moment apart.
fn key(bucket_name: &str, now: Timestamp, request_id: Option<&str>, format: Format) -> String {
    let time = now.strftime("%Y-%m-%dT%H-%M-%S%.3fZ");
    format!("{bucket_name}/{time}-{}.{}", request_id.unwrap_or("local"), format.extension())
}
