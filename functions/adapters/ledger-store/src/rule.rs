//! The rule that a function's environment names.

use jiff::SignedDuration;
use spillway_aws::{ConfigError, variable, variable_even_if_empty};
use spillway_contracts::rule::target_bytes;
use spillway_ledger::choice::Rule;

/// From `SIZE_THRESHOLD`, `TARGET_PERCENT`, `DELETE_FIRST`, `MINIMUM_AGE_MINUTES`, `MAX_DELETES_PER_RUN` and
/// `PROTECTED_PREFIXES`.
pub fn rule_from_env() -> Result<Rule, ConfigError> {
    let threshold_bytes = variable("SIZE_THRESHOLD")?;
    Ok(Rule {
        threshold_bytes,
        target_bytes: target_bytes(threshold_bytes, variable("TARGET_PERCENT")?),
        delete_first: variable("DELETE_FIRST")?,
        minimum_age: SignedDuration::from_mins(variable::<u32>("MINIMUM_AGE_MINUTES")?.into()),
        max_deletes: variable("MAX_DELETES_PER_RUN")?,
        protected: variable_even_if_empty("PROTECTED_PREFIXES")?,
    })
}
