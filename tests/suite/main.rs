//! Tests that cross crates: what belongs together stays together, and the whole system works.

mod cleaning;
mod commands;
mod layering;
mod messages;
mod run_time;
mod scenarios;
mod state_machine;
mod storm;
mod template;
