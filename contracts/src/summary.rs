//! What old parts of the history come to: rows of HistoryTable that plots read in place of the records.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ObjectName, rfc3339};

/// What a history record says of the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryChange {
    /// The record's key.
    pub event_key: String,
    /// The object's key, as it is.
    pub object_name: ObjectName,
    /// S3's name of the event, such as `ObjectCreated:Put`, or an audit's, such as `Audit:Added`.
    pub event_type: String,
    /// What the event changed the total by, in bytes.
    pub size_delta: i64,
    /// The total after the event, in bytes.
    pub total_size: u64,
    /// When the ledger recorded it.
    #[serde(deserialize_with = "rfc3339::read")]
    pub committed_at: Timestamp,
}

/// What 600 seconds of the history come to, or 600 minutes, counted from the epoch. It can be made again from the records at
/// any time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistorySummary {
    /// The bucket, and `#seconds` or `#minutes` behind it.
    pub bucket_name: String,
    /// When the part of the history begins, in UTC with milliseconds.
    pub event_key: String,
    /// The changes that moved the total by most, up to eight, in the order of commits.
    pub largest: Vec<HistoryChange>,
    /// What each second or minute comes to in which there was a change, packed by postcard and in Base64
    /// (`functions/pipeline/plotting/src/packed.rs`).
    #[schemars(extend("contentEncoding" = "base64"))]
    pub summaries: String,
}
