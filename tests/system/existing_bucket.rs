//! A bucket that existed before the stack: its life with one, from the first event to the stack's removal.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_eventbridge::types::{RuleState, Target};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CompletedMultipartUpload, CompletedPart, CreateBucketConfiguration,
    NotificationConfiguration, QueueConfiguration, Tag, Tagging,
};
use serde_json::{Value, json};
use spillway_contracts::audit::Tally;
use spillway_contracts::log_line::{Outcome, Verdict};
use spillway_contracts::{ErrorName, ObjectName};
use spillway_local::emulator::client;
use spillway_stack::Connection;
use spillway_stack::doctor::bucket_policy::NEEDED;
use spillway_stack::doctor::finding::{Finding, Judgement};
use spillway_stack::restore::{Plan, Which};
use spillway_stack::run::execution::Ending;
use spillway_tests::{Permission, Stack, eventually, live};

use super::aws_cli::AwsCli;
use super::cleaning::decisions;
use super::doctor::{OF_EXISTING_BUCKETS, Patient, READ_POLICY, another_consumer};
use super::storm::{names, turn_event_bridge_on};

const BUCKET: &str = "peoples-photos";
/// In bytes. All that the test writes, except one object, takes less.
const THRESHOLD: i64 = 100_000;
const ALARM: &str = include_str!("../../contracts/examples/alarm-event/ok-metric-alarm.json");
const PLOT_REQUEST: &str = include_str!("../../contracts/examples/plot-request/ok-all-of-the-history.json");

/// Tests that take one after the other what the one before has left: a stack takes longer than each of them.
#[tokio::test]
async fn an_existing_bucket_is_kept_under_its_threshold_and_left_as_it_was_found() {
    let _live = live().await;
    let mut found = None;
    let threshold = THRESHOLD.to_string();
    let parameters = [("SizeThreshold", &*threshold), ("NotifyCleanings", "always"), ("AuditGraceMinutes", "0")];
    let furnish = async |config: &SdkConfig| {
        furnish(&client::s3(config)).await;
        found = Some(Configuration::read(&client::s3(config)).await);
    };
    let (stack, cli) = tokio::join!(Stack::for_existing(BUCKET, &parameters, furnish), AwsCli::start());
    assert_eq!(stack.local_aws.outputs().test_bucket_name, BUCKET);
    let mut patient = Patient::new(stack, cli);
    assert_eq!(Some(Configuration::read(&patient.stack.s3).await), found, "a deployment changes nothing");

    let theirs = another_consumer(&patient.stack).await;
    Box::pin(events_come_once_event_bridge_is_on(&mut patient, &theirs)).await;
    let found = Configuration::read(&patient.stack.s3).await;
    Box::pin(what_people_do_reaches_ledger_and_log(&patient.stack)).await;
    Box::pin(no_run_begins(&patient.stack)).await;
    Box::pin(the_cleaner_deletes_only_once_it_is_let_loose(&patient.stack)).await;
    Box::pin(each_fault_is_named_and_put_right(&mut patient)).await;
    Box::pin(no_role_may_do_more_than_it_needs(&patient)).await;
    assert_eq!(Configuration::read(&patient.stack.s3).await, found, "nothing but its owner configures the bucket");
    Box::pin(a_bucket_that_cannot_be_had_is_named(&patient)).await;
    Box::pin(removal_leaves_the_bucket(&patient.stack, &found)).await;
    patient.leave().await;
}

/// What people have put into the bucket and configured of it, long before.
async fn furnish(s3: &aws_sdk_s3::Client) {
    for key in ["old/overwritten", "old/deleted", "old/kept"] {
        let request = s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(b"years ago"));
        request.send().await.expect("an object can be put");
    }
    let tag = Tag::builder().key("owner").value("people").build().expect("a tag");
    let tags = Tagging::builder().tag_set(tag).build().expect("tags");
    s3.put_bucket_tagging().bucket(BUCKET).tagging(tags).send().await.expect("a bucket can be tagged");
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [format!("arn:aws:s3:::{BUCKET}"), format!("arn:aws:s3:::{BUCKET}/*")],
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    }] });
    s3.put_bucket_policy().bucket(BUCKET).policy(policy.to_string()).send().await.expect("a bucket can have a policy");
}

