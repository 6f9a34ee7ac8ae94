//! Times that come from the clock, which differ from run to run: replaced by what they mean.

use jiff::Timestamp;
use serde_json::Value;

/// How long a wait may last in all cases.
const DEADLINE_SECONDS: i64 = 900;
/// How long the lock of a run holds.
const RUN_LOCK_SECONDS: i64 = 3660;
/// How long the lock of an audit holds.
const AUDIT_LOCK_SECONDS: i64 = 86_460;

/// When an execution ran, in seconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// When it began.
    pub start: i64,
    /// When it had ended.
    pub stop: i64,
}

impl Clock {
    /// Replaces, wherever they stand, moments of the execution by `now`, and those that are reckoned from them.
    pub fn hide(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => fields.values_mut().for_each(|field| self.hide(field)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide(item)),
            Value::String(text) => {
                if let Some(meaning) = self.meaning(text) {
                    *text = meaning;
                }
            }
            Value::Number(number) => {
                if let Some(meaning) = self.meaning(&number.to_string()) {
                    *value = meaning.into();
                }
            }
            _ => {}
        }
    }

    fn meaning(&self, text: &str) -> Option<String> {
        let second = text.parse::<Timestamp>().map(Timestamp::as_second).ok().or_else(|| text.parse().ok())?;
        let is_now = |second| (self.start..=self.stop).contains(&second);
        if is_now(second) {
            return Some("now".to_owned());
        }
        let later = [DEADLINE_SECONDS, RUN_LOCK_SECONDS, AUDIT_LOCK_SECONDS]
            .into_iter()
            .find(|seconds| is_now(second - seconds))?;
        Some(format!("now + {later} s"))
    }
}
