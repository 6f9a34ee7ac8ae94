//! What a metric filter pattern says of a log line, once it has been read.

use serde_json::Value;
use spillway_stack::wildcard;

/// A selector such as `$.total_size`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector(Vec<String>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Term(Selector, Test),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    Compare(Operator, Operand),
    /// `IS NULL`, `IS TRUE` or `IS FALSE`.
    Is(Value),
    /// `NOT EXISTS`.
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Anything,
    Number(f64),
    /// A `*` in it stands for any characters.
    Text(String),
}

impl Selector {
    /// Reads a selector; the error says what one is like.
    pub(crate) fn parse(selector: &str) -> Result<Self, String> {
        let error = || "a selector looks like $.a.b".to_owned();
        let names: Vec<String> = selector.strip_prefix("$.").ok_or_else(error)?.split('.').map(str::to_owned).collect();
        let plain = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
        if names.iter().all(plain) { Ok(Self(names)) } else { Err(error()) }
    }

    /// The number that it selects, as a metric takes it.
    pub(crate) fn number(&self, line: &Value) -> Option<f64> {
        match self.scalar(line)? {
            Value::String(text) => number(text),
            value => value.as_f64(),
        }
    }

    /// What it selects; arrays and objects never count.
    fn scalar<'a>(&self, line: &'a Value) -> Option<&'a Value> {
        self.any(line).filter(|value| !value.is_array() && !value.is_object())
    }

    fn any<'a>(&self, line: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(line, |value, name| value.get(name))
    }
}

/// The number in `text`; Rust would also read `inf` and `nan`, which are none here.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

impl Expression {
    /// Whether it holds for a line.
    pub(crate) fn holds(&self, line: &Value) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.holds(line)),
            Self::Any(terms) => terms.iter().any(|term| term.holds(line)),
            Self::Term(selector, test) => test.holds(selector, line),
        }
    }
}

impl Test {
    fn holds(&self, selector: &Selector, line: &Value) -> bool {
        match self {
            Self::Compare(operator, operand) => {
                selector.scalar(line).is_some_and(|value| compare(value, *operator, operand))
            }
            Self::Is(expect) => selector.scalar(line) == Some(expect),
            Self::Absent => line.is_object() && selector.any(line).is_none(),
        }
    }
}

fn compare(value: &Value, operator: Operator, operand: &Operand) -> bool {
    match operand {
        Operand::Anything => operator == Operator::Equal,
        Operand::Text(text) => match (value.as_str(), operator) {
            (Some(value), Operator::Equal) => wildcard::matches(text, value),
            (Some(value), Operator::NotEqual) => !wildcard::matches(text, value),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_gives_a_number() {
        let selector = Selector::parse("$.total_size").unwrap();
        assert_eq!(selector.number(&json!({ "total_size": 46 })), Some(46.0));
        assert_eq!(selector.number(&json!({ "total_size": "46" })), Some(46.0));
        assert_eq!(selector.number(&json!({ "total_size": null })), None);
    }
}
