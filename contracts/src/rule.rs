//! The rule that a stack's cleaner follows.

use std::fmt::{self, Display};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What goes first, once something has to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeleteFirst {
    /// The largest objects: as few as possible go.
    #[default]
    Largest,
    /// The objects whose last write is the longest ago.
    Oldest,
}

/// A total in percent of the threshold, rounded down: 100 means that the threshold is reached.
pub fn fill_percent(total_size: u64, threshold_bytes: u64) -> u64 {
    let percent = u128::from(total_size) * 100 / u128::from(threshold_bytes.max(1));
    u64::try_from(percent).unwrap_or(u64::MAX)
}

/// The total that a cleaning ends below, in bytes: a total is below `target_percent` of the threshold if it is below this.
pub fn target_bytes(threshold_bytes: u64, target_percent: u64) -> u64 {
    let target = (u128::from(threshold_bytes) * u128::from(target_percent)).div_ceil(100);
    u64::try_from(target).unwrap_or(u64::MAX)
}

/// A word that names no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no order in which objects go: it must be largest or oldest")]
pub struct UnknownOrderError(String);

impl FromStr for DeleteFirst {
    type Err = UnknownOrderError;

    fn from_str(word: &str) -> Result<Self, UnknownOrderError> {
        match word {
            "largest" => Ok(Self::Largest),
            "oldest" => Ok(Self::Oldest),
            other => Err(UnknownOrderError(other.to_owned())),
        }
    }
}

impl Display for DeleteFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Largest => "largest",
            Self::Oldest => "oldest",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_a_threshold() {
        let targets = [(20, 100), (20, 90), (20, 99), (20, 1), (1, 50)].map(|(of, percent)| target_bytes(of, percent));
        assert_eq!(targets, [20, 18, 20, 1, 1]);
        assert_eq!(target_bytes(u64::MAX, 100), u64::MAX);
        assert_eq!([0, 15, 19, 20, 46].map(|total| fill_percent(total, 20)), [0, 75, 95, 100, 230]);
        assert_eq!(fill_percent(u64::MAX, 1), u64::MAX);
    }
}
