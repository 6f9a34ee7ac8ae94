//! Lambda, as far as an audit asks it: whether a queue is read.

use aws_sdk_lambda::Client;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use serde_json::json;

use crate::connector::{Reply, sdk_config};

/// A client of Lambda, without the SDK's own retries.
pub fn lambda_client(http_client: SharedHttpClient) -> Client {
    Client::new(&sdk_config(http_client))
}

/// What GetEventSourceMapping says of a mapping in a state.
pub fn mapping(state: &str) -> Reply {
    (200, json!({ "UUID": "mapping", "State": state }).to_string()).into()
}
