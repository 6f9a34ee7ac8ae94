//! The plot API against tables, runs and a bucket in memory.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

mod api;
mod long;
mod world;
