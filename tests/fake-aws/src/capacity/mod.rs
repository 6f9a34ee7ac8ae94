//! What DynamoDB and S3 have room for, and how long they take: a model of what AWS documents, to run the ledger and the cleaner
//! against.
//!
//! [`Parameters`] has every figure with its source. [`Capacity`] decides about requests as they are sent, so that what a layout of
//! keys can take comes out of the keys; [`PacedDynamoDb`] puts it before the tables in memory, on tokio's clock, and
//! [`PacedS3`] a bucket.

mod bucket;
mod items;
mod latency;
mod model;
mod paced;
mod parameters;
mod partitions;
mod units;

pub use bucket::{PacedS3, S3Counts};
pub use latency::{Latency, Percentiles};
pub use model::{Begun, Capacity, Counts};
pub use paced::PacedDynamoDb;
pub use parameters::{Index, Parameters, S3Parameters};
pub use units::{IndexWrite, bytes};
