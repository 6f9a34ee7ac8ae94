//! What many changes come to, as far as a picture can show it.

use jiff::{SignedDuration, Timestamp};

use super::{Change, ChangeKind};

/// How precisely a picture shows when something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// As precisely as it is known.
    Full,
    /// To the second: no column of pixels is shorter.
    Second,
    /// To the minute.
    Minute,
}

impl Resolution {
    /// How long the spans are that a picture doesn't look into. They are counted from the epoch.
    pub fn length(self) -> SignedDuration {
        match self {
            Self::Full => SignedDuration::from_nanos(1),
            Self::Second => SignedDuration::from_secs(1),
            Self::Minute => SignedDuration::from_mins(1),
        }
    }
}

/// What the changes of a span of time come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// When the span begins.
    pub at: Timestamp,
    /// The total after the first change, in bytes.
    pub first: u64,
    /// The least total.
    pub min: u64,
    /// The greatest total.
    pub max: u64,
    /// The total after the last change.
    pub last: u64,
    /// When the total first was at its greatest.
    pub max_at: Timestamp,
    /// How many objects were uploaded.
    pub uploads: u64,
    /// How many were deleted.
    pub deletions: u64,
    /// How many changes an audit made.
    pub repairs: u64,
}

impl Summary {
    /// What one change comes to, in a span that begins `at` this moment.
    pub fn of(at: Timestamp, change: &Change) -> Self {
        let is = |kind: ChangeKind| u64::from(change.kind == kind);
        let total = change.total_size;
        Self {
            at,
            first: total,
            min: total,
            max: total,
            last: total,
            max_at: change.at,
            uploads: is(ChangeKind::Created),
            deletions: is(ChangeKind::Deleted),
            repairs: is(ChangeKind::Repaired),
        }
    }

    /// Adds what comes next.
    pub fn add(&mut self, next: &Self) {
        if next.max > self.max {
            (self.max, self.max_at) = (next.max, next.max_at);
        }
        self.min = self.min.min(next.min);
        self.last = next.last;
        self.uploads += next.uploads;
        self.deletions += next.deletions;
        self.repairs += next.repairs;
    }
}
