//! Where a function meets Lambda: serving requests, their parameters, logs, the clock.

mod clock;
pub mod logs;
pub mod parameters;
pub mod serve;

pub use clock::now;
pub use serve::{deadline, request_id, serve};

/// What a function's `main` can fail with before it has served anything.
pub type StartError = lambda_runtime::Error;
