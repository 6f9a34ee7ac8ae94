//! The state machine: its definition on its own, and what the real interpreter makes of it.

mod answers;
mod boundaries;
mod coverage;
mod definition;
mod diagram;
mod executions;
mod interpreter;
mod outcome;
