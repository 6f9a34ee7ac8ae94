//! What one does with a deployed stack, whether it is on AWS, on the local AWS or on another emulator.
//!
//! [`connection`] finds the stack, [`run`] drives its state machine, [`doctor`] finds what is wrong with it, [`watch`] shows what
//! goes on in it, [`api`] asks it how full it is, [`restore`] brings back what was deleted, and [`commands`] are what people
//! type. The local AWS uses all of it: its stack is one of those.

pub mod api;
pub mod commands;
pub mod connection;
pub mod doctor;
mod error;
mod file_error;
mod messages;
pub mod outputs;
pub mod policy;
pub mod progress;
pub mod restore;
pub mod run;
pub mod shell;
mod state;
mod units;
pub mod watch;
pub mod wildcard;
pub mod workspace;

pub use connection::{Choice, Connection};
pub use error::Error;
pub use file_error::FileError;
pub use outputs::Outputs;
