//! The local AWS and its commands: MiniStack, and the stack deployed to it.
//!
//! [`emulator::Account`] is a local AWS with nothing in it, and [`LocalAws::up`] gives one with the stack; both end when they
//! are dropped. What one does with a deployed stack, here or on AWS, is the crate `spillway-stack`. What MiniStack doesn't
//! do of CloudWatch is the crate `spillway-cloudwatch`.
//!
//! # The crates of Spillway
//!
//! `cargo doc --workspace --no-deps` documents all of them, and this page, of the outermost one, leads through them. They depend
//! on each other in one direction only:
//!
//! 1. [spillway_contracts](../spillway_contracts/index.html): one type per event that crosses a boundary. Start here.
//! 2. [spillway_ledger](../spillway_ledger/index.html): what events do to the ledger, and which objects have to go; pure.
//!    [spillway_chart](../spillway_chart/index.html): the plot; pure.
//! 3. [spillway_aws](../spillway_aws/index.html): the configuration of AWS clients, and what a failed call means.
//!    [spillway_bucket](../spillway_bucket/index.html): an object as S3 has it.
//!    [spillway_ledger_store](../spillway_ledger_store/index.html): the ledger in DynamoDB.
//!    [spillway_lambda](../spillway_lambda/index.html): serving requests on Lambda.
//!    [spillway_signed_http](../spillway_signed_http/index.html): signed requests to the stack's API.
//! 4. The pipeline: [size_tracking](../size_tracking/index.html), [logging](../logging/index.html),
//!    [cleaner](../cleaner/index.html), [plotting](../plotting/index.html), [usage](../usage/index.html).
//! 5. The [audit](../audit/index.html)'s tasks, and the driver's: [prepare_run](../prepare_run/index.html), [align_window](../align_window/index.html),
//!    [upload](../upload/index.html), [wait_for_deletion](../wait_for_deletion/index.html),
//!    [wait_for_alarm_ok](../wait_for_alarm_ok/index.html), [check_run](../check_run/index.html),
//!    [call_plot_api](../call_plot_api/index.html).
//! 6. [spillway_page](../spillway_page/index.html): what goes on in a stack, as a page.
//! 7. [spillway_stack](../spillway_stack/index.html): what one does with a deployed stack, on AWS or here.
//! 8. [spillway_cloudwatch](../spillway_cloudwatch/index.html) and this crate: the local AWS.
//!
//! Tests use [spillway_fake_aws](../spillway_fake_aws/index.html), a DynamoDB and an S3 in memory,
//! [spillway_load](../spillway_load/index.html), the ledger under load, and
//! [spillway_contracts_check](../spillway_contracts_check/index.html).

pub mod commands;
pub mod deploy;
pub mod emulator;
mod error;
pub mod local_aws;
pub mod python;

pub use error::Error;
pub use local_aws::{LocalAws, Options};
