//! Whole plots, compared with stored ones.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

mod golden;
mod histories;
