//! How the last run ended.

use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus};
use spillway_aws::CallError;
use spillway_contracts::ErrorName;

use super::finding::{Finding, Judgement};
use super::subject::Subject;

/// How many runs are looked at until one is found that did anything.
const MOST: i32 = 20;

/// A run that has ended.
struct Ended {
    name: String,
    status: ExecutionStatus,
    error: String,
    cause: String,
}

/// Nothing if the bucket existed before the stack: each run is refused there.
pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    if subject.has_existing_bucket() {
        return Vec::new();
    }
    let machine = &subject.outputs.state_machine_arn;
    vec![Finding::of("last run", machine, last(subject).await, |last| {
        let again = subject.connection.cargo_stack(["run"]);
        judge(last.as_ref(), &again)
    })]
}

/// The last run that has ended, other than by a refusal because another one was in progress.
async fn last(subject: &Subject<'_>) -> Result<Option<Ended>, CallError> {
    let request = subject.sfn.list_executions().state_machine_arn(&subject.outputs.state_machine_arn);
    let answer = request.max_results(MOST).send().await.map_err(CallError::of("ListExecutions"))?;
    for execution in answer.executions {
        if matches!(execution.status, ExecutionStatus::Running | ExecutionStatus::PendingRedrive) {
            continue;
        }
        let ended = describe(subject, execution).await?;
        if ended.error != ErrorName::RunInProgress.as_str() {
            return Ok(Some(ended));
        }
    }
    Ok(None)
}

async fn describe(subject: &Subject<'_>, execution: ExecutionListItem) -> Result<Ended, CallError> {
    let ExecutionListItem { name, status, execution_arn, .. } = execution;
    if status == ExecutionStatus::Succeeded {
        return Ok(Ended { name, status, error: String::new(), cause: String::new() });
    }
    let answer = subject.sfn.describe_execution().execution_arn(execution_arn).send().await;
    let answer = answer.map_err(CallError::of("DescribeExecution"))?;
    Ok(Ended { name, status, error: answer.error.unwrap_or_default(), cause: answer.cause.unwrap_or_default() })
}

fn judge(last: Option<&Ended>, again: &str) -> Judgement {
    match last {
        None => Judgement::healthy(format!("none has ended yet; {again} starts one")),
        Some(Ended { name, status: ExecutionStatus::Succeeded, .. }) => Judgement::healthy(format!("{name} succeeded")),
        Some(Ended { name, status, error, cause }) => {
            let colon = if error.is_empty() { "" } else { ": " };
            let saw = format!("{name} ended {status}{colon}{error} {cause}").trim_end().to_owned();
            Judgement::wrong(saw, format!("put right what the cause says, then show that it works: {again}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_is_healthy() {
        let ended = |status, error: &str, cause: &str| Ended {
            name: "a".to_owned(),
            status,
            error: error.to_owned(),
            cause: cause.to_owned(),
        };
        let said = |last: &Ended| judge(Some(last), "again");
        assert_eq!(said(&ended(ExecutionStatus::Succeeded, "", "")), Judgement::healthy("a succeeded"));
        let fix = "put right what the cause says, then show that it works: again";
        let failed = Judgement::wrong("a ended FAILED: BucketNotEmpty the bucket holds b", fix);
        assert_eq!(said(&ended(ExecutionStatus::Failed, "BucketNotEmpty", "the bucket holds b")), failed);
        let aborted = Judgement::wrong("a ended ABORTED", fix);
        assert_eq!(said(&ended(ExecutionStatus::Aborted, "", "")), aborted);
        assert_eq!(judge(None, "again"), Judgement::healthy("none has ended yet; again starts one"));
    }
}
