//! What every client of AWS needs: its configuration, whom it trusts, and what a failed call means.

mod call_error;
mod clients;
mod configuration;
mod trust;

pub use call_error::CallError;
pub use clients::sdk_config;
pub use configuration::{ConfigError, variable, variable_even_if_empty};
pub use trust::root_certificates;
