//! The doctor on a live stack that is broken piece by piece: it names exactly the piece, and its own commands put that right.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::types::{ComparisonOperator, Statistic};
use aws_sdk_cloudwatchlogs::types::MetricTransformation;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_lambda::types::{ApplicationLogLevel, LogFormat, LoggingConfig};
use aws_sdk_s3::types::{
    Event, FilterRule, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
    TopicConfiguration,
};
use aws_sdk_scheduler::types::{FlexibleTimeWindow, FlexibleTimeWindowMode, ScheduleState, Target};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use spillway_local::emulator::client;
use spillway_stack::Connection;
use spillway_stack::doctor::finding::{Finding, Judgement};
use spillway_stack::doctor::{Settings, examine};
use spillway_tests::{Stack, eventually, live};

use super::aws_cli::AwsCli;

pub const READ_POLICY: &str = include_str!("../../infra/stack/read-policy.json");

/// The calls of the doctor that MiniStack lets everybody make.
const UNASKED: [&str; 1] = ["cloudwatch:DescribeAlarms"];

const SETTINGS: Settings =
    Settings { exact_up_to: 1000, patience: Duration::from_millis(500), pause: Duration::from_millis(100) };

/// The calls that it makes only for a bucket that existed before the stack.
pub const OF_EXISTING_BUCKETS: [&str; 2] = ["events:DescribeRule", "events:ListTargetsByRule"];

/// A stack, and who examines and repairs it.
pub struct Patient {
    pub stack: Stack,
    connection: Connection,
    cli: AwsCli,
    faults: usize,
}

impl Patient {
    /// A stack that nobody has looked at yet.
    pub fn new(stack: Stack, cli: AwsCli) -> Self {
        let file = client::stack_file(stack.local_aws.endpoint(), stack.local_aws.outputs().clone());
        let connection = Connection::local(file, stack.local_aws.stack_name());
        Self { stack, connection, cli, faults: 0 }
    }

