//! The order of events of one object.

use std::cmp::Ordering;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// S3's `sequencer`: orders the events of one object name, and only of one.
///
/// A hexadecimal number whose length varies: what S3 sends are seconds since the epoch and a fraction of one, with zeros in
/// front. So the greater number is the later event. S3's user guide ("Event message structure") says the same: pad the
/// shorter one with zeros on the left, then compare them as texts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(!try_from)]
pub struct Sequencer(#[schemars(regex(pattern = r"^[0-9A-Fa-f]+$"))] String);

/// A sequencer that is empty or holds anything but hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sequencer is a hexadecimal number, not {0:?}")]
pub struct SequencerError(String);

impl Sequencer {
    /// Takes `digits` if they are hexadecimal.
    pub fn new(digits: impl Into<String>) -> Result<Self, SequencerError> {
        let digits = digits.into();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(SequencerError(digits));
        }
        Ok(Self(digits))
    }

    /// The digits as S3 sent them.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits that decide: in one case, and without zeros in front.
    fn significant(&self) -> impl Iterator<Item = u8> {
        self.0.trim_start_matches('0').bytes().map(|b| b.to_ascii_uppercase())
    }
}

impl Default for Sequencer {
    /// Earlier than any that S3 sends.
    fn default() -> Self {
        Self("0".to_owned())
    }
}

impl Ord for Sequencer {
    fn cmp(&self, other: &Self) -> Ordering {
        let lengths = self.significant().count().cmp(&other.significant().count());
        lengths.then_with(|| self.significant().cmp(other.significant()))
    }
}

impl PartialOrd for Sequencer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sequencer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Sequencer {}

impl TryFrom<String> for Sequencer {
    type Error = SequencerError;

    fn try_from(digits: String) -> Result<Self, Self::Error> {
        Self::new(digits)
    }
}

impl From<Sequencer> for String {
    fn from(sequencer: Sequencer) -> Self {
        sequencer.0
    }
}

impl fmt::Display for Sequencer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, expect: Ordering) {
        let (a, b) = (Sequencer::new(a).unwrap(), Sequencer::new(b).unwrap());
        assert_eq!(a.cmp(&b), expect);
        assert_eq!(b.cmp(&a), expect.reverse());
    }

    #[test]
    fn the_greater_number_is_later_whatever_zeros_are_in_front() {
        check("0055AED6DCD90281E5", "0055AED6DCD90281E6", Ordering::Less);
        check("0055AED6DCD90281E5", "55AED6DCD90281E5", Ordering::Equal);
        check("0055AED6DCD90281E5", "0055AED6DCD90281E500", Ordering::Less);
        // Real ones, of 2024-12-07 and of 2021-10-26.
        check("006754D340F025B776", "617b398000000000", Ordering::Greater);
        check("00F", "00E1", Ordering::Less);
        check("00ab", "00AB", Ordering::Equal);
        check("0", "000", Ordering::Equal);
    }

    #[test]
    fn only_hexadecimal_digits_are_taken() {
        assert_eq!(Sequencer::new(""), Err(SequencerError(String::new())));
        assert_eq!(Sequencer::new("12G"), Err(SequencerError("12G".into())));
    }
}