/// What somebody has configured of a bucket, as S3 tells it; an error's code stands for what isn't configured.
#[derive(Clone, Debug, PartialEq)]
struct Configuration {
    notification: String,
    parts: Vec<String>,
}

impl Configuration {
    async fn read(s3: &aws_sdk_s3::Client) -> Self {
        fn told<T: std::fmt::Debug, E: ProvideErrorMetadata>(answer: Result<T, E>) -> String {
            // Each answer has its own request id.
            let text = answer.map_or_else(|error| error.code().unwrap_or_default().to_owned(), |it| format!("{it:?}"));
            text.split(", _extended_request_id").next().unwrap_or_default().to_owned()
        }
        let notification = told(s3.get_bucket_notification_configuration().bucket(BUCKET).send().await);
        let parts = vec![
            told(s3.get_bucket_policy().bucket(BUCKET).send().await),
            told(s3.get_bucket_lifecycle_configuration().bucket(BUCKET).send().await),
            told(s3.get_bucket_tagging().bucket(BUCKET).send().await),
            told(s3.get_bucket_versioning().bucket(BUCKET).send().await),
            told(s3.get_bucket_encryption().bucket(BUCKET).send().await),
            told(s3.get_public_access_block().bucket(BUCKET).send().await),
            told(s3.get_bucket_ownership_controls().bucket(BUCKET).send().await),
        ];
        Self { notification, parts }
    }
}

/// What a look finds that needs somebody.
fn sick(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|it| !it.is_healthy()).collect()
}

/// Puts the notifications of others beside nothing else.
async fn configure_only(s3: &aws_sdk_s3::Client, theirs: &QueueConfiguration) {
    let configuration = NotificationConfiguration::builder().queue_configurations(theirs.clone()).build();
    let request = s3.put_bucket_notification_configuration().bucket(BUCKET);
    request.notification_configuration(configuration).send().await.expect("notifications can be configured");
}

/// The doctor says how, and what others have configured stays.
async fn events_come_once_event_bridge_is_on(patient: &mut Patient, theirs: &QueueConfiguration) {
    let findings = patient.examine().await;
    let [bridge, ledger] = sick(&findings)[..] else { panic!("{findings:#?}") };
    assert_eq!((bridge.piece, ledger.piece), ("bucket EventBridge", "ledger"));
    let Judgement::Wrong { fix, .. } = &ledger.judgement else { panic!("{ledger}") };
    assert!(fix.contains("cargo stack audit") && !fix.contains("aws s3"), "{fix}");
    let Judgement::Wrong { fix, .. } = &bridge.judgement else { panic!("{bridge}") };

    // Once on a bucket with no notifications at all, and once on one with those of others.
    let (s3, fix) = (patient.stack.s3.clone(), fix.clone());
    let read = async || s3.get_bucket_notification_configuration().bucket(BUCKET).send().await.expect("an answer");
    for theirs in [None, Some(theirs)] {
        if let Some(theirs) = theirs {
            configure_only(&s3, theirs).await;
        }
        assert_eq!(read().await.event_bridge_configuration, None);
        patient.does(&fix).await;
        let now = read().await;
        assert!(now.event_bridge_configuration.is_some());
        assert_eq!(now.queue_configurations.unwrap_or_default(), theirs.into_iter().cloned().collect::<Vec<_>>());
    }

    // What was there before the ledger, and changes now.
    patient.stack.put("old/overwritten", 5).await;
    patient.stack.delete("old/deleted").await;
    let stack = &patient.stack;
    eventually("the ledger hears of both", async || {
        stack.total_size().await == Some(5) && stack.row("old/deleted").await.is_some()
    })
    .await;

    // The cleaner waits for an audit, and that enters what nothing has told of.
    let alarm: Value = serde_json::from_str(ALARM).expect("an example");
    let answer = stack.answer(&stack.local_aws.outputs().cleaner_function_name, &alarm).await;
    assert_eq!(answer.expect("the cleaner answers")["verdict"], "NotAudited");
    let findings = patient.examine().await;
    let [ledger] = sick(&findings)[..] else { panic!("{findings:#?}") };
    let Judgement::Wrong { fix, .. } = &ledger.judgement else { panic!("{ledger}") };
    assert!(fix.contains("cargo stack audit") && !fix.contains("aws s3"), "{fix}");
    let report = patient.stack.audited(json!({})).await;
    assert_eq!((report.found.added, report.drift_after.objects), (Tally { objects: 1, bytes: 9 }, 0), "{report:?}");
    let adopted = [("old/kept".to_owned(), 9), ("old/overwritten".to_owned(), 5)];
    assert_eq!(patient.stack.check_ledger().await, BTreeMap::from(adopted));
    let findings = patient.examine().await;
    assert!(sick(&findings).is_empty(), "{findings:#?}");
}

