//! Reads the text of a metric filter pattern.

use serde_json::Value;

use crate::expression::{Expression, Operand, Operator, Selector, Test, number};

/// Reads from the front of what is left.
pub(crate) struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// For what is between a pattern's braces.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text.trim() }
    }

    /// All of it; the error says what is wrong with it.
    pub(crate) fn expression(mut self) -> Result<Expression, String> {
        let expression = self.any()?;
        if self.rest.is_empty() {
            Ok(expression)
        } else {
            Err(format!("{:?} follows the end of the pattern", self.rest))
        }
    }

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
        let selector = Selector::parse(self.word())?;
        Ok(Expression::Term(selector, self.test()?))
    }

    fn test(&mut self) -> Result<Test, String> {
        if self.takes("IS ") {
            return match self.word() {
                "NULL" => Ok(Test::Is(Value::Null)),
                "TRUE" => Ok(Test::Is(Value::Bool(true))),
                "FALSE" => Ok(Test::Is(Value::Bool(false))),
                _ => Err("after IS comes NULL, TRUE or FALSE".to_owned()),
            };
        }
        if self.takes("NOT ") {
            return if self.word() == "EXISTS" { Ok(Test::Absent) } else { Err("after NOT comes EXISTS".to_owned()) };
        }
        let operator = self.operator()?;
        let operand = self.operand()?;
        if operand == Operand::Anything && operator != Operator::Equal {
            return Err("* can follow = only".to_owned());
        }
        Ok(Test::Compare(operator, operand))
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
        found.ok_or_else(|| format!("{:?} is not a supported operator (= != < <= > >= IS NOT EXISTS)", self.rest))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        if let Some(rest) = self.rest.strip_prefix('"') {
            let (text, rest) = rest.split_once('"').ok_or("a string is not closed")?;
            if text.contains('\\') {
                return Err("escapes in strings are not supported".to_owned());
            }
            self.rest = rest.trim_start();
            return Ok(Operand::Text(text.to_owned()));
        }
        match self.word() {
            "*" => Ok(Operand::Anything),
            word => {
                number(word).map(Operand::Number).ok_or_else(|| format!("{word:?} is neither a number nor in quotes"))
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
