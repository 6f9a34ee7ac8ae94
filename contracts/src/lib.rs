//! One Rust type, and one JSON schema, for every event that crosses a boundary.
//!
//! Start at the event you want to produce or consume: [`run`] is what starts a run, [`task`] what the state
//! machine says to its functions, [`report`] what a run ends with, [`audit`] the same of an audit, [`ledger`] what the tables
//! hold, [`summary`] what plots make of that, [`partition`] where,
//! [`log_line`] what the pipeline logs, [`notification`], [`queue`], [`alarm`] and [`schedule`] what AWS sends,
//! [`plot`] and [`usage`] what the HTTP API is asked, and [`rule`] what goes first.

#![warn(missing_docs)]

pub mod alarm;
pub mod audit;
pub mod bounded_list;
pub mod error_name;
pub mod failure;
mod json_object;
pub mod ledger;
pub mod log_line;
pub mod notification;
pub mod object_name;
pub mod partition;
pub mod plot;
pub mod queue;
pub mod report;
mod rfc3339;
pub mod rule;
pub mod run;
pub mod run_mark;
pub mod schedule;
pub mod schema;
pub mod sequencer;
pub mod summary;
pub mod task;
pub mod usage;

pub use error_name::ErrorName;
pub use failure::Failure;
pub use object_name::ObjectName;
pub use sequencer::Sequencer;