    /// What is found of each piece.
    pub async fn examine(&self) -> Vec<Finding> {
        Box::pin(examine(&self.connection, &SETTINGS)).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Wants exactly this piece to be wrong, and gives what would put it right.
    pub async fn wants(&mut self, piece: &str) -> String {
        self.faults += 1;
        let sick: Vec<_> = self.examine().await.into_iter().filter(|finding| !finding.is_healthy()).collect();
        let [Finding { piece: found, judgement: Judgement::Wrong { fix, .. }, .. }] = &sick[..] else {
            panic!("{piece} is broken, and this is found: {sick:#?}");
        };
        assert_eq!(*found, piece, "{sick:?}");
        fix.clone()
    }

    /// Wants exactly this piece to be wrong, and has it put right as the doctor says. Whether it is right then, the next
    /// look says.
    pub async fn repairs(&mut self, piece: &str) {
        let fix = self.wants(piece).await;
        self.does(&fix).await;
    }

    /// Does what the doctor says.
    pub async fn does(&mut self, fix: &str) {
        let command = fix.find("configuration=$(").or_else(|| fix.find("AWS_ACCESS_KEY_ID="));
        let command = command.unwrap_or_else(|| panic!("no command is in {fix:?}"));
        self.cli.run(&fix[command..]).await;
    }

    /// What is found by somebody with these permissions.
    pub async fn examined_as(&self, config: SdkConfig, exact_up_to: usize) -> Vec<Finding> {
        let mut connection = self.connection.clone();
        connection.config = config;
        examine(&connection, &Settings { exact_up_to, ..SETTINGS }).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Ends everything.
    pub async fn leave(self) {
        self.cli.stop().await;
        self.stack.local_aws.shutdown().await;
    }
}

#[tokio::test]
async fn each_fault_is_named_and_what_the_doctor_says_puts_it_right() {
    let _live = live().await;
    let (stack, cli) = tokio::join!(Stack::up(), AwsCli::start());
    stack.put("a", 5).await;
    eventually("the object is recorded", async || stack.total_size().await == Some(5)).await;
    let mut patient = Patient::new(stack, cli);
    let healthy = patient.examine().await;
    assert!(healthy.iter().all(Finding::is_healthy), "{healthy:#?}");

    Box::pin(break_events(&mut patient)).await;
    Box::pin(break_queues(&mut patient)).await;
    Box::pin(break_functions(&mut patient)).await;
    Box::pin(break_metric_and_alarm(&mut patient)).await;
    Box::pin(break_schedules(&mut patient)).await;
    Box::pin(break_ledger(&mut patient)).await;
    assert!(patient.faults >= 20, "{} faults were planted", patient.faults);
    let cured = patient.examine().await;
    assert!(cured.iter().all(Finding::is_healthy), "{cured:#?}");

    let failed = patient.stack.start(json!({ "cycles": 5 })).await;
    patient.stack.end_of(&failed).await;
    patient.wants("last run").await;
    Box::pin(the_read_policy_is_enough_and_all_of_it_is_needed(&patient)).await;
    patient.leave().await;
}

/// S3, SNS.
async fn break_events(patient: &mut Patient) {
    let (s3, config) = (patient.stack.s3.clone(), patient.stack.local_aws.sdk_config().clone());
    let bucket = patient.stack.local_aws.outputs().test_bucket_name.clone();
    let topic = patient.stack.resource("ObjectEventsTopic").await;
    let created = TopicConfiguration::builder().topic_arn(&topic).events(Event::from("s3:ObjectCreated:*")).build();
    let others = another_consumer(&patient.stack).await;
    for topics in [vec![created.expect("a configuration")], vec![]] {
        let configuration = NotificationConfiguration::builder().set_topic_configurations(Some(topics));
        let configuration = configuration.queue_configurations(others.clone()).build();
        let request = s3.put_bucket_notification_configuration().bucket(&bucket);
        request.notification_configuration(configuration).send().await.expect("notifications can be configured");
        patient.repairs("bucket notification").await;
        let now = s3.get_bucket_notification_configuration().bucket(&bucket).send().await.expect("a configuration");
        assert_eq!(now.queue_configurations(), std::slice::from_ref(&others), "what others have configured stays");
    }

    let sns = aws_sdk_sns::Client::new(&config);
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "sns:Publish", "Resource": topic,
        "Condition": { "StringEquals": { "aws:SourceAccount": "111111111111" } },
    }] });
    let request = sns.set_topic_attributes().topic_arn(&topic).attribute_name("Policy");
    request.attribute_value(policy.to_string()).send().await.expect("a topic can have another policy");
    patient.repairs("topic policy").await;

    let subscriptions = sns.list_subscriptions_by_topic().topic_arn(&topic).send().await.expect("subscriptions");
    let subscription = |of: &str| {
        let all = subscriptions.subscriptions().iter();
        let mut ours = all.filter(|it| it.endpoint().is_some_and(|queue| queue.to_lowercase().contains(of)));
        ours.next().and_then(|it| it.subscription_arn()).expect("a subscription").to_owned()
    };
    let (tracking, logging) = (subscription("trackingqueue"), subscription("loggingqueue"));
    sns.unsubscribe().subscription_arn(tracking).send().await.expect("a queue can be unsubscribed");
    patient.repairs("tracking subscription").await;
    for (name, value) in [("FilterPolicy", r#"{"kind":["some"]}"#), ("RawMessageDelivery", "true")] {
        let request = sns.set_subscription_attributes().subscription_arn(&logging).attribute_name(name);
        request.attribute_value(value).send().await.expect("a subscription can be changed");
        patient.repairs("logging subscription").await;
    }
}

/// A queue that somebody else has S3 tell of some tags of the bucket's.
pub async fn another_consumer(stack: &Stack) -> QueueConfiguration {
    let queue = stack.sqs.create_queue().queue_name("another-consumer").send().await.expect("a queue");
    let arn = stack.queue_arn(queue.queue_url().expect("a queue has an address")).await;
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": arn,
    }] });
    let request = stack.sqs.set_queue_attributes().queue_url(queue.queue_url().unwrap_or_default());
    let request = request.attributes(QueueAttributeName::Policy, policy.to_string());
    request.send().await.expect("attributes can be set");
    let rule = FilterRule::builder().name("prefix".into()).value("people's own/").build();
    let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(rule).build());
    let configuration = QueueConfiguration::builder().id("theirs").queue_arn(arn).filter(filter.build());
    configuration.events(Event::from("s3:ObjectTagging:Put")).build().expect("a configuration")
}

