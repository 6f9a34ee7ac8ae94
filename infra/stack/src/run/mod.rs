//! A run: starting an execution of the state machine, following it, and showing what came of it.

pub mod execution;
pub mod history;
pub mod recording;
pub mod results;
pub mod timeline;

pub use execution::{Driver, Ending};
