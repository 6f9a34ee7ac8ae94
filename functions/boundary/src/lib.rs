//! Where a function meets Lambda and AWS: configuration, clients, logs, decoding and error names.

pub mod aws;
pub mod clock;
pub mod config;
pub mod logs;
pub mod serve;
mod trust;

pub use aws::{AwsCallError, sdk_config};
pub use clock::now;
pub use config::{ConfigError, variable, variable_even_if_empty};
pub use serve::{Failure, request_id, serve};
pub use trust::root_certificates;

/// What a function's `main` can fail with before it has served anything.
pub type StartError = lambda_runtime::Error;
