//! Configuration from environment variables, parsed to types once at start.

use std::env;
use std::fmt::{self, Display};
use std::str::FromStr;

/// A variable that is missing or malformed.
#[derive(PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("the environment variable {0} is not set; infra/template.yaml sets it for each function that needs it")]
    Missing(&'static str),
    #[error("the environment variable {name} is malformed ({value:?}): {reason}")]
    Malformed { name: &'static str, value: String, reason: String },
    #[error("the certificates of Amazon Trust Services can't be used: {0}")]
    Certificates(String),
}

impl fmt::Debug for ConfigError {
    /// What `main` fails with is printed like this, and Lambda logs it: it should be a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The variable `name`, parsed.
pub fn variable<T: FromStr<Err: Display>>(name: &'static str) -> Result<T, ConfigError> {
    let value = env::var(name).ok().filter(|value| !value.is_empty()).ok_or(ConfigError::Missing(name))?;
    parse(name, value)
}

/// The variable `name`, parsed. It has to be there, but it may be empty.
pub fn variable_even_if_empty<T: FromStr<Err: Display>>(name: &'static str) -> Result<T, ConfigError> {
    parse(name, env::var(name).map_err(|_| ConfigError::Missing(name))?)
}

fn parse<T: FromStr<Err: Display>>(name: &'static str, value: String) -> Result<T, ConfigError> {
    value.parse().map_err(|reason: T::Err| ConfigError::Malformed { name, reason: reason.to_string(), value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        assert_eq!(variable::<u64>("SPILLWAY_NO_SUCH_THING"), Err(ConfigError::Missing("SPILLWAY_NO_SUCH_THING")));
        assert_eq!(
            variable_even_if_empty::<String>("SPILLWAY_NO_SUCH_THING"),
            Err(ConfigError::Missing("SPILLWAY_NO_SUCH_THING"))
        );
        assert_eq!(parse::<u64>("SIZE_THRESHOLD", "20".into()), Ok(20));
        assert_eq!(
            parse::<u64>("SIZE_THRESHOLD", "a lot".into()).map_err(|error| error.to_string()),
            Err("the environment variable SIZE_THRESHOLD is malformed (\"a lot\"): invalid digit found in string"
                .into())
        );
    }
}
