//! A way back: a bucket that keeps what is deleted, what brings that back, and how a bucket gets that way and ceases to be so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::BucketVersioningStatus;
use serde_json::{Value, json};
use spillway_contracts::ObjectName;
use spillway_contracts::audit::Tally;
use spillway_contracts::log_line::CleanerDecisionLine;
use spillway_local::emulator::client;
use spillway_stack::Connection;
use spillway_stack::doctor::finding::Judgement;
use spillway_stack::restore::copy::copy;
use spillway_stack::restore::versions::{Refusal, find};
use spillway_stack::restore::{Plan, Wanted, Which};
use spillway_tests::{Stack, eventually, live, repository};

use super::aws_cli::AwsCli;
use super::cleaning::decisions;
use super::commands::cargo;
use super::doctor::Patient;
use super::usage::{Asker, all_kept};

const RESTORE_POLICY: &str = include_str!("../../infra/stack/restore-policy.json");

/// What MiniStack lets everybody do: copying tags.
const UNASKED: [&str; 2] = ["s3:GetObjectVersionTagging", "s3:PutObjectTagging"];

/// Somebody who restores.
struct Restorer<'a> {
    stack: &'a Stack,
    connection: Connection,
}

impl<'a> Restorer<'a> {
    fn of(stack: &'a Stack) -> Self {
        let file = client::stack_file(stack.local_aws.endpoint(), stack.local_aws.outputs().clone());
        Self { stack, connection: Connection::local(file, stack.local_aws.stack_name()) }
    }

    fn bucket(&self) -> &str {
        &self.stack.local_aws.outputs().test_bucket_name
    }