/// With names of every kind; nothing ends as a dead letter.
async fn what_people_do_reaches_ledger_and_log(stack: &Stack) {
    let names = names();
    for (index, name) in names.iter().enumerate() {
        stack.put(name, index).await;
    }
    for name in names.iter().skip(20).step_by(2) {
        stack.put(name, 100).await;
    }
    copy(stack, &names[1], "copied/ü +%").await;
    upload_in_parts(stack, "in parts/💧").await;
    for name in names.iter().skip(21).step_by(4) {
        stack.delete(name).await;
    }
    stack.drain().await;
    let objects = stack.check_ledger().await;
    assert_eq!((objects.get("copied/ü +%"), objects.get("in parts/💧")), (Some(&1), Some(&9)));
    let outputs = stack.local_aws.outputs();
    for queue in [&outputs.tracking_dlq_url, &outputs.logging_dlq_url] {
        assert_eq!(stack.messages(queue).await, 0, "dead letters in {queue}");
    }

    let put = names.iter().map(|name| ("ObjectCreated:Put", name.as_str()));
    let deleted = names.iter().skip(21).step_by(4).map(|name| ("ObjectRemoved:Delete", name.as_str()));
    let other =
        [("ObjectCreated:Copy", "copied/ü +%"), ("ObjectCreated:CompleteMultipartUpload", "in parts/💧")].into_iter();
    let happened: BTreeSet<(&str, &str)> = put.chain(deleted).chain(other).collect();
    let logging = stack.function("logging").await;
    // A function's lines reach the log after its answer.
    eventually("all of it is logged", async || {
        let lines = stack.log_lines(&logging).await;
        let told = lines.iter().filter_map(|line| Some((line["event_type"].as_str()?, line["object_name"].as_str()?)));
        happened.is_subset(&told.collect())
    })
    .await;
}

async fn copy(stack: &Stack, from: &str, to: &str) {
    let request = stack.s3.copy_object().bucket(BUCKET).copy_source(format!("{BUCKET}/{from}")).key(to);
    request.send().await.expect("an object can be copied");
}

async fn upload_in_parts(stack: &Stack, key: &str) {
    let upload = stack.s3.create_multipart_upload().bucket(BUCKET).key(key).send().await.expect("an upload");
    let id = upload.upload_id().expect("an upload has an id");
    let request = stack.s3.upload_part().bucket(BUCKET).key(key).upload_id(id).part_number(1);
    let part = request.body(ByteStream::from_static(b"nine byte")).send().await.expect("a part can be uploaded");
    let part = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).build();
    let request = stack.s3.complete_multipart_upload().bucket(BUCKET).key(key).upload_id(id);
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    request.multipart_upload(parts).send().await.expect("an upload can be completed");
}

