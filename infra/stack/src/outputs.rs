//! What a deployed stack is made of: its outputs, by their names in the template.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Outputs {
    /// Start an execution of it to drive a scenario.
    pub state_machine_arn: String,
    /// Start an execution of it to audit the ledger.
    pub audit_state_machine_arn: String,
    /// The bucket that is kept under its threshold.
    pub test_bucket_name: String,
    /// The bucket that holds the plots.
    pub plot_bucket_name: String,
    /// `GET` its `/plot`, `/usage` or `/plan`, signed.
    pub api_url: String,
    /// `GET` it, signed, for a plot.
    pub plot_api_url: String,
    /// The ledger's current state.
    pub object_table_name: String,
    pub history_table_name: String,
    pub alarm_name: String,
    /// The function that deletes.
    pub cleaner_function_name: String,
    /// Object events on their way to the ledger.
    pub tracking_queue_url: String,
    /// Object events on their way to the event log.
    pub logging_queue_url: String,
    /// Messages that the ledger could not take.
    pub tracking_dlq_url: String,
    /// Messages that the event log could not take.
    pub logging_dlq_url: String,
    /// Invocations that the cleaner failed at.
    pub cleaner_dlq_url: String,
}

impl Outputs {
    /// The outputs that every stack has, by their names in the template.
    pub const NAMES: [&str; 15] = [
        "StateMachineArn",
        "AuditStateMachineArn",
        "TestBucketName",
        "PlotBucketName",
        "ApiUrl",
        "PlotApiUrl",
        "ObjectTableName",
        "HistoryTableName",
        "AlarmName",
        "CleanerFunctionName",
        "TrackingQueueUrl",
        "LoggingQueueUrl",
        "TrackingDlqUrl",
        "LoggingDlqUrl",
        "CleanerDlqUrl",
    ];

    /// Takes what it needs from all of a stack's outputs; the error says which one is missing.
    pub fn from_stack(outputs: BTreeMap<String, String>) -> Result<Self, serde_json::Error> {
        serde_json::from_value(serde_json::json!(outputs))
    }

    /// Every output with the name that it has as a variable of a shell, such as `STATE_MACHINE_ARN`.
    pub fn variables(&self) -> Vec<(String, String)> {
        let serde_json::Value::Object(outputs) = serde_json::json!(self) else { return Vec::new() };
        let value = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        outputs.into_iter().map(|(name, output)| (shouted(&name), value(output))).collect()
    }
}

/// `StateMachineArn` as `STATE_MACHINE_ARN`.
fn shouted(name: &str) -> String {
    let mut shouted = String::new();
    for (position, letter) in name.char_indices() {
        if letter.is_uppercase() && position > 0 {
            shouted.push('_');
        }
        shouted.extend(letter.to_uppercase());
    }
    shouted
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Outputs whose values are their names.
    pub(crate) fn outputs() -> Outputs {
        Outputs::from_stack(stack()).unwrap()
    }

    fn stack() -> BTreeMap<String, String> {
        Outputs::NAMES.iter().map(|&name| (name.to_owned(), name.to_owned())).collect()
    }

    #[test]
    fn outputs_are_found_by_the_templates_names() {
        let outputs = outputs();
        assert_eq!(outputs.state_machine_arn, "StateMachineArn");
        assert_eq!(outputs.logging_dlq_url, "LoggingDlqUrl");
    }

    #[test]
    fn a_missing_output_is_named_and_a_further_one_is_ignored() {
        let mut stack = stack();
        stack.insert("Another".to_owned(), "output".to_owned());
        assert_eq!(Outputs::from_stack(stack.clone()).unwrap(), outputs());
        stack.remove("PlotApiUrl");
        assert_eq!(Outputs::from_stack(stack).unwrap_err().to_string(), "missing field `PlotApiUrl`");
    }

    #[test]
    fn variables_have_the_names_that_shells_expect() {
        let variables = outputs().variables();
        assert_eq!(variables.len(), Outputs::NAMES.len());
        assert!(variables.contains(&("STATE_MACHINE_ARN".to_owned(), "StateMachineArn".to_owned())));
        assert!(variables.contains(&("TRACKING_DLQ_URL".to_owned(), "TrackingDlqUrl".to_owned())));
    }
}
