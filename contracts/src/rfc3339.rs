//! How a moment is read: as RFC 3339, which the schemas' `date-time` means, and which is narrower than what jiff reads.

use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Reads a moment.
pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Reads a moment, or null.
pub fn read_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse(&text)).transpose().map_err(D::Error::custom)
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time in RFC 3339, such as 2026-08-01T10:00:00.000Z")]
struct Rfc3339Error(String);

fn parse(text: &str) -> Result<Timestamp, Rfc3339Error> {
    let moment = if has_form(text) { text.parse().ok() } else { None };
    moment.ok_or_else(|| Rfc3339Error(text.to_owned()))
}

/// Whether digits and separators are where RFC 3339 wants them.
fn has_form(text: &str) -> bool {
    let mark = |c: char| if c.is_ascii_digit() { '0' } else { c.to_ascii_uppercase() };
    let form: String = text.chars().map(mark).collect();
    let Some(rest) = form.strip_prefix("0000-00-00T00:00:00") else { return false };
    let offset = match rest.strip_prefix(".0") {
        Some(digits) => digits.trim_start_matches('0'),
        None => rest,
    };
    matches!(offset, "Z" | "+00:00" | "-00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(parse(text).ok(), expect.map(|expect| expect.parse().unwrap()));
    }

    #[test]
    fn a_moment_is_rfc_3339() {
        check("2026-08-01T10:00:00Z", Some("2026-08-01T10:00:00Z"));
        check("2026-08-01T10:00:00.250Z", Some("2026-08-01T10:00:00.25Z"));
        check("2026-08-01t10:00:00z", Some("2026-08-01T10:00:00Z"));
        check("2026-08-01T12:00:00+02:00", Some("2026-08-01T10:00:00Z"));
    }

    #[test]
    fn anything_else_that_reads_as_a_time_is_refused() {
        check("2026-08-01 10:00:00Z", None);
        check("2026-08-01T10:00Z", None);
        check("2026-08-01T10:00:00", None);
        check("2026-08-01T10:00:00.Z", None);
        check("2026-08-01T10:00:00+0000", None);
        check("2026-08-01T10:00:00Z[UTC]", None);
        check("20260801T100000Z", None);
        check("2026-13-01T10:00:00Z", None);
        check("tomorrow", None);
    }
}
