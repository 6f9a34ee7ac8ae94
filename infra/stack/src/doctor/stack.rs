//! The stack as a whole: its status, its outputs, and whether it has the pieces that are looked at.

use std::collections::BTreeMap;

use super::finding::{Finding, Judgement};
use crate::connection::Connection;
use crate::connection::deployed::Deployed;

/// The resources that the other checks look at, by their names in the template and in what SAM makes of it.
const PIECES: [&str; 28] = [
    "AlarmMayInvokeCleaner",
    "AuditStateMachine",
    "AuditStateMachineDaily",
    "CleanerDlq",
    "CleanerFunction",
    "CleanerFunctionSafetyNet",
    "CleanerLogGroup",
    "DriverStateMachine",
    "DriverStateMachineRerun",
    "LoggingDlq",
    "LoggingFunction",
    "LoggingFunctionBatch",
    "LoggingQueue",
    "LoggingSubscription",
    "ObjectEventsTopic",
    "ObjectTable",
    "PlottingFunction",
    "PlottingFunctionSumUp",
    "ScheduleDlq",
    "SizeTrackingFunction",
    "SizeTrackingFunctionBatch",
    "SizeTrackingFunctionHeartbeat",
    "SizeTrackingLogGroup",
    "TotalSizeAlarm",
    "TotalSizeFilter",
    "TrackingDlq",
    "TrackingQueue",
    "TrackingSubscription",
];

/// What there is besides, if the bucket is the stack's own, and if it is not.
const OF_OWN_BUCKET: &str = "TestBucket";
const OF_EXISTING_BUCKET: &str = "ObjectEventsRule";

pub(super) fn judge(
    connection: &Connection,
    deployed: &Deployed,
    resources: &BTreeMap<String, String>,
) -> Vec<Finding> {
    let looked_at = deployed.arn.clone();
    let events = || {
        let name = connection.stack_name.as_str();
        connection.aws(["cloudformation", "describe-stack-events", "--stack-name", name, "--max-items", "20"])
    };
    let outputs = deployed.outputs(connection).map_or_else(
        |error| Judgement::wrong(error.to_string(), "deploy this version, or name another stack with --stack-name"),
        |_| Judgement::healthy(format!("{} outputs", deployed.outputs.len())),
    );
    let is_existing = deployed.parameters.get("ExistingBucketName").is_some_and(|name| !name.is_empty());
    let of_bucket = if is_existing { OF_EXISTING_BUCKET } else { OF_OWN_BUCKET };
    let missing: Vec<&str> = PIECES.into_iter().chain([of_bucket]).filter(|id| !resources.contains_key(*id)).collect();
    let pieces = if missing.is_empty() {
        Judgement::healthy(format!("{} resources", resources.len()))
    } else {
        Judgement::wrong(format!("it has no {}", missing.join(", ")), "deploy this version")
    };
    vec![
        Finding { piece: "stack status", looked_at: looked_at.clone(), judgement: status(&deployed.status, events) },
        Finding { piece: "outputs", looked_at: looked_at.clone(), judgement: outputs },
        Finding { piece: "resources", looked_at, judgement: pieces },
    ]
}

/// What a stack's status means; `events` says where the reason for it is.
fn status(status: &str, events: impl FnOnce() -> String) -> Judgement {
    match status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Judgement::healthy(status),
        // The cleanup of what an update replaced takes a while, and everything works already.
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => Judgement::healthy(status),
        "UPDATE_ROLLBACK_COMPLETE" => Judgement::wrong(
            format!("{status}: the last update failed, and the stack is what it was before"),
            format!("fix what the events say, and deploy again: {}", events()),
        ),
        busy if busy.ends_with("_IN_PROGRESS") => {
            Judgement::wrong(format!("{busy}: it is being changed"), "wait until it is done, and look again")
        }
        other => Judgement::wrong(other, format!("fix what the events say, and deploy again: {}", events())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Judgement) {
        assert_eq!(status(text, || "events".to_owned()), expect);
    }

    #[test]
    fn only_a_stack_at_rest_after_success_is_healthy() {
        check("CREATE_COMPLETE", Judgement::healthy("CREATE_COMPLETE"));
        check("UPDATE_COMPLETE", Judgement::healthy("UPDATE_COMPLETE"));
        let busy = "UPDATE_IN_PROGRESS: it is being changed";
        check("UPDATE_IN_PROGRESS", Judgement::wrong(busy, "wait until it is done, and look again"));
        let again = "fix what the events say, and deploy again: events";
        check("ROLLBACK_COMPLETE", Judgement::wrong("ROLLBACK_COMPLETE", again));
        let rolled_back = "UPDATE_ROLLBACK_COMPLETE: the last update failed, and the stack is what it was before";
        check("UPDATE_ROLLBACK_COMPLETE", Judgement::wrong(rolled_back, again));
    }
}