async fn no_run_begins(stack: &Stack) {
    let run = stack.run(json!({})).await;
    let Ending::Failed { error, cause, .. } = run else { panic!("{run:?}") };
    assert_eq!(error, ErrorName::ExistingBucket.as_str(), "{cause}");
    assert!(cause.contains("the bucket peoples-photos existed before this stack (ExistingBucketName)"), "{cause}");
}

/// Events don't come, and the audit's failure says why.
async fn no_audit_begins(stack: &Stack, why: &str) {
    let audit = stack.audit(json!({})).await;
    let Ending::Failed { error, cause, .. } = audit else { panic!("{audit:?}") };
    assert_eq!(error, ErrorName::EventsDisconnected.as_str(), "{cause}");
    assert!(cause.contains(why), "{cause}");
}

/// A dry run until somebody says `DryRun=false`.
async fn the_cleaner_deletes_only_once_it_is_let_loose(stack: &Stack) {
    let before = stack.objects().await;
    stack.put("large", THRESHOLD as usize).await;
    let decided = async || {
        let decisions = decisions(stack).await.into_iter();
        decisions.filter(|it| it.verdict != Verdict::NotAudited).collect::<Vec<_>>()
    };
    eventually("the alarm has invoked the cleaner", async || !decided().await.is_empty()).await;
    let decision = &decided().await[0];
    assert_eq!((decision.dry_run, decision.verdict), (true, Verdict::BroughtBelow));
    let chosen: Vec<_> = decision.chosen.iter().map(|it| (it.object_name.as_str(), it.outcome)).collect();
    assert_eq!(chosen, [("large", Outcome::DryRun)]);
    assert!(stack.objects().await.contains_key("large"));

    stack.set_parameter("DryRun", "false").await;
    let alarm: Value = serde_json::from_str(ALARM).expect("an example");
    let cleaner = &stack.local_aws.outputs().cleaner_function_name;
    let answer = stack.answer(cleaner, &alarm).await.expect("the cleaner answers");
    assert_eq!((&answer["verdict"], &answer["dry_run"]), (&json!("BroughtBelow"), &json!(false)), "{answer}");
    let total: i64 = before.values().sum();
    eventually("the ledger hears of the deletion", async || stack.total_size().await == Some(total)).await;
    assert_eq!(stack.check_ledger().await, before, "the largest object is gone, and nothing else");

    let request: Value = serde_json::from_str(PLOT_REQUEST).expect("an example");
    let plot = stack.answer(&stack.function("plotting").await, &request).await.expect("a plot");
    assert_eq!(plot["statusCode"], 200, "{plot}");
}

