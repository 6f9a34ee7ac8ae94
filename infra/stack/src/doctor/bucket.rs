//! The bucket's notification: which events reach the topic.

use aws_sdk_s3::types::TopicConfiguration;
use serde_json::json;
use spillway_aws::CallError;

use super::finding::{Finding, Judgement};
use super::subject::Subject;

/// `ObjectRemoved` doesn't include what lifecycle rules expire.
const EVENTS: [&str; 3] = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"];

pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let bucket = &subject.outputs.test_bucket_name;
    let answer = subject.s3.get_bucket_notification_configuration().bucket(bucket).send().await;
    let topics = answer
        .map(|it| it.topic_configurations.unwrap_or_default())
        .map_err(CallError::of("GetBucketNotificationConfiguration"));
    let topic = subject.resource("ObjectEventsTopic");
    vec![Finding::of("bucket notification", bucket, topics, |topics| judge(&topics, topic, || fix(subject, topic)))]
}

/// Which of the events nobody tells the topic of.
fn judge(configurations: &[TopicConfiguration], topic: &str, fix: impl FnOnce() -> String) -> Judgement {
    let ours = || configurations.iter().filter(|it| it.topic_arn() == topic && it.filter().is_none());
    let tells = |event: &str| ours().any(|it| it.events().iter().any(|told| told.as_str() == event));
    let untold: Vec<&str> = EVENTS.into_iter().filter(|event| !tells(event)).collect();
    let wrongs = untold.iter().map(|event| format!("{event} does not reach {topic}")).collect::<Vec<_>>();
    Judgement::of(&wrongs, "all events reach the topic", fix)
}

fn fix(subject: &Subject<'_>, topic: &str) -> String {
    let configuration = json!({ "TopicConfigurations": [{ "TopicArn": topic, "Events": EVENTS }] }).to_string();
    let bucket = &subject.outputs.test_bucket_name;
    let put = ["s3api", "put-bucket-notification-configuration", "--bucket", bucket];
    subject.aws(&[&put[..], &["--notification-configuration", &configuration]].concat())
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
        judge(configurations, "ours", || "fix".to_owned())
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
}