/// SQS, and Lambda's pollers.
async fn break_queues(patient: &mut Patient) {
    let (sqs, lambda) = (patient.stack.sqs.clone(), patient.stack.lambda.clone());
    let outputs = patient.stack.local_aws.outputs().clone();
    let set = async |queue: &str, name: QueueAttributeName, value: Value| {
        let request = sqs.set_queue_attributes().queue_url(queue).attributes(name, value.to_string());
        request.send().await.expect("attributes can be set");
    };
    let other = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage",
        "Resource": patient.stack.queue_arn(&outputs.tracking_queue_url).await,
        "Condition": { "ArnEquals": { "aws:SourceArn": "arn:aws:sns:us-east-1:000000000000:another" } },
    }] });
    set(&outputs.tracking_queue_url, QueueAttributeName::Policy, other).await;
    patient.repairs("tracking queue policy").await;
    let nobody = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*",
    }] });
    set(&outputs.logging_queue_url, QueueAttributeName::Policy, nobody).await;
    patient.repairs("logging queue policy").await;
    let elsewhere = json!({
        "deadLetterTargetArn": patient.stack.queue_arn(&outputs.logging_dlq_url).await, "maxReceiveCount": 5,
    });
    set(&outputs.tracking_queue_url, QueueAttributeName::RedrivePolicy, elsewhere).await;
    patient.repairs("tracking queue redrive").await;

    let mapping = async |function: &str| {
        let function = patient.stack.function(function).await;
        let answer = lambda.list_event_source_mappings().function_name(function).send().await.expect("mappings");
        answer.event_source_mappings().first().and_then(|it| it.uuid()).expect("a mapping").to_owned()
    };
    let (tracking, logging) = (mapping("size-tracking").await, mapping("logging").await);
    let request = lambda.update_event_source_mapping().uuid(tracking).enabled(false);
    request.send().await.expect("a mapping can be disabled");
    patient.repairs("tracking mapping").await;
    lambda.delete_event_source_mapping().uuid(logging).send().await.expect("a mapping can be deleted");
    patient.repairs("logging mapping").await;

    let test_event = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b" }).to_string();
    let handled = json!({ "Type": "Notification", "Message": test_event }).to_string();
    for (queue, piece) in
        [(&outputs.tracking_dlq_url, "tracking dead letters"), (&outputs.logging_dlq_url, "logging dead letters")]
    {
        patient.stack.send(queue, &handled).await;
        patient.repairs(piece).await;
    }
    let schedule = patient.stack.resource("ScheduleDlq").await;
    for (queue, piece) in [(&outputs.cleaner_dlq_url, "cleaner dead letters"), (&schedule, "schedule dead letters")] {
        patient.stack.send(queue, "a tick").await;
        patient.repairs(piece).await;
    }
}

/// Lambda.
async fn break_functions(patient: &mut Patient) {
    let lambda = patient.stack.lambda.clone();
    let json = || LoggingConfig::builder().log_format(LogFormat::Json);
    for (function, piece, config) in [
        ("size-tracking", "size-tracking logs", LoggingConfig::builder().log_format(LogFormat::Text)),
        ("size-tracking", "size-tracking logs", json().log_group("/elsewhere")),
        ("cleaner", "cleaner logs", json().application_log_level(ApplicationLogLevel::Warn)),
    ] {
        let function = patient.stack.function(function).await;
        let group = patient.stack.log_group(&function).await;
        let config = if config.get_log_group().is_some() { config } else { config.log_group(group) };
        let request = lambda.update_function_configuration().function_name(function).logging_config(config.build());
        request.send().await.expect("a function can log otherwise");
        patient.repairs(piece).await;
    }
    for (function, piece) in [("cleaner", "cleaner concurrency"), ("size-tracking", "size-tracking concurrency")] {
        let function = patient.stack.function(function).await;
        patient.stack.stop(&function, true).await;
        patient.repairs(piece).await;
    }
}

