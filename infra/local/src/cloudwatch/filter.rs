//! Metric filter patterns for JSON log lines, as CloudWatch Logs documents them ("Filter pattern syntax").

use serde_json::Value;

/// A pattern such as `{ $.level = "ERROR" && $.total_size > 5 }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Expression);

/// A selector such as `$.total_size`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector(Vec<String>);

/// A pattern or selector that is not one, or that is beyond what is applied here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the filter pattern {pattern:?} can't be applied locally: {reason}")]
pub struct PatternError {
    pattern: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Term { selector: Selector, operator: Operator, operand: Operand },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Anything,
    Number(f64),
    Text(String),
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let error = |reason: String| PatternError { pattern: pattern.to_owned(), reason };
        let inner = pattern.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inner = inner.ok_or_else(|| error("only JSON patterns, in braces, are applied".to_owned()))?;
        let mut parser = Parser { rest: inner.trim() };
        let expression = parser.any().map_err(error)?;
        if parser.rest.is_empty() {
            Ok(Self(expression))
        } else {
            Err(error(format!("{:?} is left over", parser.rest)))
        }
    }

    /// Whether `line` is JSON and the pattern holds for it.
    pub fn matches(&self, line: &Value) -> bool {
        self.0.holds(line)
    }
}

impl Selector {
    /// Reads a selector.
    pub fn parse(selector: &str) -> Result<Self, PatternError> {
        let error = || PatternError { pattern: selector.to_owned(), reason: "a selector is like $.a.b".to_owned() };
        let names: Vec<String> = selector.strip_prefix("$.").ok_or_else(error)?.split('.').map(str::to_owned).collect();
        let plain = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
        if names.iter().all(plain) { Ok(Self(names)) } else { Err(error()) }
    }

    /// The number that it selects, as a metric takes it.
    pub fn number(&self, line: &Value) -> Option<f64> {
        match self.scalar(line)? {
            Value::String(text) => text.parse().ok(),
            value => value.as_f64(),
        }
    }

    /// What it selects; arrays and objects never count.
    fn scalar<'a>(&self, line: &'a Value) -> Option<&'a Value> {
        let value = self.0.iter().try_fold(line, |value, name| value.get(name))?;
        (!value.is_array() && !value.is_object()).then_some(value)
    }
}

impl Expression {
    fn holds(&self, line: &Value) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.holds(line)),
            Self::Any(terms) => terms.iter().any(|term| term.holds(line)),
            Self::Term { selector, operator, operand } => {
                selector.scalar(line).is_some_and(|value| compare(value, *operator, operand))
            }
        }
    }
}

fn compare(value: &Value, operator: Operator, operand: &Operand) -> bool {
    match operand {
        Operand::Anything => operator == Operator::Equal,
        Operand::Text(text) => match (value.as_str(), operator) {
            (Some(value), Operator::Equal) => value == text,
            (Some(value), Operator::NotEqual) => value != text,
            _ => false,
        },
        Operand::Number(number) => value.as_f64().is_some_and(|value| match operator {
            Operator::Equal => value == *number,
            Operator::NotEqual => value != *number,
            Operator::Less => value < *number,
            Operator::LessOrEqual => value <= *number,
            Operator::Greater => value > *number,
            Operator::GreaterOrEqual => value >= *number,
        }),
    }
}

/// Reads from the front of what is left.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Expression, String> {
        let mut terms = vec![self.all()?];
        while self.takes("||") {
            terms.push(self.all()?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expression::Any(terms) })
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut terms = vec![self.term()?];
        while self.takes("&&") {
            terms.push(self.term()?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expression::All(terms) })
    }

    fn term(&mut self) -> Result<Expression, String> {
        if self.takes("(") {
            let inner = self.any()?;
            return if self.takes(")") { Ok(inner) } else { Err("a parenthesis is not closed".to_owned()) };
        }
        let selector = Selector::parse(self.word()).map_err(|error| error.reason)?;
        let operator = self.operator()?;
        let operand = self.operand()?;
        if operand == Operand::Anything && operator != Operator::Equal {
            return Err("only = takes *".to_owned());
        }
        Ok(Expression::Term { selector, operator, operand })
    }

    fn operator(&mut self) -> Result<Operator, String> {
        let operators = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let found = operators.into_iter().find(|(sign, _)| self.takes(sign)).map(|(_, operator)| operator);
        found.ok_or_else(|| format!("{:?} is not an operator that is applied (= != < <= > >=)", self.rest))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        if let Some(rest) = self.rest.strip_prefix('"') {
            let (text, rest) = rest.split_once('"').ok_or("a text is not closed")?;
            if text.contains(['*', '\\']) {
                return Err("wildcards and escapes in texts are not applied".to_owned());
            }
            self.rest = rest.trim_start();
            return Ok(Operand::Text(text.to_owned()));
        }
        match self.word() {
            "*" => Ok(Operand::Anything),
            word => {
                word.parse().map(Operand::Number).map_err(|_| format!("{word:?} is neither a number nor in quotes"))
            }
        }
    }

    /// The characters up to a space or a sign.
    fn word(&mut self) -> &str {
        let end = self.rest.find(|c: char| c.is_whitespace() || "=!<>&|()".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    fn takes(&mut self, sign: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(sign) else { return false };
        self.rest = rest.trim_start();
        true
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
    fn what_is_not_a_pattern_is_refused() {
        for (pattern, reason) in [
            ("{ $.x EXISTS }", "\"EXISTS\" is not an operator that is applied (= != < <= > >=)"),
            ("[ip, user]", "only JSON patterns, in braces, are applied"),
            ("{ $.x = y }", "\"y\" is neither a number nor in quotes"),
            ("{ $.x = * $.y = * }", "\"$.y = *\" is left over"),
            ("{ x = * }", "a selector is like $.a.b"),
        ] {
            let expect = PatternError { pattern: pattern.to_owned(), reason: reason.to_owned() };
            assert_eq!(Pattern::parse(pattern), Err(expect));
        }
    }

    #[test]
    fn a_selector_gives_a_number() {
        let selector = Selector::parse("$.total_size").unwrap();
        assert_eq!(selector.number(&json!({ "total_size": 46 })), Some(46.0));
        assert_eq!(selector.number(&json!({ "total_size": "46" })), Some(46.0));
        assert_eq!(selector.number(&json!({ "total_size": null })), None);
    }
}
