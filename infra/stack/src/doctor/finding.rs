//! What the doctor says of one piece of a stack.

use std::fmt;

use spillway_aws::CallError;

/// What was looked at, and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The piece, such as `bucket notification`.
    pub piece: &'static str,
    /// What was looked at: a name, an ARN, an address.
    pub looked_at: String,
    /// What was seen.
    pub judgement: Judgement,
}

/// What is to be said of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is what it should be.
    Healthy {
        /// What was seen.
        saw: String,
    },
    /// It is what somebody wants, and whoever relies on the stack should know.
    Noted {
        /// What was seen, and what follows from it.
        saw: String,
    },
    /// It is not what it should be.
    Wrong {
        /// What was seen.
        saw: String,
        /// How to put it right: a command, filled in, or what to do.
        fix: String,
    },
    /// It can't be seen, so nobody knows.
    Unseen {
        /// Why.
        why: String,
        /// What to do.
        fix: String,
    },
}

impl Finding {
    /// What `judge` says of a piece that could be seen, and otherwise why it could not.
    pub(super) fn of<T>(
        piece: &'static str,
        looked_at: impl Into<String>,
        seen: Result<T, CallError>,
        judge: impl FnOnce(T) -> Judgement,
    ) -> Self {
        Self { piece, looked_at: looked_at.into(), judgement: seen.map_or_else(|error| unseen(&error), judge) }
    }

    /// A piece that could not be seen.
    pub(super) fn unseen(piece: &'static str, looked_at: impl Into<String>, error: &CallError) -> Self {
        Self { piece, looked_at: looked_at.into(), judgement: unseen(error) }
    }

    /// As [`Finding::of`], for what more than one piece is judged by.
    pub(super) fn by_ref<T>(
        piece: &'static str,
        looked_at: impl Into<String>,
        seen: &Result<T, CallError>,
        judge: impl FnOnce(&T) -> Judgement,
    ) -> Self {
        Self { piece, looked_at: looked_at.into(), judgement: seen.as_ref().map_or_else(unseen, judge) }
    }

    /// Whether it needs nobody.
    pub fn is_healthy(&self) -> bool {
        matches!(self.judgement, Judgement::Healthy { .. } | Judgement::Noted { .. })
    }
}

impl Judgement {
    pub(super) fn healthy(saw: impl Into<String>) -> Self {
        Self::Healthy { saw: saw.into() }
    }

    pub(super) fn noted(saw: impl Into<String>) -> Self {
        Self::Noted { saw: saw.into() }
    }

    pub(super) fn wrong(saw: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Wrong { saw: saw.into(), fix: fix.into() }
    }

    /// Healthy if nothing is wrong with it.
    pub(super) fn of(wrongs: &[String], healthy: impl Into<String>, fix: impl FnOnce() -> String) -> Self {
        if wrongs.is_empty() { Self::healthy(healthy) } else { Self::wrong(wrongs.join("; "), fix()) }
    }
}

/// Codes of AWS's services for an operation that they don't have.
const UNKNOWN_OPERATION: [&str; 5] =
    ["InvalidAction", "NotImplemented", "UnknownOperationException", "UnsupportedOperation", "NotImplementedException"];

fn unseen(error: &CallError) -> Judgement {
    let code = error.code().unwrap_or_default();
    let is_denied = ["AccessDenied", "Unauthorized", "AuthorizationError", "NotAuthorized"];
    let (why, fix) = if error.status() == Some(403) || is_denied.iter().any(|it| code.contains(it)) {
        ("not permitted", "let whoever runs this have the read policy (infra/stack/read-policy.json)")
    } else if error.status() == Some(501) || UNKNOWN_OPERATION.contains(&code) {
        ("not supported here", "ask an AWS that knows the call")
    } else {
        ("not to be seen", "try again")
    };
    Judgement::Unseen { why: format!("{why}: {error}"), fix: fix.to_owned() }
}

impl fmt::Display for Finding {
    /// A line for what is healthy or noted; what is not has lines of its own for what was looked at, what was seen and what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { piece, looked_at, judgement } = self;
        match judgement {
            Judgement::Healthy { saw } => write!(f, "ok       {piece:<26} {saw}"),
            Judgement::Noted { saw } => write!(f, "note     {piece:<26} {saw}"),
            Judgement::Wrong { saw, fix } => {
                write!(f, "WRONG    {piece:<26} {looked_at}\n           saw  {saw}\n           fix  {fix}")
            }
            Judgement::Unseen { why, fix } => {
                write!(f, "UNKNOWN  {piece:<26} {looked_at}\n           why  {why}\n           fix  {fix}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_has_lines_for_what_was_looked_at_and_seen_and_for_the_fix() {
        let finding = |judgement| Finding { piece: "alarm", looked_at: "total".to_owned(), judgement };
        let text = finding(Judgement::healthy("Maximum of 60 s")).to_string();
        assert_eq!(text, "ok       alarm                      Maximum of 60 s");
        let text = finding(Judgement::wrong("it is gone", "make it")).to_string();
        let expect = "WRONG    alarm                      total\n           saw  it is gone\n           fix  make it";
        assert_eq!(text, expect);
    }

    #[test]
    fn what_cannot_be_seen_is_not_healthy() {
        let seen: Result<(), _> = Err(CallError::unanswered("DescribeAlarms"));
        let finding = Finding::of("alarm", "total", seen, |()| Judgement::healthy("seen"));
        let why = "not to be seen: DescribeAlarms failed: there was no answer in time".to_owned();
        assert_eq!(finding.judgement, Judgement::Unseen { why, fix: "try again".to_owned() });
        assert!(!finding.is_healthy());
    }
}