async fn each_fault_is_named_and_put_right(patient: &mut Patient) {
    let config = patient.stack.local_aws.sdk_config().clone();
    let (s3, events) = (patient.stack.s3.clone(), aws_sdk_eventbridge::Client::new(&config));
    let (rule, topic) =
        (patient.stack.resource("ObjectEventsRule").await, patient.stack.resource("ObjectEventsTopic").await);
    events.disable_rule().name(&rule).send().await.expect("a rule can be disabled");
    let enable = format!("the rule {rule} is disabled. Run `aws events enable-rule --name {rule}`");
    no_audit_begins(&patient.stack, &enable).await;
    patient.repairs("bucket rule").await;
    let request = events.put_rule().name(&rule).state(RuleState::Enabled);
    let request = request.event_pattern(r#"{"source":["aws.s3"],"detail":{"bucket":{"name":["another"]}}}"#);
    request.send().await.expect("a rule can have another pattern");
    patient.repairs("bucket rule").await;
    let target = Target::builder().id("topic").arn(&topic).input_path("$.detail").build().expect("a target");
    events.put_targets().rule(&rule).targets(target).send().await.expect("a target can be changed");
    patient.repairs("bucket rule").await;
    events.remove_targets().rule(&rule).ids("topic").send().await.expect("a target can be removed");
    patient.repairs("bucket rule").await;
    events.remove_targets().rule(&rule).ids("topic").send().await.expect("a target can be removed");
    events.delete_rule().name(&rule).send().await.expect("a rule can be deleted");
    no_audit_begins(&patient.stack, &format!("the rule {rule} is gone; `cargo stack doctor` prints")).await;
    patient.repairs("bucket rule").await;

    // EventBridge says nothing of the rule to a topic, so this never holds.
    let sns = aws_sdk_sns::Client::new(&config);
    let policy = |source: &str| {
        let condition = json!({ "ArnEquals": { "aws:SourceArn": source } });
        json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sns:Publish", "Resource": topic,
            "Condition": condition,
        }] })
        .to_string()
    };
    let request = sns.set_topic_attributes().topic_arn(&topic).attribute_name("Policy");
    let request = request.attribute_value(policy(&format!("arn:aws:events:us-east-1:000000000000:rule/{rule}")));
    request.send().await.expect("a topic can have another policy");
    patient.stack.put("unheard", 1).await;
    let log = patient.stack.local_aws.log().to_owned();
    eventually("EventBridge may not publish on a condition", async || {
        let log = tokio::fs::read_to_string(&log).await.expect("MiniStack's log");
        log.contains(&format!("{rule} is not allowed to publish to {topic}"))
    })
    .await;
    patient.stack.delete("unheard").await;
    patient.repairs("topic policy").await;

    let was = s3.get_bucket_policy().bucket(BUCKET).send().await.expect("a policy").policy.expect("a policy");
    let mut policy: Value = serde_json::from_str(&was).expect("a policy is JSON");
    policy["Statement"].as_array_mut().expect("statements").push(json!({
        "Sid": "Keep", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject",
        "Resource": format!("arn:aws:s3:::{BUCKET}/*"),
    }));
    s3.put_bucket_policy().bucket(BUCKET).policy(policy.to_string()).send().await.expect("a policy");
    patient.wants("bucket policy").await;
    s3.put_bucket_policy().bucket(BUCKET).policy(was).send().await.expect("a policy");

    patient.stack.put("heard", 3).await;
    eventually("what was repaired works", async || patient.stack.row("heard").await.is_some()).await;
    assert_eq!(patient.stack.row("unheard").await, None);
    assert_eq!(patient.stack.check_ledger().await.get("heard"), Some(&3));
    let findings = patient.examine().await;
    let run = sick(&findings);
    assert_eq!(run.iter().map(|it| it.piece).collect::<Vec<_>>(), Vec::<&str>::new(), "{run:#?}");
}

