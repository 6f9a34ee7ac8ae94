//! What the function answers besides plans.

use serde_json::{Value, json};
use spillway_contracts::usage::Route;
use spillway_ledger::choice::Rule;

use crate::world::{World, now, pass};

impl World {
    pub async fn usage(&self) -> Value {
        let answer = self.ask(Route::Usage, &[]).await;
        assert_eq!((answer.status_code, answer.headers.content_type.as_str()), (200, "application/json"));
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The ledger after an audit of a bucket has ended well.
    fn audit(&self, bucket: &str) {
        let mut tables = self.dynamodb.tables();
        let row = json!({
            "object_name": { "S": "__AUDITED__" },
            "audited_bucket": { "S": bucket },
            "audited_at": { "S": now().to_string() },
            "audit_id": { "S": "an-audit" },
            "drift": { "M": { "objects": { "N": "2" }, "bytes": { "N": "5" } } },
            "is_dated": { "BOOL": true },
        });
        tables.objects.insert("__AUDITED__".into(), row);
        self.dynamodb.become_now(tables);
    }
}

#[tokio::test]
async fn of_an_empty_ledger_nothing_is_known() {
    let world = World::new(Rule::largest_first(20, 1000), 100);
    let usage = world.usage().await;
    assert_eq!(
        usage,
        json!({
            "bucket_name": "b", "as_of": now(), "total_size": 0, "object_count": 0, "fill_percent": 0, "left_bytes": 20,
            "kept": { "all": { "deleted": { "versions": 0, "bytes": 0 }, "overwritten": { "versions": 0, "bytes": 0 } } },
            "rule": {
                "threshold_bytes": 20, "target_bytes": 20, "delete_first": "largest", "minimum_age_minutes": 0,
                "max_deletes": 1000,
            },
            "dry_run": false, "awaits_audit": false,
            "alarm": { "name": "the-alarm", "state": "ALARM", "since": "2026-09-21T14:13:20Z" },
            "is_cleaning": false, "last_cleaning": null, "ledger_changed_at": null, "last_audit": null,
        })
    );
}

#[tokio::test]
async fn it_says_what_the_last_cleaning_did_and_what_the_last_audit_found() {
    let world = World::new(Rule::largest_first(20, 1000), 100);
    for (name, size) in [("a", 28), ("b", 11), ("c", 8)] {
        world.upload(name, size).await;
    }
    world.clean(120).await.unwrap();
    // The ledger has heard of nothing, and another one takes over what the first deleted.
    pass(60);
    world.upload("d", 12).await;
    let usage = world.usage().await;
    let [total, count, fill, left] = ["total_size", "object_count", "fill_percent", "left_bytes"].map(|it| &usage[it]);
    assert_eq!([total, count, fill, left].map(Value::as_u64), [Some(59), Some(4), Some(295), Some(0)]);
    assert_eq!(usage["last_cleaning"]["chosen"], json!({ "objects": 1, "bytes": 28 }));
    assert_eq!(usage["last_cleaning"]["invoked_by"], "alarm");
    let begun_at = usage["last_cleaning"]["begun_at"].clone();
    let line = world.clean(120).await.unwrap();
    let usage = world.usage().await;
    assert_ne!(usage["last_cleaning"]["begun_at"], begun_at);
    let objects = line.chosen.len() as u64;
    let bytes: u64 = line.chosen.iter().map(|object| object.size).sum();
    assert_eq!(usage["last_cleaning"]["deleted"], json!({ "objects": objects, "bytes": bytes }));
    assert_eq!(usage["last_cleaning"]["cleaning"], json!(line.cleaning));
    assert_eq!(usage["last_audit"], Value::Null);
    world.audit("b");
    assert_eq!(world.usage().await["last_audit"]["drift"], json!({ "objects": 2, "bytes": 5 }));
    world.audit("another");
    let usage = world.usage().await;
    assert_eq!((&usage["last_audit"], &usage["awaits_audit"]), (&Value::Null, &json!(true)));
}

#[tokio::test]
async fn what_was_chosen_and_not_deleted_yet_is_told_apart() {
    let world = World::new(Rule::largest_first(20, 1000), 100);
    world.upload("a", 28).await;
    world.clean(5).await;
    let usage = world.usage().await;
    assert_eq!(usage["last_cleaning"]["chosen"], json!({ "objects": 1, "bytes": 28 }));
    assert_eq!(usage["last_cleaning"]["deleted"], json!({ "objects": 0, "bytes": 0 }));
    assert_eq!(usage["is_cleaning"], true);
}

#[tokio::test]
async fn a_wrong_parameter_is_answered_with_400_and_its_name() {
    let world = World::new(Rule::largest_first(20, 1000), 100);
    let check = async |route, name, value, message: &str| {
        let answer = world.ask(route, &[(name, value)]).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer.status_code, 400);
        assert_eq!(body, json!({ "error": "InvalidInput", "message": message, "parameter": name }));
    };
    let message = "threshold must be a whole number of bytes, 1 to 999999999999999, not \"1 GB\"";
    check(Route::Plan, "threshold", "1 GB", message).await;
    check(Route::Usage, "limit", "5", "there is no parameter limit, nor any other").await;
}

#[tokio::test]
async fn an_outage_is_answered_with_503() {
    let world = World::new(Rule::largest_first(20, 1000), 100);
    world.dynamodb.is_down(true);
    for route in [Route::Usage, Route::Plan] {
        let answer = world.ask(route, &[]).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status_code, &body["error"]), (503, &json!("ServiceUnavailable")), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_answered_before_the_api_gives_up() {
    let mut world = World::new(Rule::largest_first(20, 1000), 100);
    world.deps.longest = std::time::Duration::ZERO;
    let answer = world.ask(Route::Plan, &[]).await;
    assert_eq!(answer.status_code, 503);
    assert!(answer.body.contains("the ledger could not be read within 0 seconds"), "{}", answer.body);
}
