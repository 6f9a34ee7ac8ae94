//! The queues: who may send to them, where they give up messages to, and what they have given up.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

use super::finding::{Finding, Judgement};
use super::subject::Subject;
use crate::messages::{Attributes, attributes, count};
use crate::policy::Request;

/// A queue of object events.
struct Queue<'a> {
    policy: &'static str,
    redrive: &'static str,
    url: &'a str,
    dead_letters: &'a str,
    /// After how many deliveries the template gives up a message.
    deliveries: u32,
}

pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let outputs = &subject.outputs;
    let tracking = Queue {
        policy: "tracking queue policy",
        redrive: "tracking queue redrive",
        url: &outputs.tracking_queue_url,
        dead_letters: &outputs.tracking_dlq_url,
        deliveries: 500,
    };
    let logging = Queue {
        policy: "logging queue policy",
        redrive: "logging queue redrive",
        url: &outputs.logging_queue_url,
        dead_letters: &outputs.logging_dlq_url,
        deliveries: 5,
    };
    let schedule = subject.resource("ScheduleDlq");
    let (tracking_queue, logging_queue, a, b, c, d) = tokio::join!(
        look_at(subject, &tracking),
        look_at(subject, &logging),
        dead_letters(subject, "tracking dead letters", tracking.dead_letters, Some(tracking.url)),
        dead_letters(subject, "logging dead letters", logging.dead_letters, Some(logging.url)),
        dead_letters(subject, "cleaner dead letters", &outputs.cleaner_dlq_url, None),
        dead_letters(subject, "schedule dead letters", schedule, None),
    );
    tracking_queue.into_iter().chain(logging_queue).chain([a, b, c, d]).collect()
}

async fn look_at(subject: &Subject<'_>, queue: &Queue<'_>) -> [Finding; 2] {
    let seen = attributes(&subject.sqs, queue.url).await;
    let finding = |piece, judge: fn(&Subject<'_>, &Queue<'_>, &Attributes) -> Judgement| {
        Finding::by_ref(piece, queue.url, &seen, |attributes| judge(subject, queue, attributes))
    };
    [finding(queue.policy, judge_policy), finding(queue.redrive, judge_redrive)]
}

fn judge_policy(subject: &Subject<'_>, queue: &Queue<'_>, attributes: &Attributes) -> Judgement {
    let (arn, topic) = (subject.queue_arn(queue.url), subject.resource("ObjectEventsTopic"));
    let request = Request {
        service: "sns.amazonaws.com",
        action: "sqs:SendMessage",
        resource: Some(&arn),
        source_arn: topic,
        source_account: subject.account(),
    };
    if request.is_permitted(&read(attributes, &QueueAttributeName::Policy)) {
        return Judgement::healthy("the topic may send to it");
    }
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        {
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage",
            "Resource": arn, "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
        },
        {
            "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": arn,
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        },
    ] });
    Judgement::wrong("the topic may not send to it", set(subject, queue.url, "Policy", &policy))
}

fn judge_redrive(subject: &Subject<'_>, queue: &Queue<'_>, attributes: &Attributes) -> Judgement {
    let expected = subject.queue_arn(queue.dead_letters);
    let target = read(attributes, &QueueAttributeName::RedrivePolicy)["deadLetterTargetArn"].clone();
    if target == expected.as_str() {
        return Judgement::healthy("what can't be handled goes to its dead-letter queue");
    }
    let saw = match target.as_str() {
        Some(other) => format!("what can't be handled goes to {other}"),
        None => "what can't be handled is delivered again and again until it is dropped".to_owned(),
    };
    let redrive = json!({ "deadLetterTargetArn": expected, "maxReceiveCount": queue.deliveries });
    Judgement::wrong(saw, set(subject, queue.url, "RedrivePolicy", &redrive))
}

fn read(attributes: &Attributes, name: &QueueAttributeName) -> Value {
    attributes.get(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn set(subject: &Subject<'_>, url: &str, name: &str, value: &Value) -> String {
    let attributes = json!({ name: value.to_string() }).to_string();
    subject.aws(&["sqs", "set-queue-attributes", "--queue-url", url, "--attributes", &attributes])
}

async fn dead_letters(subject: &Subject<'_>, piece: &'static str, url: &str, from: Option<&str>) -> Finding {
    Finding::of(piece, url, attributes(&subject.sqs, url).await, |attributes| {
        judge_dead_letters(&attributes, || match from {
            Some(queue) => {
                let (source, destination) = (subject.queue_arn(url), subject.queue_arn(queue));
                let start = ["sqs", "start-message-move-task", "--source-arn", &source];
                let redrive = subject.aws(&[&start[..], &["--destination-arn", &destination]].concat());
                format!("fix what the function's log says, then have them delivered again: {redrive}")
            }
            None => {
                let purge = subject.aws(&["sqs", "purge-queue", "--queue-url", url]);
                format!("fix what the messages say; nothing needs them, so drop them then: {purge}")
            }
        })
    })
}

fn judge_dead_letters(attributes: &Attributes, fix: impl FnOnce() -> String) -> Judgement {
    match count(attributes) {
        0 => Judgement::healthy("none"),
        1 => Judgement::wrong("1 message", fix()),
        count => Judgement::wrong(format!("{count} messages"), fix()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_whether_somebody_is_looking_at_it_or_not() {
        let said = |visible: &str, taken: &str| {
            let attributes = Attributes::from([
                (QueueAttributeName::ApproximateNumberOfMessages, visible.to_owned()),
                (QueueAttributeName::ApproximateNumberOfMessagesNotVisible, taken.to_owned()),
            ]);
            judge_dead_letters(&attributes, || "fix".to_owned())
        };
        assert_eq!(said("0", "0"), Judgement::healthy("none"));
        assert_eq!(said("0", "1"), Judgement::wrong("1 message", "fix"));
        assert_eq!(said("2", "1"), Judgement::wrong("3 messages", "fix"));
    }
}
