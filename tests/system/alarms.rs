//! Whoever listens to the notification topic hears of everything that goes wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_cloudwatch::types::StateValue;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use spillway_tests::{Stack, live, within};

#[tokio::test]
async fn every_alarm_but_that_on_the_total_reaches_the_notification_topic() {
    let _live = live().await;
    let stack = Stack::up().await;
    let queue = listen(&stack, &stack.resource("NotificationTopic").await).await;
    let cloudwatch = aws_sdk_cloudwatch::Client::new(stack.local_aws.sdk_config());
    let alarms = cloudwatch.describe_alarms().send().await.expect("alarms").metric_alarms.unwrap_or_default();
    let total = &stack.local_aws.outputs().alarm_name;
    let names: BTreeSet<_> = alarms.into_iter().filter_map(|alarm| alarm.alarm_name).filter(|it| it != total).collect();
    assert_eq!(names.len(), 23);
    for name in &names {
        let request = cloudwatch.set_alarm_state().alarm_name(name).state_value(StateValue::Alarm);
        request.state_reason("a test").send().await.expect("an alarm's state can be set");
    }
    let heard = tokio::sync::Mutex::new(BTreeSet::new());
    within(Duration::from_secs(30), "all alarms are heard", async || {
        heard.lock().await.extend(receive(&stack, &queue).await);
        *heard.lock().await == names
    })
    .await;
    stack.local_aws.shutdown().await;
}

/// A queue that gets what a topic publishes.
async fn listen(stack: &Stack, topic: &str) -> String {
    let queue = stack.sqs.create_queue().queue_name("listener").send().await.expect("a queue can be created");
    let queue = queue.queue_url.expect("a queue has a URL");
    let arn = stack.queue_arn(&queue).await;
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": arn,
    }] });
    let request = stack.sqs.set_queue_attributes().queue_url(&queue);
    let request = request.attributes(QueueAttributeName::Policy, policy.to_string());
    request.send().await.expect("a queue can have a policy");
    let sns = aws_sdk_sns::Client::new(stack.local_aws.sdk_config());
    let request = sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(arn);
    request.send().await.expect("a queue can be subscribed");
    queue
}

/// The names of the alarms that messages are about.
async fn receive(stack: &Stack, queue: &str) -> Vec<String> {
    let request = stack.sqs.receive_message().queue_url(queue).max_number_of_messages(10);
    let messages = request.send().await.expect("messages can be received").messages.unwrap_or_default();
    let name = |text: &str| {
        let envelope: Value = serde_json::from_str(text).expect("an envelope");
        let message: Value = serde_json::from_str(envelope["Message"].as_str().expect("a message")).expect("JSON");
        message["AlarmName"].as_str().expect("a name").to_owned()
    };
    messages.iter().filter_map(|message| message.body()).map(name).collect()
}
