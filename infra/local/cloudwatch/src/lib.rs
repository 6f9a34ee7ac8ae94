//! What MiniStack doesn't do of CloudWatch: metric filters are stored there but not applied, and alarms know neither
//! wall-clock periods nor missing data nor Lambda actions.
//!
//! What is decided is pure: [`filter`] says which lines count, [`definition`] which datapoints an alarm sees,
//! [`alarm`] what it makes of them, [`event`] what its action is told. [`runner`] reads the deployed filters and alarms
//! and acts on that.

pub mod alarm;
pub mod definition;
mod error;
pub mod event;
mod expression;
pub mod filter;
mod metric;
mod parse;
mod permission;
mod reason;
pub mod runner;
mod source;

pub use error::EvaluationError;
pub use runner::{Clients, run};
