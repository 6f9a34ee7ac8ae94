//! The local AWS and its commands: MiniStack, the stack deployed to it, and what MiniStack doesn't do of CloudWatch.
//!
//! [`Account`] is a local AWS with nothing in it, and [`LocalAws::up`] gives one with the stack; both end when they are
//! dropped. [`execution`] drives the state machine.

mod account;
mod archive;
pub mod artifacts;
pub mod binaries;
pub mod client;
pub mod cloudwatch;
pub mod commands;
pub mod deploy;
pub mod display;
pub mod error;
pub mod execution;
pub mod history;
pub mod ministack;
pub mod outputs;
mod pip;
pub mod progress;
pub mod python;
pub mod stack;
pub mod stack_file;
pub mod template;
pub mod timeline;
pub mod venv;
mod watchdog;
pub mod workspace;

pub use account::Account;
pub use error::Error;
pub use outputs::Outputs;
pub use stack::{LocalAws, Options};
