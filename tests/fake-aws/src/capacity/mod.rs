//! What DynamoDB has room for, and how long it takes: a model of what AWS documents, to run the ledger against.
//!
//! [`Parameters`] has every figure with its source. [`Capacity`] decides about requests as they are sent, so that what a layout of
//! keys can take comes out of the keys; [`PacedDynamoDb`] puts it before the tables in memory, on tokio's clock.

mod latency;
mod model;
mod paced;
mod parameters;
mod partitions;
mod units;

pub use latency::{Latency, Percentiles};
pub use model::{Begun, Capacity, Counts};
pub use paced::PacedDynamoDb;
pub use parameters::{Index, Parameters};
pub use units::{IndexWrite, bytes};
