//! How full the bucket is and what would go, asked of live stacks.

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::BucketVersioningStatus;
use jiff::Timestamp;
use reqwest::{StatusCode, Url};
use serde_json::{Value, json};
use spillway_contracts::log_line::{Outcome, Verdict};
use spillway_contracts_check::Contracts;
use spillway_local::emulator::client;
use spillway_signed_http::{client_of_a_person, get};
use spillway_tests::{Stack, eventually, live};

use super::cleaning::decisions;
use super::restore::put_versioning;
use super::storm::turn_event_bridge_on;

const ALARM: &str = include_str!("../../contracts/examples/alarm-event/ok-metric-alarm.json");
const BUCKET: &str = "peoples-videos";

/// Somebody who asks the stack's API.
pub struct Asker<'a> {
    stack: &'a Stack,
    config: SdkConfig,
    contracts: Contracts,
}

impl<'a> Asker<'a> {
    /// A role of this name that may call these routes.
    pub async fn with(stack: &'a Stack, name: &str, routes: &[&str]) -> Self {
        let resource = |route: &&str| format!("arn:aws:execute-api:*:*:*/*/GET/{route}");
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": routes.iter().map(resource).collect::<Vec<_>>(),
        }] });
        Self { stack, config: stack.as_somebody(name, &policy).await, contracts: Contracts::new() }
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let url: Url = format!("{}/{path}", self.stack.local_aws.outputs().api_url).parse().expect("an address");
        let http = client_of_a_person(&url).expect("a client");
        let credentials = self.config.credentials_provider().expect("credentials").provide_credentials().await;
        let answer = get(&http, url, credentials.expect("credentials"), client::REGION, Timestamp::now()).await;
        let answer = answer.expect("the API answers");
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// An answer that keeps its contract.
    async fn answer(&self, contract: &str, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        if let Err(breach) = self.contracts.check(contract, &body.to_string()) {
            panic!("{path} breaks the contract {contract}: {breach}\n{body}");
        }
        body
    }

    pub async fn usage(&self) -> Value {
        self.answer("usage", "usage").await
    }

    async fn plan(&self, query: &str) -> Value {
        self.answer("plan", &format!("plan{query}")).await
    }

    /// What is refused with 400, and the parameter that is named.
    async fn refused(&self, path: &str) -> (Value, String) {
        let (status, body) = self.get(path).await;
        assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("InvalidInput")), "{path}: {body}");
        self.contracts.check("plot-error", &body.to_string()).expect("an error keeps its contract");
        (body["parameter"].clone(), body["message"].as_str().expect("a message").to_owned())
    }
}

/// All that is kept: of deleted objects and of overwritten ones the versions, and the bytes.
pub fn all_kept(deleted: (u64, u64), overwritten: (u64, u64)) -> Value {
    let [deleted, overwritten] =
        [deleted, overwritten].map(|(versions, bytes)| json!({ "versions": versions, "bytes": bytes }));
    json!({ "all": { "deleted": deleted, "overwritten": overwritten } })
}

/// What would go, in order.
fn names(plan: &Value) -> Vec<&str> {
    plan["objects"].as_array().expect("objects").iter().filter_map(|object| object["object_name"].as_str()).collect()
}

