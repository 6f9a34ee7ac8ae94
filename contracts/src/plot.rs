//! What the plot API is asked and what it answers, as Lambda sees it (payload format 2.0 of HTTP APIs).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::object::read_from_object_alone;
use crate::{ErrorName, ObjectName};

/// `GET /plot`. AWS owns this event; only what is read is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlotRequest {
    /// What of the history to plot; all of it without parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_string_parameters: Option<PlotQuery>,
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
}

read_from_object_alone!(PlotQuery);

/// What API Gateway says of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlotRequestContext {
    /// Tells plots of one moment apart.
    pub request_id: String,
}

/// An answer of the plot API, as Lambda hands it to API Gateway: a plot, or a body of JSON that says why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlotResponse {
    /// The HTTP status: 200 with a plot, 400 if the query is wrong, 500 or 503 if something here is.
    pub status_code: u16,
    /// The answer's headers.
    pub headers: PlotHeaders,
    /// The image in base64, or the JSON of an error as it is.
    pub body: String,
    /// Whether the body is in base64, as an image is.
    pub is_base64_encoded: bool,
}

/// The headers of an answer of the plot API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlotHeaders {
    /// What the body is: an image, or `application/json`.
    pub content_type: String,
    /// The bucket that holds the plot; none with an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_spillway_plot_bucket: Option<String>,
    /// The plot's key in that bucket; none with an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_spillway_plot_key: Option<ObjectName>,
}

/// Why there is no plot: the body of an answer with another status than 200.
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