/// The driver's roles know nothing of the bucket, and whoever looks at the stack needs no more than the policy has.
async fn no_role_may_do_more_than_it_needs(patient: &Patient) {
    let stack = &patient.stack;
    let (bucket, objects) = (format!("arn:aws:s3:::{BUCKET}"), format!("arn:aws:s3:::{BUCKET}/*"));
    let granted = stack.granted().await;
    let of_bucket: Vec<_> = granted
        .iter()
        .filter(|it| it.resource == "*" && it.action.starts_with("s3:") || it.resource.starts_with(&bucket))
        .collect();
    let expect = [
        Permission::new("AuditObjectsRole", "s3:GetObject", &objects),
        Permission::new("AuditObjectsRole", "s3:ListBucket", &bucket),
        Permission::new("AuditRole", "s3:ListBucket", &bucket),
        Permission::new("AuditRowsRole", "s3:GetObject", &objects),
        Permission::new("AuditRowsRole", "s3:ListBucket", &bucket),
        Permission::new("CleanerRole", "s3:DeleteObject", &objects),
        Permission::new("CleanerRole", "s3:GetObject", &objects),
        Permission::new("CleanerRole", "s3:ListBucket", &bucket),
        Permission::new("PrepareAuditRole", "s3:GetBucketNotification", &bucket),
        Permission::new("UsageRole", "s3:GetBucketVersioning", &bucket),
        Permission::new("UsageRole", "s3:GetObject", &objects),
        Permission::new("UsageRole", "s3:ListBucket", &bucket),
        Permission::new("UsageRole", "s3:ListBucketVersions", &bucket),
    ];
    assert_eq!(of_bucket, expect.iter().collect::<Vec<_>>());
    let looked_for = NEEDED.iter().flat_map(|(role, actions)| actions.iter().map(move |it| (role, it)));
    let looked_for = looked_for.map(|(role, (action, is_of_objects))| {
        Permission::new(role, action, if *is_of_objects { &objects } else { &bucket })
    });
    assert_eq!(looked_for.collect::<BTreeSet<_>>(), BTreeSet::from(expect.clone()), "what the doctor looks for");
    let used = stack.used().await;
    assert!(used.iter().any(|done| expect[5].covers(done)), "the cleaner has deleted by its role: {used:?}");
    let rules: Vec<_> = granted.iter().filter(|it| it.action.starts_with("events:")).collect();
    let [rule] = rules[..] else { panic!("one role looks at one rule: {rules:?}") };
    assert_eq!((&*rule.role, &*rule.action), ("PrepareAuditRole", "events:DescribeRule"));
    assert!(used.iter().any(|done| rule.covers(done)), "the audit has looked at {rule:?}: {used:?}");

    let mut policy: Value = serde_json::from_str(READ_POLICY).expect("the policy is JSON");
    policy["Statement"][1]["Resource"] = json!(["arn:*:dynamodb:*:*:table/spillway-*", bucket]);
    let findings = patient.examined_as(stack.as_somebody("reader", &policy).await, 1000).await;
    assert!(sick(&findings).is_empty(), "{findings:#?}");
    let used = stack.used_by("reader").await;
    assert!(OF_EXISTING_BUCKETS.iter().all(|action| used.contains(*action)), "{used:?}");
}

async fn a_bucket_that_cannot_be_had_is_named(patient: &Patient) {
    let said = async || {
        let findings = patient.examine().await;
        let bucket = findings.iter().find(|it| it.piece == "bucket").expect("a finding").to_string();
        assert_eq!(
            findings.iter().filter(|it| it.piece.starts_with("bucket ") && it.piece != "bucket rule").count(),
            0
        );
        bucket
    };
    let config = patient.stack.local_aws.sdk_config();
    patient.stack.set_parameter("ExistingBucketName", "nowhere").await;
    assert!(said().await.contains("saw  there is no such bucket"), "{}", said().await);
    let elsewhere = config.to_builder().region(aws_config::Region::new("eu-west-1")).build();
    let location = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1).build();
    let request = client::s3(&elsewhere).create_bucket().bucket("nowhere").create_bucket_configuration(location);
    request.send().await.expect("a bucket can be made elsewhere");
    assert!(said().await.contains("it is in eu-west-1, and the stack is in us-east-1"), "{}", said().await);
    let stranger = Credentials::new("111111111111", "test", None, None, "another account");
    let stranger = config.to_builder().credentials_provider(SharedCredentialsProvider::new(stranger)).build();
    patient.stack.set_parameter("ExistingBucketName", "somebodys").await;
    client::s3(&stranger).create_bucket().bucket("somebodys").send().await.expect("a bucket can be made");
    assert!(said().await.contains("S3 answers 403: it belongs to another account"), "{}", said().await);

    // Versions and locks are nobody's fault, and somebody should know.
    patient.stack.set_parameter("ExistingBucketName", "locked").await;
    let request = client::s3(config).create_bucket().bucket("locked").object_lock_enabled_for_bucket(true);
    request.send().await.expect("a bucket can be made");
    let findings = patient.examine().await;
    let noted = findings.iter().filter(|it| matches!(it.judgement, Judgement::Noted { .. })).map(|it| it.piece);
    assert_eq!(noted.collect::<Vec<_>>(), ["bucket versioning", "bucket Object Lock"], "{findings:#?}");
    the_end_of_an_older_version_is_no_deletion(&patient.stack).await;
}

