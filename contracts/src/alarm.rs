//! What an alarm says to the function that is its action. AWS owns this event: unknown fields are let through.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The event of an alarm's Lambda action, as far as anybody here reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlarmEvent {
    /// Always `aws.cloudwatch`.
    pub source: String,
    /// The alarm.
    pub alarm_arn: String,
    /// What happened to it.
    pub alarm_data: AlarmData,
}

/// The alarm's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlarmData {
    /// The alarm's name.
    pub alarm_name: String,
    /// The state that it entered.
    pub state: AlarmState,
}

/// A state of an alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmState {
    /// Its name.
    pub value: AlarmStateValue,
    /// Why, in words.
    #[serde(default)]
    pub reason: String,
    /// Since when, such as `2023-08-04T12:36:15.490+0000`.
    pub timestamp: String,
}

/// The name of a state of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmStateValue {
    /// The metric is as it should be.
    Ok,
    /// The metric is not as it should be.
    Alarm,
    /// There is too little data to tell.
    InsufficientData,
}
