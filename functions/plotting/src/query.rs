//! What a caller of the plot API may ask for.

use aws_lambda_events::query_map::QueryMap;
use jiff::Timestamp;

/// The span of time to plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first moment.
    pub from: Timestamp,
    /// The moment after the last.
    pub to: Timestamp,
}

/// A query parameter that can't be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BadParameter {
    /// The parameter's name.
    pub parameter: &'static str,
    reason: String,
}

impl Range {
    /// From the parameters `from` and `to`; all of the history without them.
    pub fn from_query(query: &QueryMap, now: Timestamp) -> Result<Self, BadParameter> {
        let from = moment(query, "from")?.unwrap_or(Timestamp::UNIX_EPOCH);
        let to = moment(query, "to")?.unwrap_or(now);
        if from > to {
            let reason = format!("from ({from}) must not be after to ({to})");
            return Err(BadParameter { parameter: "from", reason });
        }
        Ok(Self { from, to })
    }
}

fn moment(query: &QueryMap, parameter: &'static str) -> Result<Option<Timestamp>, BadParameter> {
    let read = |text: &str| {
        let epoch = text.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        epoch.or_else(|| text.parse().ok()).ok_or_else(|| BadParameter {
            parameter,
            reason: format!("{parameter} must be a time in RFC 3339 or in seconds since the epoch, not {text:?}"),
        })
    };
    query.first(parameter).map(read).transpose()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[track_caller]
    fn check(query: &[(&str, &str)], expect: Result<(&str, &str), &str>) {
        let query: HashMap<String, String> = query.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        let range = Range::from_query(&query.into(), "2026-08-01T10:00:00Z".parse().unwrap());
        let range =
            range.map(|range| (range.from.to_string(), range.to.to_string())).map_err(|error| error.to_string());
        assert_eq!(range, expect.map(|(from, to)| (from.into(), to.into())).map_err(str::to_owned));
    }

    #[test]
    fn times_are_rfc_3339_or_epoch_seconds() {
        check(&[], Ok(("1970-01-01T00:00:00Z", "2026-08-01T10:00:00Z")));
        check(&[("from", "2026-08-01T09:00:00.5Z")], Ok(("2026-08-01T09:00:00.5Z", "2026-08-01T10:00:00Z")));
        check(&[("from", "0"), ("to", "60")], Ok(("1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z")));
    }

    #[test]
    fn what_is_wrong_is_named() {
        check(&[("to", "soon")], Err("to must be a time in RFC 3339 or in seconds since the epoch, not \"soon\""));
        check(
            &[("from", "60"), ("to", "0")],
            Err("from (1970-01-01T00:01:00Z) must not be after to (1970-01-01T00:00:00Z)"),
        );
    }
}