/// CloudWatch.
async fn break_metric_and_alarm(patient: &mut Patient) {
    let logs = patient.stack.logs.clone();
    let group = patient.stack.resource("SizeTrackingLogGroup").await;
    let filter = patient.stack.resource("TotalSizeFilter").await;
    let metric = |name: &str| {
        let metric = MetricTransformation::builder().metric_namespace("Spillway/spillway").metric_name(name);
        metric.metric_value("$.total_size").build().expect("a transformation")
    };
    for (pattern, name) in [("{ $.total = * }", "CurrentTotalSize"), ("{ $.total_size = * }", "Size")] {
        let request = logs.put_metric_filter().log_group_name(&group).filter_name(&filter).filter_pattern(pattern);
        request.metric_transformations(metric(name)).send().await.expect("a filter can be changed");
        patient.repairs("metric filter").await;
    }
    let request = logs.delete_metric_filter().log_group_name(&group).filter_name(&filter);
    request.send().await.expect("a filter can be deleted");
    patient.repairs("metric filter").await;

    let cloudwatch = aws_sdk_cloudwatch::Client::new(patient.stack.local_aws.sdk_config());
    let name = patient.stack.local_aws.outputs().alarm_name.clone();
    let alarms = cloudwatch.describe_alarms().alarm_names(&name).send().await.expect("alarms");
    let alarm = alarms.metric_alarms().first().expect("the alarm").clone();
    let cleaner = alarm.alarm_actions()[0].clone();
    let topic = patient.stack.resource("NotificationTopic").await;
    let (namespace, period) = ("Spillway/spillway", alarm.period().expect("a period"));
    for (piece, metric, period, threshold, action) in [
        ("alarm", "Size", period, 20.0, &cleaner),
        ("alarm", "CurrentTotalSize", 120, 20.0, &cleaner),
        ("alarm", "CurrentTotalSize", period, 2e9, &cleaner),
        ("alarm action", "CurrentTotalSize", period, 20.0, &topic),
    ] {
        let request = cloudwatch.put_metric_alarm().alarm_name(&name).namespace(namespace).metric_name(metric);
        let request = request.period(period).evaluation_periods(1).statistic(Statistic::Maximum).threshold(threshold);
        let request = request.comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold);
        let request = request.treat_missing_data("ignore").alarm_actions(action);
        request.send().await.expect("an alarm can be changed");
        patient.repairs(piece).await;
    }
    cloudwatch.disable_alarm_actions().alarm_names(&name).send().await.expect("actions can be disabled");
    patient.repairs("alarm action").await;
    cloudwatch.delete_alarms().alarm_names(&name).send().await.expect("an alarm can be deleted");
    patient.repairs("alarm").await;
    let cleaner = patient.stack.local_aws.outputs().cleaner_function_name.clone();
    patient.stack.forbid_invocations(&cleaner).await;
    patient.repairs("alarm permission").await;
}

/// EventBridge Scheduler.
async fn break_schedules(patient: &mut Patient) {
    let scheduler = aws_sdk_scheduler::Client::new(patient.stack.local_aws.sdk_config());
    for (id, piece, state, target) in [
        ("SizeTrackingFunctionHeartbeat", "heartbeat schedule", ScheduleState::Disabled, None),
        ("CleanerFunctionSafetyNet", "cleaner schedule", ScheduleState::Enabled, Some("arn:aws:lambda:::function:b")),
        ("PlottingFunctionSumUp", "plotting schedule", ScheduleState::Disabled, None),
        ("DriverStateMachineRerun", "run schedule", ScheduleState::Enabled, None),
        ("AuditStateMachineDaily", "audit schedule", ScheduleState::Disabled, None),
    ] {
        let name = patient.stack.resource(id).await;
        let schedule = scheduler.get_schedule().name(&name).send().await.expect("a schedule");
        let was = schedule.target().expect("a target");
        let new = Target::builder().arn(target.unwrap_or(was.arn())).role_arn(was.role_arn()).build();
        let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().expect("a window");
        let request = scheduler.update_schedule().name(&name).state(state).target(new.expect("a target"));
        let request = request.set_schedule_expression(schedule.schedule_expression).flexible_time_window(window);
        request.send().await.expect("a schedule can be changed");
        patient.repairs(piece).await;
    }
    let name = patient.stack.resource("CleanerFunctionSafetyNet").await;
    scheduler.delete_schedule().name(name).send().await.expect("a schedule can be deleted");
    patient.repairs("cleaner schedule").await;
}