/// EventBridge tells of versions as notifications do.
async fn the_end_of_an_older_version_is_no_deletion(stack: &Stack) {
    turn_event_bridge_on(stack.local_aws.sdk_config(), "locked").await;
    let put = async |body| {
        let request = stack.s3.put_object().bucket("locked").key("versions").body(ByteStream::from_static(body));
        request.send().await.expect("an object can be put").version_id.expect("a version")
    };
    let (older, newer) = (put(b"1").await, put(b"22").await);
    assert_ne!(older, newer);
    let request = stack.s3.delete_object().bucket("locked").key("versions").version_id(older);
    request.send().await.expect("a version can be deleted");
    let logger = stack.function("logging").await;
    // Logging is the later one.
    eventually("the older version's end is logged", async || {
        let lines = stack.log_lines(&logger).await;
        lines.iter().any(|it| it["object_name"] == "versions" && it["event_type"] == "ObjectRemoved:Delete")
    })
    .await;
    assert_eq!(stack.row("versions").await.expect("a row")["size"], 2);
    what_its_owner_keeps_comes_back(stack).await;
}

/// The stack has configured nothing for that.
async fn what_its_owner_keeps_comes_back(stack: &Stack) {
    stack.s3.delete_object().bucket("locked").key("versions").send().await.expect("an object can be deleted");
    eventually("the ledger hears of it", async || {
        stack.row("versions").await.is_some_and(|row| !row.contains_key("size"))
    })
    .await;
    let file = client::stack_file(stack.local_aws.endpoint(), stack.local_aws.outputs().clone());
    let connection = Connection::local(file, stack.local_aws.stack_name());
    let named = Which::Named(vec![ObjectName::new("versions").expect("a name")]);
    let plan = Plan::make(&connection, &named).await.unwrap_or_else(|error| panic!("{error}"));
    let mut done = Vec::new();
    plan.carry_out(|name, result| done.push((name.to_string(), result.map(|copied| copied.size)))).await;
    assert_eq!(done, [("versions".to_owned(), Ok(2))]);
    eventually("the ledger hears of that, too", async || {
        stack.row("versions").await.is_some_and(|row| row.get("size") == Some(&json!(2)))
    })
    .await;
}

/// With its objects, and with what its owner has configured.
async fn removal_leaves_the_bucket(stack: &Stack, found: &Configuration) {
    let objects = |s3: aws_sdk_s3::Client| async move {
        let listing = s3.list_objects_v2().bucket(BUCKET).send().await.expect("the bucket can be listed");
        listing.contents().iter().map(|it| (it.key().unwrap_or_default().to_owned(), it.size())).collect::<Vec<_>>()
    };
    let before = objects(stack.s3.clone()).await;
    assert!(!before.is_empty());
    let cloudformation = aws_sdk_cloudformation::Client::new(stack.local_aws.sdk_config());
    let name = stack.local_aws.stack_name();
    cloudformation.delete_stack().stack_name(name).send().await.expect("the stack can be deleted");
    eventually("the stack is gone", async || cloudformation.describe_stacks().stack_name(name).send().await.is_err())
        .await;
    assert_eq!(objects(stack.s3.clone()).await, before);
    assert_eq!(&Configuration::read(&stack.s3).await, found);
    let rules = aws_sdk_eventbridge::Client::new(stack.local_aws.sdk_config()).list_rules().send().await;
    assert_eq!(rules.expect("rules can be listed").rules(), []);
}
