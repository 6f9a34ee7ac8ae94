//! What the plot API is asked, and what the HTTP API answers, as Lambda sees it (payload format 2.0 of HTTP APIs).

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::json_object::read_from_object_alone;
use crate::{ErrorName, ObjectName, rfc3339};

/// The header in which the plot API says which bucket holds the plot.
pub const PLOT_BUCKET_HEADER: &str = "x-spillway-plot-bucket";

/// The header in which the plot API says under which key the plot is stored.
pub const PLOT_KEY_HEADER: &str = "x-spillway-plot-key";

/// The header in which the plot API says where the plot begins.
pub const PLOT_FROM_HEADER: &str = "x-spillway-plot-from";

/// The header in which the plot API says where the plot ends.
pub const PLOT_TO_HEADER: &str = "x-spillway-plot-to";

/// `GET /plot`. AWS owns this event; only what is read is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlotRequest {
    /// What of the history to plot, and how; all of it without parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_string_parameters: Option<PlotQuery>,
    /// The request's headers, their names in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<PlotRequestHeaders>,
    /// About the request itself.
    pub request_context: PlotRequestContext,
}

/// The parameters of the query. Each is a text; the API says which are wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self")]
pub struct PlotQuery {
    /// The first moment, in RFC 3339 or in seconds since the epoch; the history's first without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The moment after the last, in RFC 3339 or in seconds since the epoch; now without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// A run, by its execution's name, in place of `from` and `to`: all from its start to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The plot's width in pixels, 320 to 4096; 1200 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<String>,
    /// The plot's height in pixels, 320 to 4096; 675 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<String>,
    /// The plot's format, `png` or `svg`; without it, what the header `Accept` likes better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

read_from_object_alone!(PlotQuery);

/// The headers of a request that are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self")]
pub struct PlotRequestHeaders {
    /// Which media types the caller likes: an SVG comes if it likes `image/svg+xml` better than `image/png`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
}

read_from_object_alone!(PlotRequestHeaders);

/// What API Gateway says of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlotRequestContext {
    /// Tells plots of one moment apart.
    pub request_id: String,
}

/// An answer of the HTTP API, as Lambda hands it to API Gateway: a plot, a usage, a plan, or a body of JSON that says why there is
/// none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlotResponse {
    /// The HTTP status: 200 with what was asked for, 400 if the query is wrong, 404 without such a run, 500 or 503 if something
    /// here is at fault.
    pub status_code: u16,
    /// The answer's headers.
    pub headers: PlotHeaders,
    /// The image in base64, or JSON as it is.
    pub body: String,
    /// Whether the body is in base64, as an image is.
    pub is_base64_encoded: bool,
}

/// The headers of an answer of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlotHeaders {
    /// What the body is: `image/png` or `image/svg+xml`, or `application/json`.
    pub content_type: String,
    /// The bucket that holds the plot; none without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_spillway_plot_bucket: Option<String>,
    /// The plot's key in that bucket; none without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_spillway_plot_key: Option<ObjectName>,
    /// Where the plot begins; none without one.
    #[serde(default, deserialize_with = "rfc3339::read_or_null", skip_serializing_if = "Option::is_none")]
    pub x_spillway_plot_from: Option<Timestamp>,
    /// Where the plot ends: before the `to` that was asked for if there was no time to read all of the history.
    #[serde(default, deserialize_with = "rfc3339::read_or_null", skip_serializing_if = "Option::is_none")]
    pub x_spillway_plot_to: Option<Timestamp>,
}

/// Why there is no plot, no usage or no plan: the body of an answer with another status than 200.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlotError {
    /// The error's name.
    pub error: ErrorName,
    /// The error in words.
    pub message: String,
    /// The parameter of the query that is wrong; null if it is something else.
    pub parameter: Option<String>,
}

/// Where the plot is: the answer of `call-plot-api`, and a part of the run report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoredPlot {
    /// The bucket that holds the plot.
    pub bucket_name: String,
    /// The plot's key in that bucket.
    pub object_name: ObjectName,
    /// The plot's media type.
    pub content_type: String,
    /// The plot's size, in bytes.
    pub size_bytes: u64,
}
