//! The schedules: whether they are on, and whom they wake.

use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use futures_util::future::join_all;
use serde_json::{Value, json};
use spillway_aws::CallError;

use super::finding::{Finding, Judgement};
use super::subject::Subject;

/// What a schedule should be.
struct Expected<'a> {
    piece: &'static str,
    name: &'a str,
    state: &'a str,
    expression: &'a str,
    target: Value,
}

pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let machine = &subject.outputs.state_machine_arn;
    let safety_net = subject.parameter("SafetyNetExpression");
    let function = |function: &str, role: &str, input: &str| json!({ "Arn": subject.function_arn(function), "RoleArn": subject.role_arn(role), "Input": input });
    let heartbeat = Expected {
        piece: "heartbeat schedule",
        name: subject.resource("SizeTrackingFunctionHeartbeat"),
        state: "ENABLED",
        expression: safety_net,
        target: function("SizeTrackingFunction", "SizeTrackingFunctionHeartbeatRole", r#"{"heartbeat": true}"#),
    };
    let cleaner = Expected {
        piece: "cleaner schedule",
        name: subject.resource("CleanerFunctionSafetyNet"),
        state: "ENABLED",
        expression: safety_net,
        target: function("CleanerFunction", "CleanerFunctionSafetyNetRole", r#"{"schedule": "safety-net"}"#),
    };
    let plotting = Expected {
        piece: "plotting schedule",
        name: subject.resource("PlottingFunctionSumUp"),
        state: "ENABLED",
        expression: "rate(5 minutes)",
        target: function("PlottingFunction", "PlottingFunctionSumUpRole", r#"{"sum_up": true}"#),
    };
    let run = Expected {
        piece: "run schedule",
        name: subject.resource("DriverStateMachineRerun"),
        state: subject.parameter("ScheduleState"),
        expression: subject.parameter("ScheduleExpression"),
        target: json!({
            "Arn": machine,
            "RoleArn": subject.role_arn("ScheduleRole"),
            "Input": subject.parameter("ScheduleInput"),
            "RetryPolicy": { "MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600 },
            "DeadLetterConfig": { "Arn": subject.queue_arn(subject.resource("ScheduleDlq")) },
        }),
    };
    let audit = Expected {
        piece: "audit schedule",
        name: subject.resource("AuditStateMachineDaily"),
        state: "ENABLED",
        expression: subject.parameter("AuditExpression"),
        target: json!({
            "Arn": subject.outputs.audit_state_machine_arn,
            "RoleArn": subject.role_arn("ScheduleRole"),
            "Input": "{}",
            "RetryPolicy": { "MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600 },
            "DeadLetterConfig": { "Arn": subject.queue_arn(subject.resource("ScheduleDlq")) },
        }),
    };
    let looks = [&heartbeat, &cleaner, &plotting, &run, &audit].map(|schedule| look_at(subject, schedule));
    join_all(looks).await
}

async fn look_at(subject: &Subject<'_>, expected: &Expected<'_>) -> Finding {
    let answer = subject.scheduler.get_schedule().name(expected.name).send().await;
    let seen = match answer.map_err(CallError::of("GetSchedule")) {
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
        answer => answer.map(Some),
    };
    Finding::of(expected.piece, expected.name, seen, |seen| judge(expected, seen.as_ref(), |words| subject.aws(words)))
}

fn judge(expected: &Expected<'_>, seen: Option<&GetScheduleOutput>, aws: impl Fn(&[&str]) -> String) -> Judgement {
    let fix = |verb: &str| {
        let target = expected.target.to_string();
        let schedule = ["scheduler", verb, "--name", expected.name, "--state", expected.state];
        let when = ["--schedule-expression", expected.expression, "--flexible-time-window", "Mode=OFF"];
        aws(&[&schedule[..], &when, &["--target", &target]].concat())
    };
    let Some(seen) = seen else { return Judgement::wrong("it is gone", fix("create-schedule")) };
    let mut wrongs = Vec::new();
    let mut compare = |what: &str, is: &str, should: &str| {
        if is != should {
            wrongs.push(format!("{what} {is}, not {should}"));
        }
    };
    compare("it is", seen.state().map_or("in no state", |state| state.as_str()), expected.state);
    compare("it comes at", seen.schedule_expression().unwrap_or("no time"), expected.expression);
    let target = seen.target().map_or("nobody", |target| target.arn());
    compare("it wakes", target, expected.target["Arn"].as_str().unwrap_or_default());
    Judgement::of(&wrongs, format!("{} {}", expected.state, expected.expression), || fix("update-schedule"))
}

#[cfg(test)]
mod tests {
    use aws_sdk_scheduler::types::{ScheduleState, Target};

    use super::*;

    #[test]
    fn a_schedule_is_as_the_parameters_say() {
        let expected = Expected {
            piece: "schedule",
            name: "name",
            state: "ENABLED",
            expression: "rate(1 minute)",
            target: json!({ "Arn": "cleaner" }),
        };
        let seen = |state: ScheduleState, target: &str| {
            let target = Target::builder().arn(target).role_arn("role").build().unwrap();
            GetScheduleOutput::builder().state(state).schedule_expression("rate(1 minute)").target(target).build()
        };
        let said = |seen: Option<&GetScheduleOutput>| judge(&expected, seen, |words| words[1].to_owned());
        let enabled = Judgement::healthy("ENABLED rate(1 minute)");
        assert_eq!(said(Some(&seen(ScheduleState::Enabled, "cleaner"))), enabled);
        let wrong = "it is DISABLED, not ENABLED; it wakes nobody-else, not cleaner";
        let wrong = Judgement::wrong(wrong, "update-schedule");
        assert_eq!(said(Some(&seen(ScheduleState::Disabled, "nobody-else"))), wrong);
        assert_eq!(said(None), Judgement::wrong("it is gone", "create-schedule"));
    }
}