#[tokio::test]
async fn a_plan_names_what_then_goes_and_only_who_may_sees_it() {
    let _live = live().await;
    let stack = Stack::up().await;
    let asker = Asker::with(&stack, "asker", &["usage", "plan"]).await;
    for (name, routes, path) in [("plotter", &["plot"][..], "usage"), ("reader", &["usage"], "plan")] {
        let stranger = Asker::with(&stack, name, routes).await;
        assert_eq!(stranger.get(path).await.0, StatusCode::FORBIDDEN, "{name}");
    }
    for path in ["usage", "plan"] {
        let url: Url = format!("{}/{path}", stack.local_aws.outputs().api_url).parse().expect("an address");
        let unsigned = client_of_a_person(&url).expect("a client").get(url).send().await.expect("the API answers");
        assert_eq!(unsigned.status(), StatusCode::FORBIDDEN);
    }
    let usage = asker.usage().await;
    assert_eq!((&usage["total_size"], &usage["ledger_changed_at"]), (&json!(0), &Value::Null));
    assert_eq!(usage["kept"], all_kept((0, 0), (0, 0)));

    stack.put("a", 9).await;
    stack.put("b", 5).await;
    stack.drain().await;
    let usage = asker.usage().await;
    let facts = ["total_size", "object_count", "fill_percent", "left_bytes", "dry_run", "last_cleaning"];
    assert_eq!(
        facts.map(|fact| usage[fact].clone()),
        [json!(14), json!(2), json!(70), json!(6), json!(false), json!(null)]
    );
    assert_eq!(usage["alarm"]["name"], stack.local_aws.outputs().alarm_name);
    let plan = asker.plan("").await;
    assert_eq!((&plan["stop"], names(&plan)), (&json!("Below"), vec![]));
    let plan = asker.plan("?threshold=14&limit=1").await;
    assert_eq!((names(&plan), &plan["projected_total_size"]), (vec!["a"], &json!(5)));
    let plan = asker.plan("?threshold=14&target=10").await;
    assert_eq!((names(&plan), &plan["rule"]["target_bytes"]), (vec!["a", "b"], &json!(2)));

    for (path, parameter, message) in [
        ("plan?threshold=0", "threshold", "threshold must be a whole number of bytes, 1 to 999999999999999, not \"0\""),
        ("plan?limit=501", "limit", "limit must be a whole number of objects, 1 to 500, not \"501\""),
        ("plan?delete_first=oldest", "delete_first", "delete_first can't be oldest on this stack"),
        ("plan?first=oldest", "first", "there is no parameter first, only threshold, target, delete_first, limit"),
        ("usage?limit=1", "limit", "there is no parameter limit, nor any other"),
    ] {
        let (named, said) = asker.refused(path).await;
        assert!(named == parameter && said.starts_with(message), "{path}: {named} {said}");
    }

    // While the cleaner is stopped, the plan is what it will do.
    let cleaner = &stack.local_aws.outputs().cleaner_function_name;
    stack.stop(cleaner, true).await;
    stack.put("c", 12).await;
    stack.drain().await;
    let plan = asker.plan("").await;
    assert_eq!((names(&plan), &plan["projected_total_size"]), (vec!["c"], &json!(14)));
    let object = &plan["objects"][0];
    assert_eq!((&object["reason"], &object["total_size_after"]), (&json!("largest"), &json!(14)));
    assert!(object["last_modified"].is_string() && object["age_seconds"].is_u64(), "{object}");
    stack.stop(cleaner, false).await;
    let alarm: Value = serde_json::from_str(ALARM).expect("an example");
    stack.answer(cleaner, &alarm).await.expect("an answer");
    eventually("the cleaner has deleted what was planned", async || !stack.objects().await.contains_key("c")).await;
    stack.drain().await;
    let went: Vec<_> = decisions(&stack).await.into_iter().flat_map(|line| line.chosen).collect();
    let went: Vec<_> = went.iter().map(|object| (object.object_name.as_str(), object.outcome)).collect();
    assert_eq!(went, [("c", Outcome::Deleted)]);
    let usage = asker.usage().await;
    assert_eq!(usage["last_cleaning"]["deleted"], json!({ "objects": 1, "bytes": 12 }), "{usage}");
    assert_eq!((&usage["total_size"], &usage["last_cleaning"]["invoked_by"]), (&json!(14), &json!("alarm")));
    assert_eq!(names(&asker.plan("").await), [""; 0]);
    stack.check_ledger().await;
    stack.local_aws.shutdown().await;
}

/// A bucket that existed before its stack and that its owner has versioned, whose oldest objects go first once somebody says `DryRun=false`.
#[tokio::test]
async fn before_an_audit_and_in_a_dry_run_the_plan_says_so() {
    let _live = live().await;
    let furnish = async |config: &SdkConfig| {
        turn_event_bridge_on(config, BUCKET).await;
        let s3 = client::s3(config);
        put_versioning(&s3, BUCKET, BucketVersioningStatus::Enabled).await;
        for content in ["seven b", "eleven byte"] {
            let request = s3.put_object().bucket(BUCKET).key("old").body(ByteStream::from_static(content.as_bytes()));
            request.send().await.expect("an object can be put");
        }
    };
    let parameters = [("SizeThreshold", "30"), ("DeleteFirst", "oldest"), ("AuditGraceMinutes", "0")];
    let stack = Stack::for_existing(BUCKET, &parameters, furnish).await;
    let asker = Asker::with(&stack, "asker", &["usage", "plan"]).await;
    let usage = asker.usage().await;
    assert_eq!(
        (&usage["awaits_audit"], &usage["dry_run"], &usage["last_audit"]),
        (&json!(true), &json!(true), &Value::Null)
    );
    assert_eq!(usage["kept"], all_kept((0, 0), (1, 7)));
    assert_eq!(asker.plan("").await["stop"], "NotAudited");

    stack.audited(json!({})).await;
    stack.put("new", 19).await;
    stack.drain().await;
    let usage = asker.usage().await;
    assert_eq!(
        (&usage["awaits_audit"], &usage["last_audit"]["drift"]["objects"]),
        (&json!(false), &json!(1)),
        "{usage}"
    );
    assert_eq!((&usage["total_size"], &usage["left_bytes"]), (&json!(30), &json!(0)));
    let plan = asker.plan("").await;
    assert_eq!(
        (names(&plan), &plan["dry_run"], &plan["objects"][0]["reason"]),
        (vec!["old"], &json!(true), &json!("oldest"))
    );
    assert_eq!(names(&asker.plan("?delete_first=largest").await), ["new"]);
    eventually("the alarm has invoked the cleaner", async || {
        decisions(&stack).await.iter().any(|line| line.verdict == Verdict::BroughtBelow)
    })
    .await;
    let decisions = decisions(&stack).await;
    let dry = decisions.iter().find(|line| line.verdict == Verdict::BroughtBelow).expect("a decision");
    assert_eq!((dry.chosen[0].object_name.as_str(), dry.chosen[0].outcome), ("old", Outcome::DryRun));
    assert_eq!(asker.usage().await["last_cleaning"], Value::Null);
    assert_eq!(stack.objects().await.len(), 2);
    stack.local_aws.shutdown().await;
}
