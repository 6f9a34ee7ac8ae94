//! Tests that cross crates: what belongs together stays together, and the whole system works.

mod alarms;
mod audits;
mod automatic_runs;
mod aws_cli;
mod cleaning;
mod commands;
mod cost;
mod doctor;
mod documents;
mod existing_bucket;
mod layering;
mod licences;
mod messages;
mod page;
mod parameters;
mod permissions;
mod restore;
mod rules;
mod run_time;
mod scenarios;
mod state_machine;
mod storm;
mod targets;
mod template;
mod usage;
