//! What a plan names is what goes next.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;
use spillway_contracts::log_line::{CleanerDecisionLine, Verdict};
use spillway_contracts::rule::{DeleteFirst, target_bytes};
use spillway_contracts::usage::{Plan, PlanStop, Route};
use spillway_fake_aws::Failure;
use spillway_ledger::choice::Rule;

use crate::world::{World, now, pass};

/// How many lives of buckets are tried.
const SEEDS: u64 = 400;

impl World {
    pub async fn plan(&self, parameters: &[(&str, &str)]) -> Plan {
        let answer = self.ask(Route::Plan, parameters).await;
        assert_eq!(answer.status_code, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }
}

impl World {
    /// What the ledger knows of an invocation that was killed after it had deleted something.
    fn forget_outcomes(&self) {
        let mut tables = self.dynamodb.tables();
        for record in tables.history.values_mut() {
            let objects = record.pointer_mut("/objects/L").and_then(serde_json::Value::as_array_mut);
            for object in objects.into_iter().flatten() {
                object["M"]["outcome"] = json!({ "NULL": true });
            }
        }
        self.dynamodb.become_now(tables);
    }
}

fn names(plan: &Plan) -> Vec<(&str, u64)> {
    plan.objects.iter().map(|it| (it.object_name.as_str(), it.size)).collect()
}

/// Compares a plan with what the cleaner says that it did next.
#[track_caller]
fn agree(plan: &Plan, line: &CleanerDecisionLine) {
    let chosen: Vec<_> = line.chosen.iter().map(|it| (it.object_name.as_str(), it.size)).collect();
    assert_eq!(names(plan), chosen);
    assert_eq!((plan.ledger_total_size, plan.under_way.bytes), (line.ledger_total_size, line.under_way_bytes));
    assert_eq!(plan.planned.objects, line.chosen_count);
    let verdicts: &[Verdict] = match plan.stop {
        PlanStop::Below if chosen.is_empty() => &[Verdict::BelowThreshold],
        PlanStop::Below => &[Verdict::BroughtBelow],
        PlanStop::MaxDeletes => &[Verdict::MaxDeletesReached],
        PlanStop::OnlyProtected => &[Verdict::OnlyProtectedLeft],
        PlanStop::OnlyYoung => &[Verdict::OnlyYoungLeft],
        PlanStop::NotAudited => &[Verdict::NotAudited],
    };
    // What it could not finish it says instead.
    let is_told = verdicts.contains(&line.verdict) || line.verdict == Verdict::Incomplete;
    assert!(is_told, "{:?} and {line:?}", plan.stop);
    if line.verdict != Verdict::Incomplete {
        assert_eq!(plan.projected_total_size, line.projected_total_size);
    }
}

/// Whatever the bucket, the rule, what is under way and what earlier invocations did not get to the end of.
#[tokio::test(start_paused = true)]
async fn what_a_plan_names_is_what_the_cleaner_deletes_next() {
    let (mut planned, mut heads, mut stops) = (0, 0, BTreeSet::new());
    for seed in 0..SEEDS {
        let mut random = fastrand::Rng::with_seed(seed);
        let (threshold, percent) = (random.u64(1..40), random.u64(1..=100));
        let rule = Rule {
            threshold_bytes: threshold,
            target_bytes: target_bytes(threshold, percent),
            delete_first: if random.bool() { DeleteFirst::Largest } else { DeleteFirst::Oldest },
            minimum_age: SignedDuration::from_mins(if random.bool() { 0 } else { random.i64(1..60) }),
            max_deletes: random.usize(1..8),
            protected: if random.bool() { "".parse().unwrap() } else { "p".parse().unwrap() },
        };
        let mut world = World::new(rule, percent);
        let needs_audit = random.u8(..10) == 0;
        (world.deps.needs_audit, world.cleaner.needs_audit) = (needs_audit, needs_audit);
        world.cleaner.dry_run = random.u8(..10) == 0;
        if random.bool() {
            world.dynamodb.has_pages_of(random.usize(1..4));
        }
        for _ in 0..random.usize(5..25) {
            let name = format!("{}{}", random.choice(["p", "a", "b"]).unwrap(), random.u8(..4));
            match random.u8(..9) {
                0..=3 => world.upload(&name, random.u64(..20)).await,
                // A user deletes it, or the cleaner did and the ledger hears of it at last.
                4 => {
                    world.bucket.lock().unwrap().delete(&name, 0);
                    world.record(&name, None).await;
                }
                // A user overwrites it, and the ledger doesn't know yet.
                5 => world.bucket.lock().unwrap().put(&name, random.u64(..20), "another", 0),
                6 => pass(random.i64(1..4000)),
                _ => {
                    let plan = world.plan(&[]).await;
                    heads += world.asked().len();
                    // Some invocations have no time to delete, and of others a call fails.
                    let seconds = if random.bool() { 120 } else { 5 };
                    if random.bool() {
                        let calls = world.dynamodb.calls().values().sum::<usize>();
                        world.dynamodb.fail_at(calls + random.usize(..12), Failure::AfterTheCall);
                    }
                    if let Some(line) = world.clean(seconds).await {
                        agree(&plan, &line);
                        planned += plan.objects.len();
                        stops.insert(format!("{:?}", plan.stop));
                    }
                    if random.bool() {
                        world.forget_outcomes();
                    }
                    world.dynamodb.fail_at(usize::MAX, Failure::AfterTheCall);
                }
            }
        }
    }
    assert!(planned > 300, "only {planned} objects were planned");
    assert!(heads > 20, "S3 was asked only {heads} times");
    assert_eq!(stops.len(), 5, "{stops:?}");
}

#[tokio::test]
async fn a_plan_has_sizes_ages_reasons_and_what_is_left() {
    let world = World::new(Rule::largest_first(20, 1000), 100);
    world.upload("a", 7).await;
    pass(100);
    world.upload("b", 28).await;
    world.upload("c", 18).await;
    pass(10);
    let plan = world.plan(&[]).await;
    // The ledger hears of each a second after the one before.
    let object = |name: &str, size: u64, age: i64, left: u64| {
        json!({
            "object_name": name, "size": size, "last_modified": now() - SignedDuration::from_secs(age), "age_seconds": age,
            "reason": "largest", "total_size_after": left,
        })
    };
    assert_eq!(
        serde_json::to_value(&plan).unwrap(),
        json!({
            "bucket_name": "b", "as_of": now(), "dry_run": false,
            "rule": {
                "threshold_bytes": 20, "target_bytes": 20, "delete_first": "largest", "minimum_age_minutes": 0,
                "max_deletes": 1000,
            },
            "ledger_total_size": 53, "under_way": { "objects": 0, "bytes": 0 },
            "planned": { "objects": 2, "bytes": 46 }, "projected_total_size": 7, "stop": "Below",
            "objects": [object("b", 28, 11, 25), object("c", 18, 10, 7)],
        })
    );

    // Fewer are named, and all are counted.
    let plan = world.plan(&[("limit", "1")]).await;
    assert_eq!((names(&plan), plan.planned.objects, plan.projected_total_size), (vec![("b", 28)], 2, 7));
}

#[tokio::test]
async fn another_rule_can_be_tried_and_the_target_is_a_share_of_the_threshold_that_is_tried() {
    let mut world = World::new(Rule { target_bytes: 10, ..Rule::largest_first(20, 1000) }, 50);
    for (name, size) in [("a", 4), ("b", 9), ("c", 5)] {
        world.upload(name, size).await;
    }
    assert_eq!(world.plan(&[]).await.planned.objects, 0);
    let plan = world.plan(&[("threshold", "18")]).await;
    assert_eq!((plan.rule.threshold_bytes, plan.rule.target_bytes, names(&plan)), (18, 9, vec![("b", 9), ("c", 5)]));
    let plan = world.plan(&[("threshold", "18"), ("target", "100")]).await;
    assert_eq!((plan.rule.target_bytes, names(&plan)), (18, vec![("b", 9)]));

    let refused = world.ask(Route::Plan, &[("delete_first", "oldest")]).await;
    assert_eq!(refused.status_code, 400);
    world.deps.rule.delete_first = DeleteFirst::Oldest;
    let oldest = world.plan(&[("threshold", "18"), ("target", "100")]).await;
    assert_eq!((oldest.rule.delete_first, names(&oldest)), (DeleteFirst::Oldest, vec![("a", 4)]));
    let largest = world.plan(&[("threshold", "18"), ("target", "100"), ("delete_first", "largest")]).await;
    assert_eq!(names(&largest), [("b", 9)]);
}

#[tokio::test]
async fn before_an_audit_nothing_is_planned_and_the_plan_says_why() {
    let mut world = World::new(Rule::largest_first(20, 1000), 100);
    world.upload("a", 28).await;
    world.deps.needs_audit = true;
    let plan = world.plan(&[]).await;
    assert_eq!((plan.stop, plan.objects.len()), (PlanStop::NotAudited, 0));
    assert_eq!((plan.ledger_total_size, plan.projected_total_size), (28, 28));
}
