//! The topic of object events: who may publish to it, and which queues get what it publishes.

use std::collections::HashMap;

use serde_json::{Value, json};
use spillway_aws::CallError;

use super::finding::{Finding, Judgement};
use super::subject::Subject;
use crate::policy::Request;

pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let (tracking, logging) = (&subject.outputs.tracking_queue_url, &subject.outputs.logging_queue_url);
    let (policy, tracking, logging) = tokio::join!(
        policy(subject),
        subscription(subject, "tracking subscription", tracking),
        subscription(subject, "logging subscription", logging),
    );
    vec![policy, tracking, logging]
}

async fn policy(subject: &Subject<'_>) -> Finding {
    let topic = subject.resource("ObjectEventsTopic");
    let answer = subject.sns.get_topic_attributes().topic_arn(topic).send().await;
    let seen = answer.map_err(CallError::of("GetTopicAttributes"));
    Finding::of("topic policy", topic, seen, |answer| {
        let policy = answer.attributes.unwrap_or_default().remove("Policy").unwrap_or_default();
        let publisher = Publisher::of(subject);
        let request = Request {
            service: publisher.service,
            action: "sns:Publish",
            resource: Some(topic),
            source_arn: &publisher.source_arn,
            source_account: publisher.source_account,
        };
        if request.is_permitted(&serde_json::from_str(&policy).unwrap_or_default()) {
            return Judgement::healthy(format!("{} may publish for the bucket", publisher.name));
        }
        let policy = expected(topic, &publisher).to_string();
        let set = ["sns", "set-topic-attributes", "--topic-arn", topic, "--attribute-name", "Policy"];
        let fix = subject.aws(&[&set[..], &["--attribute-value", &policy]].concat());
        Judgement::wrong(format!("{} may not publish for the bucket", publisher.name), fix)
    })
}

/// Who publishes the bucket's events, and what a policy's conditions can go by.
struct Publisher<'a> {
    name: &'static str,
    service: &'static str,
    source_arn: String,
    source_account: &'a str,
}

impl<'a> Publisher<'a> {
    fn of(subject: &'a Subject<'_>) -> Self {
        if subject.has_existing_bucket() {
            // "You can't use Condition blocks in Amazon SNS topic policies for EventBridge", says its user guide.
            let nothing = String::new();
            Self { name: "EventBridge", service: "events.amazonaws.com", source_arn: nothing, source_account: "" }
        } else {
            let (source_arn, source_account) = (subject.bucket_arn(), subject.account());
            Self { name: "S3", service: "s3.amazonaws.com", source_arn, source_account }
        }
    }
}

/// The policy that the template gives the topic.
fn expected(topic: &str, publisher: &Publisher<'_>) -> Value {
    let mut allow = json!({
        "Effect": "Allow", "Principal": { "Service": publisher.service }, "Action": "sns:Publish", "Resource": topic,
    });
    if !publisher.source_account.is_empty() {
        allow["Condition"] = json!({ "StringEquals": { "aws:SourceAccount": publisher.source_account } });
    }
    let deny = json!({
        "Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": topic,
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    });
    json!({ "Version": "2012-10-17", "Statement": [allow, deny] })
}

async fn subscription(subject: &Subject<'_>, piece: &'static str, queue_url: &str) -> Finding {
    let topic = subject.resource("ObjectEventsTopic");
    let queue = subject.queue_arn(queue_url);
    let seen = attributes(subject, topic, &queue).await;
    let subscribe = ["sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint", &queue];
    Finding::of(piece, format!("{topic} to {queue}"), seen, |seen| judge(seen, |words| subject.aws(words), &subscribe))
}

/// The ARN and the attributes of the subscription of `queue`.
async fn attributes(
    subject: &Subject<'_>,
    topic: &str,
    queue: &str,
) -> Result<Option<(String, HashMap<String, String>)>, CallError> {
    let all = subject.sns.list_subscriptions_by_topic().topic_arn(topic).into_paginator().items().send();
    let all = all.collect::<Result<Vec<_>, _>>().await.map_err(CallError::of("ListSubscriptionsByTopic"))?;
    let Some(arn) = all.into_iter().find(|it| it.endpoint() == Some(queue)).and_then(|it| it.subscription_arn) else {
        return Ok(None);
    };
    let answer = subject.sns.get_subscription_attributes().subscription_arn(&arn).send().await;
    let attributes = answer.map_err(CallError::of("GetSubscriptionAttributes"))?.attributes.unwrap_or_default();
    Ok(Some((arn, attributes)))
}

/// The queue should get every event, and in SNS's envelope.
fn judge(
    subscription: Option<(String, HashMap<String, String>)>,
    aws: impl Fn(&[&str]) -> String,
    subscribe: &[&str],
) -> Judgement {
    let Some((arn, attributes)) = subscription else {
        return Judgement::wrong("the queue is not subscribed", aws(subscribe));
    };
    let set = |name: &str, value: &str| {
        let set = ["sns", "set-subscription-attributes", "--subscription-arn", &arn, "--attribute-name", name];
        aws(&[&set[..], &["--attribute-value", value]].concat())
    };
    let attribute = |name: &str| attributes.get(name).map(String::as_str);
    match (attribute("FilterPolicy"), attribute("RawMessageDelivery")) {
        (Some(filter), _) if !matches!(filter, "" | "{}") => {
            Judgement::wrong(format!("it gets only some events: {filter}"), set("FilterPolicy", "{}"))
        }
        (_, Some("true")) => {
            Judgement::wrong("it gets messages without SNS's envelope", set("RawMessageDelivery", "false"))
        }
        _ => Judgement::healthy("the queue gets every event"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(attributes: &[(&str, &str)], expect: Judgement) {
        let attributes = attributes.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(judge(Some(("arn".to_owned(), attributes)), |words| words[6..].join(" "), &[]), expect);
    }

    #[test]
    fn a_subscription_that_leaves_something_out_is_wrong() {
        let healthy = || Judgement::healthy("the queue gets every event");
        check(&[("FilterPolicy", "{}"), ("RawMessageDelivery", "false")], healthy());
        check(&[], healthy());
        let filtered = r#"it gets only some events: {"a":["b"]}"#;
        check(&[("FilterPolicy", r#"{"a":["b"]}"#)], Judgement::wrong(filtered, "--attribute-value {}"));
        let raw = Judgement::wrong("it gets messages without SNS's envelope", "--attribute-value false");
        check(&[("RawMessageDelivery", "true")], raw);
        let gone = judge(None, |words| words.join(" "), &["subscribe"]);
        assert_eq!(gone, Judgement::wrong("the queue is not subscribed", "subscribe"));
    }
}
