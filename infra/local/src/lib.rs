//! The local AWS and its commands: MiniStack, the stack deployed to it, and runs on it.
//!
//! [`emulator::Account`] is a local AWS with nothing in it, and [`LocalAws::up`] gives one with the stack; both end when they
//! are dropped. [`run::Driver`] drives the state machine. What MiniStack doesn't do of CloudWatch is the crate
//! `spillway-cloudwatch`, beside this one.

pub mod commands;
pub mod deploy;
pub mod emulator;
mod error;
mod file_error;
pub mod local_aws;
pub mod progress;
pub mod python;
pub mod run;
pub mod workspace;

pub use error::Error;
pub use file_error::FileError;
pub use local_aws::{LocalAws, Options};
