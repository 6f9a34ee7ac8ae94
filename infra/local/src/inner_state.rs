//! Which state of the machine a task's answer comes from.
//!
//! On AWS the history of an execution has the states that are entered inside a Map. MiniStack records only that some
//! task there was scheduled and what it answered; but every answer has a contract of its own.

use serde::de::DeserializeOwned;
use serde_json::Value;
use spillway_contracts::task::{
    AlignWindowResponse, PrepareRunResponse, StoredPlot, UploadResponse, WaitForAlarmOkResponse,
    WaitForDeletionResponse,
};

/// The name of the task state that gave `output`, which is what `lambda:invoke` returned.
pub fn state_of(output: &str) -> Option<&'static str> {
    let payload = serde_json::from_str::<Value>(output).ok()?.get_mut("Payload")?.take();
    let states = [
        ("PrepareRun", is::<PrepareRunResponse>(&payload)),
        ("AlignWindow", is::<AlignWindowResponse>(&payload)),
        ("Upload", is::<UploadResponse>(&payload)),
        ("WaitForDeletion", is::<WaitForDeletionResponse>(&payload)),
        ("WaitForAlarmOk", is::<WaitForAlarmOkResponse>(&payload)),
        ("CallPlotApi", is::<StoredPlot>(&payload)),
    ];
    states.into_iter().find(|(_, is)| *is).map(|(name, _)| name)
}

fn is<T: DeserializeOwned>(payload: &Value) -> bool {
    serde_json::from_value::<T>(payload.clone()).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(payload: Value, expect: Option<&str>) {
        assert_eq!(state_of(&json!({ "StatusCode": 200, "Payload": payload }).to_string()), expect);
    }

    #[test]
    fn an_answer_is_known_by_its_contract() {
        let at = "2026-08-01T10:00:00Z";
        check(json!({ "opens_at": at, "after_event_key": "" }), Some("AlignWindow"));
        check(json!({ "done": false, "uploaded": [] }), Some("Upload"));
        check(
            json!({ "done": false, "deleted": [], "observed_totals": [18], "settled_at": at }),
            Some("WaitForDeletion"),
        );
        check(json!({ "done": true, "state": "OK", "state_since": at }), Some("WaitForAlarmOk"));
        check(json!({ "done": true }), None);
        assert_eq!(state_of("no JSON"), None);
    }
}
