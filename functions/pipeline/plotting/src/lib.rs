//! Draws how the total moved, as a PNG or an SVG.
//!
//! Asked twice, it stores two plots. A schedule has it sum up what of the history is old enough, for plots of long ones.

mod answer;
mod format;
mod history;
mod level;
mod packed;
mod pieces;
mod query;
mod run;
mod sum_up;

use std::time::Duration;

use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use spillway_aws::CallError;
use spillway_chart::{Chart, RenderError};
use spillway_contracts::schedule::SumUp;
use spillway_contracts::{ErrorName, Failure};
use spillway_lambda::parameters::ParameterError;
use spillway_lambda::serve::decode;
use spillway_ledger_store::{Store, StoreError};

use crate::answer::Plot;
use crate::format::Format;
use crate::query::{Query, Span};

pub use run::Runs;
pub use sum_up::sum_up;

/// What invokes the function.
#[derive(Clone, Debug)]
pub enum Invocation {
    /// The API: somebody wants a plot.
    Plot(Box<ApiGatewayV2httpRequest>),
    /// The schedule.
    SumUp(SumUp),
}

impl<'de> Deserialize<'de> for Invocation {
    /// An event with `sum_up` comes from the schedule. Any other is read as the API's, so that errors name the field.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Value::deserialize(deserializer)?;
        let invocation = match event.get("sum_up") {
            Some(_) => decode(event).map(Self::SumUp),
            None => decode(event).map(Self::Plot),
        };
        invocation.map_err(|failure| D::Error::custom(failure.message))
    }
}

/// What it is answered.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Plot(Box<ApiGatewayV2httpResponse>),
    SummedUp,
}

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
    /// How long the history may be read for; what is not read by then is left out, or summed up the next time.
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
    /// What the history comes to can't be written down.
    #[error("a summary could not be packed")]
    Pack(#[from] postcard::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run can't be looked up, or the plot not be stored.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let name = match &error {
            Error::Parameter(_) | Error::NoSuchRun(_) => ErrorName::InvalidInput,
            Error::Render(_) | Error::Pack(_) => ErrorName::Internal,
            Error::Store(error) => error.name(),
            Error::Call(error) => error.name(),
        };
        Self { name, message: error.to_string() }
    }
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
