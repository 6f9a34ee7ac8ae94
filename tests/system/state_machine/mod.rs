//! The state machines: their definitions on their own, and what the real interpreter makes of them.

mod answers;
mod boundaries;
mod coverage;
mod definition;
mod diagram;
mod executions;
mod interpreter;
mod outcome;
