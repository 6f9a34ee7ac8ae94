//! The parameters of a request's query.

/// A signature may come in the query, too.
const SIGNATURE: &str = "x-amz-";

/// A parameter that can't be read, or that doesn't exist.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ParameterError {
    /// Its name.
    pub parameter: String,
    reason: String,
}

impl ParameterError {
    /// That this parameter is wrong for this reason.
    pub fn new(parameter: &str, reason: impl Into<String>) -> Self {
        Self { parameter: parameter.to_owned(), reason: reason.into() }
    }
}

/// Refuses a name that is none of these.
pub fn refuse_others<'a>(names: impl IntoIterator<Item = &'a str>, known: &[&str]) -> Result<(), ParameterError> {
    let is_other = |name: &&str| !known.contains(name) && !name.to_ascii_lowercase().starts_with(SIGNATURE);
    let Some(unknown) = names.into_iter().find(is_other) else { return Ok(()) };
    let reason = match known {
        [] => format!("there is no parameter {unknown}, nor any other"),
        known => format!("there is no parameter {unknown}, only {}", known.join(", ")),
    };
    Err(ParameterError::new(unknown, reason))
}

/// A parameter's text, if it is given, read by `parse`, which otherwise says what it must be.
pub fn read<'a, T>(
    parameter: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, &'a str>,
) -> Result<Option<T>, ParameterError> {
    let bad = |text, expected| ParameterError::new(parameter, format!("{parameter} must be {expected}, not {text:?}"));
    text.map(|text| parse(text).map_err(|expected| bad(text, expected))).transpose()
}
