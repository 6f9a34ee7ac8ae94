//! What EventBridge Scheduler says to the functions that it invokes. (To the state machine it says a run's input.)

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// Has `size-tracking` write the total once more, in case the last line was lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// Always true.
    #[serde(deserialize_with = "read_true")]
    #[schemars(extend("const" = true))]
    pub heartbeat: bool,
}

/// Has the cleaner look, in case an invocation by the alarm was lost or not enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SafetyNet {
    /// The schedule's name.
    pub schedule: String,
}

/// Has `plotting` sum up what of the history is old enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SumUp {
    /// Always true.
    #[serde(deserialize_with = "read_true")]
    #[schemars(extend("const" = true))]
    pub sum_up: bool,
}

fn read_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match bool::deserialize(deserializer)? {
        true => Ok(true),
        false => Err(D::Error::custom("it is never false: leave the event out")),
    }
}
