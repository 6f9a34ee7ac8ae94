//! What a caller of the plot API may ask for.

use aws_lambda_events::query_map::QueryMap;
use jiff::Timestamp;
use spillway_chart::SIDES;
use spillway_lambda::parameters::{self, ParameterError};

use crate::format::Format;

/// The width and height of a plot that doesn't ask for others, in pixels.
const SIZE: (u32, u32) = (1_200, 675);

const PARAMETERS: [&str; 6] = ["from", "to", "run", "width", "height", "format"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Which part of the history to plot.
    pub span: Span,
    /// The width and height of the plot, in pixels.
    pub size: (u32, u32),
    /// The plot's format; without it, the `Accept` header decides.
    pub format: Option<Format>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// A range of time.
    Between(Range),
    /// A run, by the name of its execution.
    Run(String),
}

/// The span of time to plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first moment; without it, the plot begins with the history.
    pub from: Option<Timestamp>,
    /// The moment after the last.
    pub to: Timestamp,
}

impl Query {
    /// Reads the parameters; `now` is the end of a range that has none.
    pub fn new(query: &QueryMap, now: Timestamp) -> Result<Self, ParameterError> {
        parameters::refuse_others(query.iter().map(|(name, _)| name), &PARAMETERS)?;
        let format = |text: &str| Format::from_extension(text).ok_or("png or svg");
        Ok(Self {
            span: span(query, now)?,
            size: (side(query, "width")?.unwrap_or(SIZE.0), side(query, "height")?.unwrap_or(SIZE.1)),
            format: read(query, "format", format)?,
        })
    }
}

fn span(query: &QueryMap, now: Timestamp) -> Result<Span, ParameterError> {
    let (from, to) = (moment(query, "from")?, moment(query, "to")?);
    if let Some(run) = query.first("run") {
        let Some(other) = [("from", from), ("to", to)].into_iter().find_map(|(name, moment)| moment.map(|_| name))
        else {
            return Ok(Span::Run(run.to_owned()));
        };
        return Err(ParameterError::new(
            other,
            format!("{other} can't be asked for together with run, which has its own"),
        ));
    }
    let to = to.unwrap_or(now);
    match from {
        Some(from) if from > to => {
            Err(ParameterError::new("from", format!("from ({from}) must not be after to ({to})")))
        }
        from => Ok(Span::Between(Range { from, to })),
    }
}

fn moment(query: &QueryMap, parameter: &str) -> Result<Option<Timestamp>, ParameterError> {
    read(query, parameter, |text| {
        let epoch = text.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        epoch.or_else(|| text.parse().ok()).ok_or("a time in RFC 3339 or in seconds since the epoch")
    })
}

fn side(query: &QueryMap, parameter: &str) -> Result<Option<u32>, ParameterError> {
    let expected = format!("{} to {} pixels", SIDES.start(), SIDES.end());
    read(query, parameter, |text| text.parse().ok().filter(|side| SIDES.contains(side)).ok_or(expected.as_str()))
}

fn read<'a, T>(
    query: &QueryMap,
    parameter: &str,
    parse: impl Fn(&str) -> Result<T, &'a str>,
) -> Result<Option<T>, ParameterError> {
    parameters::read(parameter, query.first(parameter), parse)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(query: &[(&str, &str)]) -> Result<Query, (String, String)> {
        let query: HashMap<String, String> = query.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        let query = Query::new(&query.into(), "2026-08-01T10:00:00Z".parse().unwrap());
        query.map_err(|bad| (bad.to_string(), bad.parameter))
    }

    #[track_caller]
    fn check(query: &[(&str, &str)], from: Option<&str>, to: &str) {
        let range = Range { from: from.map(|from| from.parse().unwrap()), to: to.parse().unwrap() };
        assert_eq!(read(query).map(|query| query.span), Ok(Span::Between(range)));
    }

    #[track_caller]
    fn check_bad(query: &[(&str, &str)], parameter: &str, reason: &str) {
        assert_eq!(read(query), Err((reason.into(), parameter.into())));
    }

    #[test]
    fn times_are_rfc_3339_or_epoch_seconds() {
        check(&[], None, "2026-08-01T10:00:00Z");
        check(&[("from", "2026-08-01T09:00:00.5Z")], Some("2026-08-01T09:00:00.5Z"), "2026-08-01T10:00:00Z");
        check(&[("from", "0"), ("to", "60")], Some("1970-01-01T00:00:00Z"), "1970-01-01T00:01:00Z");
    }

    #[test]
    fn a_run_size_and_format_can_be_asked_for() {
        let query = [("run", "r-1"), ("width", "320"), ("height", "4096"), ("format", "svg"), ("X-Amz-Date", "today")];
        let expect = Query { span: Span::Run("r-1".into()), size: (320, 4_096), format: Some(Format::Svg) };
        assert_eq!(read(&query), Ok(expect));
    }

    #[test]
    fn without_parameters_a_plot_is_1200_by_675() {
        let range = Range { from: None, to: "2026-08-01T10:00:00Z".parse().unwrap() };
        assert_eq!(read(&[]), Ok(Query { span: Span::Between(range), size: (1_200, 675), format: None }));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let time = "a time in RFC 3339 or in seconds since the epoch";
        check_bad(&[("from", "")], "from", &format!("from must be {time}, not \"\""));
        check_bad(&[("to", "soon")], "to", &format!("to must be {time}, not \"soon\""));
        check_bad(
            &[("from", "60"), ("to", "0")],
            "from",
            "from (1970-01-01T00:01:00Z) must not be after to (1970-01-01T00:00:00Z)",
        );
        check_bad(&[("width", "319")], "width", "width must be 320 to 4096 pixels, not \"319\"");
        check_bad(&[("height", "4097")], "height", "height must be 320 to 4096 pixels, not \"4097\"");
        check_bad(&[("height", "-1")], "height", "height must be 320 to 4096 pixels, not \"-1\"");
        check_bad(&[("format", "PDF")], "format", "format must be png or svg, not \"PDF\"");
    }

    #[test]
    fn a_run_has_its_own_range() {
        let reason = "to can't be asked for together with run, which has its own";
        check_bad(&[("run", "r-1"), ("to", "60")], "to", reason);
    }

    #[test]
    fn a_name_that_is_no_parameter_is_named() {
        let reason = "there is no parameter form, only from, to, run, width, height, format";
        check_bad(&[("form", "svg")], "form", reason);
    }
}