/// DynamoDB.
async fn break_ledger(patient: &mut Patient) {
    let set = async |stack: &Stack, row: &str, attribute: &str, value: u64| {
        let request = stack.dynamodb.update_item().table_name(&stack.local_aws.outputs().object_table_name);
        let request = request.key("object_name", AttributeValue::S(row.to_owned()));
        let request = request.update_expression("SET #a = :v").expression_attribute_names("#a", attribute);
        let request = request.expression_attribute_values(":v", AttributeValue::N(value.to_string()));
        request.send().await.expect("a row can be changed");
    };
    set(&patient.stack, "__STATE__", "total_size", 7).await;
    patient.repairs("ledger").await;

    // A row that is wrong from the start, and so is the total.
    set(&patient.stack, "a", "size", 4).await;
    set(&patient.stack, "__STATE__", "total_size", 4).await;
    let samples = Settings { exact_up_to: 0, ..SETTINGS };
    let sampled = examine(&patient.connection, &samples).await.unwrap_or_else(|error| panic!("{error}"));
    let sick: Vec<_> = sampled.iter().filter(|it| !it.is_healthy()).map(ToString::to_string).collect();
    assert_eq!(sick.len(), 1, "{sick:?}");
    assert!(sick[0].contains("a has 5 bytes in the bucket and 4 in the ledger"), "{sick:?}");
    patient.repairs("ledger").await;
    let stack = &patient.stack;
    eventually("the ledger hears of it", async || stack.total_size().await == Some(5)).await;

    // An object whose deletion the ledger never heard of.
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let request = stack.dynamodb.put_item().table_name(&stack.local_aws.outputs().object_table_name);
    let request = request.item("bucket_name", text(&stack.local_aws.outputs().test_bucket_name));
    let request = request.item("object_name", text("ghost")).item("sequencer", text("0")).item("etag", text("e"));
    let request = request.item("size", AttributeValue::N("3".into())).item("size_delta", AttributeValue::N("3".into()));
    request.item("updated_at", text("2026-11-01T00:00:00Z")).send().await.expect("a row can be written");
    set(stack, "__STATE__", "total_size", 8).await;
    set(stack, "__STATE__", "object_count", 2).await;
    patient.repairs("ledger").await;
    let stack = &patient.stack;
    eventually("the ledger hears of that, too", async || stack.total_size().await == Some(5)).await;
}

async fn the_read_policy_is_enough_and_all_of_it_is_needed(patient: &Patient) {
    let policy: Value = serde_json::from_str(READ_POLICY).expect("the policy is JSON");
    let statements = || policy["Statement"].as_array().expect("statements").iter();
    let actions = statements().flat_map(|it| it["Action"].as_array().expect("actions"));
    let granted: BTreeSet<String> = actions.filter_map(Value::as_str).map(str::to_owned).collect();
    assert!(granted.iter().all(|action| {
        ["Get", "List", "Describe", "Batch", "Query"]
            .iter()
            .any(|verb| action.split(':').nth(1).is_some_and(|name| name.starts_with(verb)))
    }));

    let reader = patient.stack.as_somebody("reader", &policy).await;
    for exact_up_to in [0, 1000] {
        let findings = patient.examined_as(reader.clone(), exact_up_to).await;
        let sick: Vec<_> = findings.iter().filter(|it| !it.is_healthy()).map(|it| it.piece).collect();
        assert_eq!(sick, ["last run"], "{findings:#?}");
    }
    let mut used = patient.stack.used_by("reader").await;
    used.extend(OF_EXISTING_BUCKETS.map(str::to_owned));
    for action in UNASKED {
        assert!(used.insert(action.to_owned()), "MiniStack asks for {action} after all");
    }
    assert_eq!(used, granted);

    let mut less = policy.clone();
    let actions = less["Statement"][0]["Action"].as_array_mut().expect("actions");
    actions.retain(|action| action != "sqs:GetQueueAttributes");
    let findings = patient.examined_as(patient.stack.as_somebody("blind", &less).await, 1000).await;
    let unseen = findings.iter().filter(|it| matches!(it.judgement, Judgement::Unseen { .. }));
    let unseen: Vec<_> =
        unseen.map(|it| (it.piece, it.to_string().contains("not permitted: GetQueueAttributes"))).collect();
    assert_eq!(unseen.len(), 8, "{findings:#?}");
    assert!(unseen.iter().all(|(_, is_said)| *is_said), "{unseen:?}");
}