    /// Types the command; gives whether it ended well, and what it said.
    async fn types(&self, words: &[&str]) -> (bool, String) {
        let file = client::stack_file(self.stack.local_aws.endpoint(), self.stack.local_aws.outputs().clone());
        let place = ["--region", &file.region, "--endpoint-url", &file.endpoint];
        let mut command = cargo(&[&["stack", "restore"], words, &place].concat());
        command.env("AWS_ACCESS_KEY_ID", &file.access_key_id).env("AWS_SECRET_ACCESS_KEY", &file.secret_access_key);
        let output = command.output().await.expect("cargo starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }

    /// Wants the command to end well, and to say this.
    async fn restores(&self, words: &[&str], says: &[&str]) {
        let (is_done, text) = self.types(words).await;
        assert!(is_done && says.iter().all(|said| text.contains(said)), "{words:?} should say {says:?}:\n{text}");
    }

    /// Wants the command to fail, to say this, and to leave the bucket as it is.
    async fn is_refused(&self, words: &[&str], says: &[&str]) {
        let before = self.stack.objects().await;
        let (is_done, text) = self.types(words).await;
        assert!(!is_done && says.iter().all(|said| text.contains(said)), "{words:?} should say {says:?}:\n{text}");
        assert_eq!(self.stack.objects().await, before);
    }

    /// Puts an object with everything that an object can have.
    async fn puts(&self, key: &str, byte: u8, bytes: usize) {
        let request =
            self.stack.s3.put_object().bucket(self.bucket()).key(key).body(ByteStream::from(vec![byte; bytes]));
        let request = request.content_type("text/x-spillway").metadata("colour", "green").tagging("kind=kept");
        request.send().await.expect("an object can be put");
    }

    /// What an object is: its content, ETag, type, metadata and tags.
    async fn object(&self, key: &str) -> (Vec<u8>, Vec<Option<String>>) {
        let object = self.stack.s3.get_object().bucket(self.bucket()).key(key).send().await.expect("an object");
        let tags = self.stack.s3.get_object_tagging().bucket(self.bucket()).key(key).send().await.expect("tags");
        let metadata = object.metadata().and_then(|it| it.get("colour")).cloned();
        let facts = vec![
            object.e_tag().map(str::to_owned),
            object.content_type().map(str::to_owned),
            metadata,
            tags.tag_set().first().map(|tag| tag.value().to_owned()),
        ];
        (object.body.collect().await.expect("a body").to_vec(), facts)
    }

    async fn versioning(&self) -> Option<BucketVersioningStatus> {
        self.stack.s3.get_bucket_versioning().bucket(self.bucket()).send().await.expect("an answer").status
    }

    /// After how many days what is kept goes.
    async fn kept_for(&self) -> Option<i32> {
        let answer = self.stack.s3.get_bucket_lifecycle_configuration().bucket(self.bucket()).send().await;
        let rules = answer.expect("the bucket has rules").rules.unwrap_or_default();
        let rule = rules.into_iter().find(|rule| rule.id() == Some("expire-what-is-kept"))?;
        assert_eq!(rule.expiration.and_then(|it| it.expired_object_delete_marker), Some(true));
        rule.noncurrent_version_expiration?.noncurrent_days
    }

    /// Names of events in the history of an object.
    async fn history(&self, key: &str) -> Vec<String> {
        let mut records = self.stack.items(&self.stack.local_aws.outputs().history_table_name).await;
        records.retain(|record| record.get("object_name") == Some(&json!(key)));
        records.sort_by_key(|record| record["event_key"].to_string());
        records.iter().filter_map(|record| record["event_type"].as_str().map(str::to_owned)).collect()
    }
}

/// The cleanings that deleted something.
async fn cleanings(stack: &Stack) -> Vec<CleanerDecisionLine> {
    decisions(stack).await.into_iter().filter(|line| line.cleaning.is_some()).collect()
}

fn sizes(objects: &[(&str, i64)]) -> BTreeMap<String, i64> {
    objects.iter().map(|&(name, size)| (name.to_owned(), size)).collect()
}

#[tokio::test]
async fn what_was_deleted_comes_back_as_it_was_if_there_is_room_for_it() {
    let _live = live().await;
    let parameters = [("SizeThreshold", "100"), ("KeepDeletedDays", "1"), ("AuditGraceMinutes", "0")];
    let stack = Stack::with(&parameters).await;
    let restorer = Restorer::of(&stack);
    assert_eq!(
        (restorer.versioning().await, restorer.kept_for().await),
        (Some(BucketVersioningStatus::Enabled), Some(1))
    );

    const ODD: &str = "dir/ü +%?";
    restorer.puts("a", b'a', 60).await;
    restorer.puts(ODD, b'u', 30).await;
    let was = restorer.object("a").await;
    restorer.puts("b", b'b', 50).await;
    let left = sizes(&[(ODD, 30), ("b", 50)]);
    eventually("the cleaner has deleted the largest object", async || stack.objects().await == left).await;
    stack.drain().await;
    stack.check_ledger().await;
    assert_eq!(restorer.history("a").await, ["ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated"]);
    eventually("the cleaner has told", async || cleanings(&stack).await.len() == 1).await;
    let line = cleanings(&stack).await.remove(0);
    let (cleaning, request) = (line.cleaning.expect("a cleaning"), line.request_id);

    // There is no room for it, and others are there, or never were.
    let full = "1 object with 60 bytes would bring the bucket from 80 to 140 bytes, and at 100 the cleaner deletes. Nothing was \
                restored.";
    restorer.is_refused(&["--cleaning", &cleaning], &[full]).await;
    let lines = [
        "not restored   b: there already: an object of that name is in the bucket",
        "not restored   unknown: not kept: S3 has no version of it",
        "Nothing was restored.",
    ];
    restorer.is_refused(&["unknown", "b"], &lines).await;
    restorer.is_refused(&["--cleaning", "unknown"], &["no cleaning with the id \"unknown\" is on record"]).await;
    let asker = Asker::with(&stack, "asker", &["usage"]).await;
    assert_eq!(asker.usage().await["kept"], all_kept((1, 60), (0, 0)));
    restorer.is_refused(&["--since", "2999-01-01T00:00:00Z"], &["the cleaner has deleted nothing since"]).await;
    restorer.is_refused(&[], &["<NAME|--since <TIME>|--cleaning <ID>>", "Usage: cargo stack restore"]).await;

    // There is room.
    stack.delete("b").await;
    stack.drain().await;
    restorer
        .restores(&["--cleaning", &request, "--dry-run"], &["would restore  a (60 bytes)", "would be restored."])
        .await;
    assert_eq!(stack.objects().await, sizes(&[(ODD, 30)]));
    assert_eq!(asker.usage().await["kept"], all_kept((2, 110), (0, 0)));
    let lines = ["restored       a (60 bytes)\n", "1 object with 60 bytes was restored."];
    restorer.restores(&["--cleaning", &cleaning], &lines).await;
    assert_eq!(restorer.object("a").await, was);
    stack.drain().await;
    // The version that was copied stays under its copy.
    let usage = asker.usage().await;
    assert_eq!((&usage["total_size"], &usage["kept"]), (&json!(90), &all_kept((1, 50), (1, 60))));
    assert_eq!(stack.check_ledger().await, sizes(&[(ODD, 30), ("a", 60)]));
    assert_eq!(restorer.history("a").await[2..], ["ObjectCreated:Copy"]);
    restorer.is_refused(&["--cleaning", &cleaning], &["there already"]).await;

    // What people deleted comes back by its name, over the threshold if they say so; then the cleaner chooses again.
    restorer.is_refused(&["b"], &["from 90 to 140 bytes"]).await;
    restorer.restores(&["b", "--over-threshold"], &["restored       b (50 bytes)"]).await;
    eventually("the cleaner has deleted the largest object again", async || stack.objects().await == left).await;
    stack.drain().await;
    stack.delete("b").await;
    stack.delete(ODD).await;
    stack.drain().await;
    // Twice deleted, once restored; what people deleted is not among it.
    restorer.restores(&["--since", "1h"], &["1 object with 60 bytes was restored.\n"]).await;
    restorer.restores(&[ODD], &["restored       dir/ü +%? (30 bytes)"]).await;
    assert_eq!(stack.objects().await, sizes(&[(ODD, 30), ("a", 60)]));

    Box::pin(a_newer_object_is_not_overwritten(&restorer)).await;
    Box::pin(the_policy_is_enough(&restorer)).await;
    stack.drain().await;
    stack.check_ledger().await;
    let report = stack.audited(json!({})).await;
    assert_eq!((report.found.listed.objects, report.drift_before), (3, Tally::default()), "{report:?}");
    Box::pin(a_run_goes_as_it_does_without_versions(&stack)).await;
    stack.local_aws.shutdown().await;
}

async fn a_run_goes_as_it_does_without_versions(stack: &Stack) {
    for key in stack.objects().await.keys() {
        stack.delete(key).await;
    }
    stack.drain().await;
    let upload = |name: &str, size: u64| json!({ "object_name": name, "size_bytes": size });
    let expect = json!({ "deleted": ["large"], "total_size": 50 });
    let cycle = json!({ "upload": [upload("small", 50), upload("large", 60)], "expect": expect });
    let report = stack.report(json!({ "cycles": [cycle] })).await;
    assert_eq!(report.observed_timeline, [0, 50, 110, 50]);
}

/// It is written between the look and the copy.
async fn a_newer_object_is_not_overwritten(restorer: &Restorer<'_>) {
    let (s3, bucket) = (&restorer.stack.s3, restorer.bucket());
    let name = ObjectName::new("b").expect("a name");
    let wanted = Wanted { object_name: name.clone(), deleted: None };
    let kept = find(s3, bucket, &wanted).await.expect("an answer").expect("a version is kept");
    assert_eq!(kept.size, 50);
    restorer.puts("b", b'n', 5).await;
    assert_eq!(copy(s3, bucket, &name, &kept).await, Err(Refusal::There));
    assert_eq!(restorer.object("b").await.0, b"nnnnn");
    restorer.stack.delete("b").await;
}

async fn the_policy_is_enough(restorer: &Restorer<'_>) {
    let policy: Value = serde_json::from_str(RESTORE_POLICY).expect("the policy is JSON");
    let statements = policy["Statement"].as_array().expect("statements").iter();
    let actions = statements.flat_map(|it| it["Action"].as_array().expect("actions"));
    let granted: BTreeSet<String> = actions.filter_map(Value::as_str).map(str::to_owned).collect();
    let mut connection = restorer.connection.clone();
    connection.config = restorer.stack.as_somebody("restorer", &policy).await;
    let since = Which::Since("2026-01-01T00:00:00Z".parse().expect("a moment"));
    let plan = Plan::make(&connection, &since).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(plan.sum().objects, 0, "all of it is there already: {plan:?}");
    let named = Which::Named(vec![ObjectName::new("b").expect("a name")]);
    let plan = Plan::make(&connection, &named).await.unwrap_or_else(|error| panic!("{error}"));
    let mut done = Vec::new();
    plan.carry_out(|name, result| done.push((name.to_string(), result.map(|copied| copied.size)))).await;
    assert_eq!(done, [("b".to_owned(), Ok(5))]);
    let mut used = restorer.stack.used_by("restorer").await;
    for action in UNASKED {
        assert!(used.insert(action.to_owned()), "MiniStack asks for {action} after all");
    }
    assert_eq!(used, granted);
}

#[tokio::test]
async fn a_bucket_begins_and_ceases_to_keep_what_is_deleted_with_its_data_and_can_be_removed() {
    let _live = live().await;
    let parameters = [("SizeThreshold", "1000"), ("AuditGraceMinutes", "0")];
    let (stack, cli) = tokio::join!(Stack::with(&parameters), AwsCli::start());
    let mut patient = Patient::new(stack, cli);
    Box::pin(nothing_is_kept_at_first(&patient.stack)).await;
    Box::pin(from_then_on_it_is(&mut patient)).await;
    Box::pin(and_then_not_any_more(&mut patient)).await;
    Box::pin(removal_leaves_the_versions_and_the_page_says_how_they_go(&patient.stack)).await;
    patient.leave().await;
}

async fn nothing_is_kept_at_first(stack: &Stack) {
    let restorer = Restorer::of(stack);
    assert_eq!((restorer.versioning().await, restorer.kept_for().await), (None, Some(7)));
    stack.put("old", 5).await;
    stack.put("gone", 4).await;
    stack.delete("gone").await;
    restorer.is_refused(&["gone"], &["not kept", "its KeepDeletedDays is 0"]).await;
}

async fn from_then_on_it_is(patient: &mut Patient) {
    let stack = &patient.stack;
    let restorer = Restorer::of(stack);
    stack.set_parameter("KeepDeletedDays", "30").await;
    assert_eq!(
        (restorer.versioning().await, restorer.kept_for().await),
        (Some(BucketVersioningStatus::Enabled), Some(30))
    );
    // What was there before has a version without a name.
    stack.delete("old").await;
    restorer.restores(&["old"], &["restored       old (5 bytes)"]).await;
    stack.put("old", 6).await;
    stack.put("kept", 8).await;
    stack.delete("kept").await;
    stack.drain().await;
    assert_eq!(stack.check_ledger().await, sizes(&[("old", 6)]));

    Box::pin(what_is_too_large_comes_back_without_its_delete_marker(stack)).await;
    let (s3, bucket) = (stack.s3.clone(), restorer.bucket().to_owned());
    let findings = patient.examine().await;
    assert!(findings.iter().all(|it| matches!(it.judgement, Judgement::Healthy { .. })), "{findings:#?}");
    put_versioning(&s3, &bucket, BucketVersioningStatus::Suspended).await;
    patient.repairs("bucket versioning").await;
    s3.delete_bucket_lifecycle().bucket(&bucket).send().await.expect("rules can be deleted");
    patient.repairs("bucket lifecycle").await;
    assert_eq!(Restorer::of(&patient.stack).kept_for().await, Some(30));
}

/// S3 tells of the marker's end only, so an audit has to tell the ledger.
async fn what_is_too_large_comes_back_without_its_delete_marker(stack: &Stack) {
    let bucket = &stack.local_aws.outputs().test_bucket_name;
    stack.delete("old").await;
    stack.drain().await;
    let versions = stack.s3.list_object_versions().bucket(bucket).prefix("old").send().await.expect("versions");
    let marker = versions.delete_markers().iter().find(|it| it.is_latest() == Some(true)).expect("a marker");
    let request = stack.s3.delete_object().bucket(bucket).key("old").set_version_id(marker.version_id.clone());
    request.send().await.expect("a marker can be deleted");
    stack.drain().await;
    assert_eq!(stack.total_size().await, Some(0));
    let report = stack.audited(json!({})).await;
    assert_eq!(report.found.added, Tally { objects: 1, bytes: 6 }, "{report:?}");
    assert_eq!(stack.check_ledger().await, sizes(&[("old", 6)]));
}

pub async fn put_versioning(s3: &aws_sdk_s3::Client, bucket: &str, status: BucketVersioningStatus) {
    let configuration = aws_sdk_s3::types::VersioningConfiguration::builder().status(status).build();
    let request = s3.put_bucket_versioning().bucket(bucket).versioning_configuration(configuration);
    request.send().await.expect("versioning can be configured");
}

async fn and_then_not_any_more(patient: &mut Patient) {
    let stack = &patient.stack;
    stack.set_parameter("KeepDeletedDays", "0").await;
    let restorer = Restorer::of(stack);
    let suspended = (Some(BucketVersioningStatus::Suspended), Some(7));
    assert_eq!((restorer.versioning().await, restorer.kept_for().await), suspended);
    // What was kept, and what was written when it was, stays for another week; what is written and deleted from now on is gone.
    stack.put("plain", 3).await;
    stack.delete("plain").await;
    restorer.is_refused(&["plain"], &["not kept"]).await;
    restorer.restores(&["kept"], &["restored       kept (8 bytes)"]).await;
    stack.delete("old").await;
    restorer.restores(&["old"], &["restored       old (6 bytes)"]).await;
    stack.drain().await;
    assert_eq!(stack.check_ledger().await, sizes(&[("kept", 8), ("old", 6)]));
    let report = stack.audited(json!({})).await;
    assert_eq!((report.found.listed.objects, report.drift_before), (2, Tally::default()), "{report:?}");

    // Wherever CloudFormation does not suspend it, the doctor says so.
    let (s3, bucket) = (stack.s3.clone(), restorer.bucket().to_owned());
    put_versioning(&s3, &bucket, BucketVersioningStatus::Enabled).await;
    patient.repairs("bucket versioning").await;
    let findings = patient.examine().await;
    let noted = findings.iter().filter(|it| !matches!(it.judgement, Judgement::Healthy { .. })).map(|it| it.piece);
    assert_eq!(noted.collect::<Vec<_>>(), ["bucket versioning"], "{findings:#?}");
}

async fn removal_leaves_the_versions_and_the_page_says_how_they_go(stack: &Stack) {
    let bucket = &stack.local_aws.outputs().test_bucket_name;
    let cloudformation = aws_sdk_cloudformation::Client::new(stack.local_aws.sdk_config());
    let name = stack.local_aws.stack_name();
    cloudformation.delete_stack().stack_name(name).send().await.expect("the stack can be deleted");
    eventually("the stack is gone", async || cloudformation.describe_stacks().stack_name(name).send().await.is_err())
        .await;
    assert_eq!(stack.objects().await, sizes(&[("kept", 8), ("old", 6)]));
    let versions = stack.s3.list_object_versions().bucket(bucket).send().await.expect("versions can be listed");
    assert!(versions.versions().len() > 2 && !versions.delete_markers().is_empty(), "{versions:?}");

    let page = fs::read_to_string(repository().join("infra/README.md")).expect("the page");
    let block: Vec<_> =
        page.lines().skip_while(|line| !line.starts_with("    until aws s3api delete-bucket")).collect();
    let block: Vec<_> = block.into_iter().take_while(|line| line.starts_with("    ")).collect();
    let file = client::stack_file(stack.local_aws.endpoint(), stack.local_aws.outputs().clone());
    let place = format!(
        "export AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={} AWS_REGION={} AWS_ENDPOINT_URL={}",
        file.access_key_id, file.secret_access_key, file.region, file.endpoint
    );
    let lines = block.join("\n").replace("BUCKET", bucket);
    AwsCli::in_a_shell(&format!("{place}\n{lines}")).await;
    let answer = stack.s3.head_bucket().bucket(bucket).send().await;
    assert_eq!(answer.expect_err("the bucket is gone").raw_response().map(|it| it.status().as_u16()), Some(404));
}
