//! In what lengths the history is summed up.

use jiff::{SignedDuration, Timestamp};
use spillway_chart::Resolution;

/// How many summaries a row has at most.
const SUMMARIES: i32 = 600;

/// One of the two lengths. Seconds are for plots of some hours, and for the edges of longer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Seconds,
    Minutes,
}

impl Level {
    /// What its rows are called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
        }
    }

    /// How long a part of the history is that has one summary.
    pub fn unit(self) -> SignedDuration {
        match self {
            Self::Seconds => Resolution::Second.length(),
            Self::Minutes => Resolution::Minute.length(),
        }
    }

    /// How long the part is that one row is about.
    pub fn row(self) -> SignedDuration {
        self.unit() * SUMMARIES
    }
}

/// When the part of this length began that a moment is in. They are counted from the epoch.
pub fn floor(at: Timestamp, length: SignedDuration) -> Timestamp {
    let length = length.as_nanos();
    Timestamp::from_nanosecond(at.as_nanosecond().div_euclid(length) * length).unwrap_or(Timestamp::MIN)
}

/// When the first of them begins that a moment is not after.
pub fn ceil(at: Timestamp, length: SignedDuration) -> Timestamp {
    let began_at = floor(at, length);
    if began_at == at { at } else { began_at.checked_add(length).unwrap_or(Timestamp::MAX) }
}
