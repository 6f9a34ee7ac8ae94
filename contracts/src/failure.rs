//! How a function fails.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ErrorName;

/// What a function answers instead of its response if it fails: what the state machine's `Retry` and `Catch` see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The error's name.
    #[serde(rename = "errorType")]
    pub name: ErrorName,
    /// The error in words: what was expected and what was seen.
    #[serde(rename = "errorMessage")]
    pub message: String,
}
