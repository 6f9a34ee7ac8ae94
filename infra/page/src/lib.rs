//! What goes on in a stack: a page that follows it, and a file that keeps a run.
//!
//! [`recorder`] asks the stack's own interfaces what has happened, and tells it as [`record`]s: documents with a time, each
//! under an id by which a later one replaces it. [`Watch`] asks again and again. [`server`] shows it live, on loopback only;
//! [`document::recorded`] makes one file of it. Both are the same page (`assets`), made of the same JSON.

#![warn(missing_docs)]

pub mod document;
mod graph;
mod history;
mod ledger;
mod logs;
pub mod record;
pub mod recorder;
pub mod server;
mod stack;
mod vocabulary;
mod watch;

pub use record::{Record, Recording};
pub use recorder::Recorder;
pub use server::Server;
pub use stack::Stack;
pub use watch::Watch;
