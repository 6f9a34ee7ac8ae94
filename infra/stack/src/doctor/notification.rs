//! How the bucket tells of its events: its notification, or EventBridge if the bucket existed before the stack.
//!
//! A bucket has one notification configuration for all who want to be told. So what puts it right reads it, adds to it, and
//! writes all of it back.

use aws_sdk_s3::types::{EventBridgeConfiguration, TopicConfiguration};
use serde_json::json;
use spillway_aws::CallError;

use super::finding::{Finding, Judgement};
use super::subject::Subject;

/// `ObjectRemoved` doesn't include what lifecycle rules expire.
const EVENTS: [&str; 3] = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"];

/// What `aws --query` makes of a configuration without EventBridge.
const WITH_EVENT_BRIDGE: &str = "merge(@, {EventBridgeConfiguration: `{}`})";

pub(super) async fn look(subject: &Subject<'_>) -> Finding {
    let bucket = &subject.outputs.test_bucket_name;
    let answer = subject.s3.get_bucket_notification_configuration().bucket(bucket).send().await;
    let seen = answer.map_err(CallError::of("GetBucketNotificationConfiguration"));
    if subject.has_existing_bucket() {
        let fix = || rewrite(bucket, WITH_EVENT_BRIDGE, |words| subject.aws(words));
        return Finding::of("bucket EventBridge", bucket, seen, |seen| {
            judge_bridge(seen.event_bridge_configuration.as_ref(), fix)
        });
    }
    let topic = subject.resource("ObjectEventsTopic");
    let fix = || rewrite(bucket, &with_topic(topic), |words| subject.aws(words));
    Finding::of("bucket notification", bucket, seen, |seen| {
        judge_topics(&seen.topic_configurations.unwrap_or_default(), topic, fix)
    })
}

fn judge_bridge(configuration: Option<&EventBridgeConfiguration>, fix: impl FnOnce() -> String) -> Judgement {
    match configuration {
        Some(_) => Judgement::healthy("all events reach EventBridge"),
        None => Judgement::wrong("it does not tell EventBridge of its events, so none reaches the ledger", fix()),
    }
}

/// Which of the events nobody tells the topic of.
fn judge_topics(configurations: &[TopicConfiguration], topic: &str, fix: impl FnOnce() -> String) -> Judgement {
    let ours = || configurations.iter().filter(|it| it.topic_arn() == topic && it.filter().is_none());
    let tells = |event: &str| ours().any(|it| it.events().iter().any(|told| told.as_str() == event));
    let untold: Vec<&str> = EVENTS.into_iter().filter(|event| !tells(event)).collect();
    let wrongs = untold.iter().map(|event| format!("{event} does not reach {topic}")).collect::<Vec<_>>();
    Judgement::of(&wrongs, "all events reach the topic", fix)
}

/// What `aws --query` makes of a configuration that does not tell the topic of everything.
fn with_topic(topic: &str) -> String {
    let ours = json!([{ "TopicArn": topic, "Events": EVENTS }]);
    let others = format!("not_null(TopicConfigurations, `[]`)[?TopicArn != '{topic}']");
    format!("merge(@, {{TopicConfigurations: [{others}, `{ours}`][]}})")
}

/// Reads the configuration, changes it by a query, and writes it back; nothing is written if it can't be read.
fn rewrite(bucket: &str, query: &str, aws: impl Fn(&[&str]) -> String) -> String {
    let get = ["s3api", "get-bucket-notification-configuration", "--bucket", bucket];
    let get = aws(&[&get[..], &["--query", query, "--output", "json"]].concat());
    let put = aws(&["s3api", "put-bucket-notification-configuration", "--bucket", bucket]);
    format!("configuration=$({get}) && {put} --notification-configuration \"$configuration\"")
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{Event, FilterRule, NotificationConfigurationFilter, S3KeyFilter};

    use super::*;

    fn configuration(topic: &str, events: &[&str]) -> TopicConfiguration {
        let events = events.iter().map(|&event| Event::from(event)).collect();
        TopicConfiguration::builder().topic_arn(topic).set_events(Some(events)).build().unwrap()
    }

    fn said(configurations: &[TopicConfiguration]) -> Judgement {
        judge_topics(configurations, "ours", || "fix".to_owned())
    }

    #[test]
    fn events_that_do_not_reach_the_topic_are_named() {
        let healthy = Judgement::healthy("all events reach the topic");
        assert_eq!(said(&[configuration("ours", &EVENTS)]), healthy);
        assert_eq!(said(&[configuration("ours", &EVENTS[..1]), configuration("ours", &EVENTS[1..])]), healthy);
        let wrong = "s3:ObjectRemoved:* does not reach ours; s3:LifecycleExpiration:* does not reach ours";
        let some = [configuration("ours", &EVENTS[..1]), configuration("theirs", &EVENTS[1..])];
        assert_eq!(said(&some), Judgement::wrong(wrong, "fix"));
    }

    #[test]
    fn events_of_some_objects_only_are_not_enough() {
        let rule = FilterRule::builder().name("prefix".into()).value("logs/").build();
        let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(rule).build());
        let some = configuration("ours", &EVENTS).events().to_vec();
        let some = TopicConfiguration::builder().topic_arn("ours").set_events(Some(some)).filter(filter.build());
        assert!(matches!(said(&[some.build().unwrap()]), Judgement::Wrong { .. }));
    }

    #[test]
    fn what_puts_it_right_writes_only_what_it_has_read() {
        let line =
            rewrite("b", WITH_EVENT_BRIDGE, |words| format!("aws {}", crate::shell::line(words.iter().copied())));
        assert_eq!(
            line,
            "configuration=$(aws s3api get-bucket-notification-configuration --bucket b --query \
             'merge(@, {EventBridgeConfiguration: `{}`})' --output json) && aws s3api \
             put-bucket-notification-configuration --bucket b --notification-configuration \"$configuration\""
        );
    }
}
