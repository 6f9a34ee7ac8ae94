//! The ledger under load: size-tracking's own way of applying batches, against a model of what DynamoDB has room for
//! (`spillway_fake_aws::capacity`), on a virtual clock.
//!
//! A [`Load`] says what comes in and who takes it; [`Load::run`] says what came of it. A [`Cleaning`] has the cleaner delete from
//! the bucket, besides.

#![allow(clippy::unwrap_used, reason = "only tests and figures link this, and what can't be should stop them")]

mod bucket;
mod cleaning;
mod outcome;
mod queue;
mod run;
mod what_if;
mod world;

pub use bucket::{Events, Sizes, Workload};
pub use cleaning::{Cleaned, Cleaning, PERIOD};
pub use outcome::Outcome;
pub use queue::{DELIVERIES, RETENTION, VISIBILITY};
pub use run::{Arrivals, BATCH, Load, TIMEOUT, TRACKERS, WINDOW};
pub use what_if::{Taken, WhatIf};
