//! Tests that cross crates: what belongs together stays together, and the whole system works.

mod commands;
mod layering;
mod scenarios;
mod state_machine;
mod storm;
mod template;
