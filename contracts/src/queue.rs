//! What Lambda hands over from a queue, and what it is answered. AWS owns both; only what is read or written is named.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A batch of queue messages, as Lambda hands it to a function. Unknown fields are let through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SqsBatch {
    /// The messages.
    #[serde(rename = "Records")]
    pub records: Vec<SqsMessage>,
}

/// A queue message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SqsMessage {
    /// Names the message in the answer.
    pub message_id: String,
    /// The text: an SNS envelope, as JSON.
    pub body: String,
}

/// Which messages of a batch the queue should deliver again; the others are done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqsBatchResponse {
    /// The messages that failed; empty if none did.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// A message that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchItemFailure {
    /// The message's `messageId`.
    pub item_identifier: String,
}
