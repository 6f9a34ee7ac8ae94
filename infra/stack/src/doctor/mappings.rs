//! The event source mappings: whether the queues' messages reach their functions.

use aws_sdk_lambda::types::{EventSourceMappingConfiguration, FunctionResponseType};
use spillway_aws::CallError;

use super::finding::{Finding, Judgement};
use super::subject::Subject;

/// What connects a queue with a function.
struct Mapping<'a> {
    piece: &'static str,
    queue: String,
    function: &'a str,
}

pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let tracking = Mapping {
        piece: "tracking mapping",
        queue: subject.queue_arn(&subject.outputs.tracking_queue_url),
        function: subject.resource("SizeTrackingFunction"),
    };
    let logging = Mapping {
        piece: "logging mapping",
        queue: subject.queue_arn(&subject.outputs.logging_queue_url),
        function: subject.resource("LoggingFunction"),
    };
    let (tracking, logging) = tokio::join!(look_at(subject, &tracking), look_at(subject, &logging));
    vec![tracking, logging]
}

async fn look_at(subject: &Subject<'_>, mapping: &Mapping<'_>) -> Finding {
    // Not by the identifier that the stack knows: one that was made anew has another, and works as well.
    let request = subject.lambda.list_event_source_mappings().function_name(mapping.function);
    let answer = request.event_source_arn(&mapping.queue).send().await;
    let seen = match answer.map_err(CallError::of("ListEventSourceMappings")) {
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
        answer => answer.map(|answer| answer.event_source_mappings.unwrap_or_default().into_iter().next()),
    };
    let looked_at = format!("{} to {}", mapping.queue, mapping.function);
    Finding::of(mapping.piece, looked_at, seen, |seen| judge(mapping, seen.as_ref(), |words| subject.aws(words)))
}

fn judge(
    mapping: &Mapping<'_>,
    seen: Option<&EventSourceMappingConfiguration>,
    aws: impl Fn(&[&str]) -> String,
) -> Judgement {
    const ANSWERS: [&str; 2] = ["--function-response-types", "ReportBatchItemFailures"];
    let Some(seen) = seen else {
        let create = ["lambda", "create-event-source-mapping", "--function-name", mapping.function];
        let create = [&create[..], &["--event-source-arn", &mapping.queue], &ANSWERS].concat();
        return Judgement::wrong("it is gone", aws(&create));
    };
    let mut wrongs = Vec::new();
    match seen.state() {
        Some("Enabled") => {}
        Some(busy @ ("Creating" | "Enabling" | "Updating")) => {
            return Judgement::wrong(format!("it is {busy}"), "wait a minute, and look again");
        }
        state => wrongs.push(format!("it is {}", state.unwrap_or("in no state"))),
    }
    if !seen.function_response_types().contains(&FunctionResponseType::ReportBatchItemFailures) {
        wrongs.push("one message that fails has the whole batch delivered again".to_owned());
    }
    Judgement::of(&wrongs, "Enabled", || {
        let uuid = seen.uuid().unwrap_or_default();
        aws(&[&["lambda", "update-event-source-mapping", "--uuid", uuid, "--enabled"][..], &ANSWERS].concat())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_enabled_and_takes_answers_for_single_messages() {
        let mapping = Mapping { piece: "mapping", queue: "queue".to_owned(), function: "function" };
        let seen = |state: &str| EventSourceMappingConfiguration::builder().uuid("id").state(state);
        let said =
            |seen: Option<&EventSourceMappingConfiguration>| judge(&mapping, seen, |words| words[1..3].join(" "));
        let answers = FunctionResponseType::ReportBatchItemFailures;
        let enabled = seen("Enabled").function_response_types(answers.clone()).build();
        assert_eq!(said(Some(&enabled)), Judgement::healthy("Enabled"));
        let wrong = "it is Disabled; one message that fails has the whole batch delivered again";
        let wrong = Judgement::wrong(wrong, "update-event-source-mapping --uuid");
        assert_eq!(said(Some(&seen("Disabled").build())), wrong);
        let wait = "wait a minute, and look again";
        assert_eq!(said(Some(&seen("Enabling").build())), Judgement::wrong("it is Enabling", wait));
        let gone = Judgement::wrong("it is gone", "create-event-source-mapping --function-name");
        assert_eq!(said(None), gone);
    }
}
