//! Metric filter patterns for JSON log lines, as CloudWatch Logs documents them ("Filter pattern syntax").

use serde_json::Value;

use crate::expression::{Expression, Selector, number};
use crate::parse::Parser;

/// A pattern such as `{ $.level = "ERROR" && $.total_size > 5 }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Expression);

/// What a matching line adds to the metric: the number that it carries, or always the same one.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricValue {
    /// Such as `1`, to count lines.
    Literal(f64),
    /// Such as `$.total_size`.
    Selected(Selector),
}

/// A pattern or selector that is not one, or that is beyond what is applied here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the filter pattern {pattern:?} can't be applied locally: {reason}")]
pub struct PatternError {
    pattern: String,
    reason: String,
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let error = |reason: String| PatternError { pattern: pattern.to_owned(), reason };
        let inner = pattern.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inner = inner.ok_or_else(|| error("only JSON patterns (in braces) are supported".to_owned()))?;
        Parser::new(inner).expression().map(Self).map_err(error)
    }

    /// Whether `line` is JSON and the pattern holds for it.
    pub fn matches(&self, line: &Value) -> bool {
        self.0.holds(line)
    }
}

impl MetricValue {
    /// Reads a transformation's `metricValue`.
    pub fn parse(value: &str) -> Result<Self, PatternError> {
        if let Some(literal) = number(value) {
            return Ok(Self::Literal(literal));
        }
        let error = |reason| PatternError { pattern: value.to_owned(), reason };
        Selector::parse(value).map(Self::Selected).map_err(error)
    }

    /// What a matching line adds, if it carries a number.
    pub fn of(&self, line: &Value) -> Option<f64> {
        match self {
            Self::Literal(literal) => Some(*literal),
            Self::Selected(selector) => selector.number(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, line: Value, expect: bool) {
        assert_eq!(Pattern::parse(pattern).unwrap().matches(&line), expect);
    }

    #[test]
    fn a_star_matches_any_scalar_that_is_there() {
        check("{ $.total_size = * }", json!({ "total_size": 46 }), true);
        check("{ $.total_size = * }", json!({ "total": 46 }), false);
        check("{ $.total_size = * }", json!({ "total_size": [46] }), false);
        check("{ $.total_size = * }", json!({ "total_size": { "a": 46 } }), false);
        check("{$.a.b=*}", json!({ "a": { "b": "x" } }), true);
        check("{ $.total_size = * }", json!("a text"), false);
    }

    #[test]
    fn terms_are_compared_and_combined() {
        let line = json!({ "a": 6, "b": "x" });
        check(r#"{ $.a > 5 && $.b = "x" }"#, line.clone(), true);
        check(r#"{ $.a > 6 && $.b = "x" }"#, line.clone(), false);
        check(r#"{ $.a > 6 || $.b = "x" }"#, line.clone(), true);
        check(r#"{ ($.a >= 6 || $.a < 0) && $.b != "y" }"#, line.clone(), true);
        check("{ $.b = 5 }", line.clone(), false);
        check("{ $.a <= 5.5 }", line, false);
    }

    #[test]
    fn a_star_in_a_text_stands_for_any_characters() {
        let line = json!({ "code": "Client.UnauthorizedOperation" });
        check(r#"{ $.code = "*UnauthorizedOperation" }"#, line.clone(), true);
        check(r#"{ $.code = "Client.*" }"#, line.clone(), true);
        check(r#"{ $.code = "Client" }"#, line.clone(), false);
        check(r#"{ $.code != "Client.*" }"#, line.clone(), false);
        check(r#"{ $.code = "Server.*" }"#, line, false);
    }

    #[test]
    fn null_true_false_and_absent_are_told_apart() {
        let line = json!({ "null": null, "true": true, "false": false, "object": { "a": 1 } });
        check("{ $.null IS NULL }", line.clone(), true);
        check("{ $.absent IS NULL }", line.clone(), false);
        check("{ $.true IS TRUE }", line.clone(), true);
        check("{ $.true IS FALSE }", line.clone(), false);
        check("{ $.false IS FALSE && $.true IS TRUE }", line.clone(), true);
        check("{ $.absent NOT EXISTS }", line.clone(), true);
        check("{ $.null NOT EXISTS }", line.clone(), false);
        check("{ $.object NOT EXISTS }", line, false);
    }

    #[test]
    fn or_binds_weaker_than_and() {
        check("{ $.a = 1 || $.a = 2 && $.b = 3 }", json!({ "a": 1 }), true);
        check("{ ($.a = 1 || $.a = 2) && $.b = 3 }", json!({ "a": 1 }), false);
    }

    #[test]
    fn what_is_not_a_pattern_is_refused() {
        for (pattern, reason) in [
            ("{ $.x EXISTS }", "\"EXISTS\" is not a supported operator (= != < <= > >= IS NOT EXISTS)"),
            ("{ $.x IS 5 }", "after IS comes NULL, TRUE or FALSE"),
            ("{ $.x NOT TRUE }", "after NOT comes EXISTS"),
            ("{ $.x != * }", "* can follow = only"),
            ("{ $.x = inf }", "\"inf\" is neither a number nor in quotes"),
            ("{ ($.x = 1 }", "a parenthesis is not closed"),
            ("{ $.x = \"a }", "a string is not closed"),
            ("[ip, user]", "only JSON patterns (in braces) are supported"),
            ("{ $.x = y }", "\"y\" is neither a number nor in quotes"),
            ("{ $.x = * $.y = * }", "\"$.y = *\" follows the end of the pattern"),
            ("{ x = * }", "a selector looks like $.a.b"),
        ] {
            let expect = PatternError { pattern: pattern.to_owned(), reason: reason.to_owned() };
            assert_eq!(Pattern::parse(pattern), Err(expect));
        }
    }

    #[test]
    fn a_metric_value_is_a_literal_or_selected() {
        let line = json!({ "total_size": 46, "name": "nan" });
        assert_eq!(MetricValue::parse("1").unwrap().of(&line), Some(1.0));
        assert_eq!(MetricValue::parse("$.total_size").unwrap().of(&line), Some(46.0));
        assert_eq!(MetricValue::parse("$.name").unwrap().of(&line), None);
        assert!(MetricValue::parse("total_size").is_err());
    }
}
