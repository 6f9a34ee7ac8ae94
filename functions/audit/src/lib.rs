//! The tasks of an audit, which compares the bucket with the ledger and puts the ledger right.
//!
//! In the order of its state machine: [`prepare`] says whether an audit makes sense and how it is to go, [`objects`] compares a
//! batch of the bucket's listing with the ledger's rows, [`rows`] looks for rows without an object, and [`report`] adds up what
//! was found. What to make of a difference is decided by the ledger's own crate; [`look`] asks S3 and the ledger for it.
//!
//! They change the ledger only. Nothing here writes to S3, and their roles couldn't.

pub mod look;
pub mod objects;
pub mod prepare;
pub mod report;
pub mod rows;

mod error;
mod events;
mod finding;
mod queue;
mod rule;

pub use error::Error;
pub use events::Events;
pub use look::Looker;
pub use queue::Queue;
pub use rule::Rule;
