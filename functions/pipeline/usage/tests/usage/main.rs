//! The usage function on a ledger and a bucket in memory: what it answers, and that it changes nothing.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

mod answers;
mod kept;
mod plans;
mod world;
