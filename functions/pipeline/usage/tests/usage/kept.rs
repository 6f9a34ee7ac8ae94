//! What the function says of deleted and overwritten objects that S3 keeps.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use spillway_contracts::usage::Route;
use spillway_fake_aws::{Bucket, Reply, S3Whims, patient_http_client, s3_client};
use spillway_ledger::choice::Rule;
use usage::kept::PAGES;

use crate::world::World;

/// Keys that S3 encodes in its listings, in their order, and others between them.
const KEYS: [&str; 7] = ["a", "a b", "a+b", "ü %", "x\u{1}y", "\u{fffd}", "~"];

/// A world whose bucket has, or had, versions.
fn world(furnish: impl FnOnce(&mut Bucket)) -> World {
    let world = World::new(Rule::largest_first(1000, 1000), 100);
    let mut bucket = world.bucket.lock().unwrap();
    bucket.versioned = true;
    furnish(&mut bucket);
    drop(bucket);
    world
}

fn kept(deleted: (u64, u64), overwritten: (u64, u64)) -> Value {
    let [deleted, overwritten] =
        [deleted, overwritten].map(|(versions, bytes)| json!({ "versions": versions, "bytes": bytes }));
    json!({ "deleted": deleted, "overwritten": overwritten })
}

/// How many pages of versions the function asked for.
fn pages(world: &World) -> usize {
    world.asked().iter().filter(|it| *it == "GET versions").count()
}

#[tokio::test]
async fn what_deletions_left_is_told_from_what_was_overwritten() {
    let world = world(|bucket| {
        bucket.put("there", 1, "e", 0);
        bucket.put("overwritten", 2, "e", 0);
        bucket.put("overwritten", 3, "e", 0);
        bucket.put("deleted", 10, "e", 0);
        bucket.put("deleted", 20, "e", 0);
        bucket.delete("deleted", 0);
        // Deleted, and written again.
        bucket.put("again", 100, "e", 0);
        bucket.delete("again", 0);
        bucket.put("again", 200, "e", 0);
        // The newest of them is the current one, once that was deleted for good.
        bucket.put("for good", 1000, "e", 0);
        bucket.put("for good", 2000, "e", 0);
        let id = bucket.current("for good").unwrap().version_id.clone().unwrap();
        bucket.delete_version("for good", &id, 0);
    });
    assert_eq!(world.usage().await["kept"], json!({ "all": kept((2, 30), (2, 102)) }));
    assert_eq!(world.asked(), ["GET versioning", "GET versions"]);

    // Nothing more is kept, but what was is still there.
    world.bucket.lock().unwrap().versioned = false;
    assert_eq!(world.usage().await["kept"], json!({ "all": kept((2, 30), (2, 102)) }));
}

#[tokio::test]
async fn a_bucket_that_never_had_versions_is_not_listed() {
    let world = World::new(Rule::largest_first(1000, 1000), 100);
    world.upload("a", 1).await;
    assert_eq!(world.usage().await["kept"], json!({ "all": kept((0, 0), (0, 0)) }));
    assert_eq!(world.asked(), ["GET versioning"]);
}

/// Wherever pages end, and whatever keys are like.
#[tokio::test]
async fn every_version_is_counted_once_whatever_the_pages() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let per_page = random.usize(1..12);
        let mut is_deleted = BTreeMap::new();
        let mut written: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        let world = world(|bucket| {
            bucket.versions_per_page = Some(per_page);
            for _ in 0..random.usize(0..60) {
                let key = *random.choice(KEYS.iter()).unwrap();
                if random.bool() {
                    let size = random.u64(..1000);
                    bucket.put(key, size, "e", 0);
                    written.entry(key).or_default().push(size);
                    is_deleted.insert(key, false);
                } else if is_deleted.get(key) == Some(&false) {
                    bucket.delete(key, 0);
                    is_deleted.insert(key, true);
                }
            }
        });
        let [mut deleted, mut overwritten] = [(0, 0), (0, 0)];
        for (key, mut sizes) in written {
            let tally = if is_deleted[key] { &mut deleted } else { &mut overwritten };
            if !is_deleted[key] {
                sizes.pop();
            }
            *tally = (tally.0 + sizes.len() as u64, tally.1 + sizes.iter().sum::<u64>());
        }
        let usage = world.usage().await;
        assert_eq!(usage["kept"], json!({ "all": kept(deleted, overwritten) }), "seed {seed}, {per_page} per page");
    }
}

#[tokio::test]
async fn a_part_is_not_told_as_the_whole() {
    let versions = PAGES as u64;
    for (more, is_all) in [(0, true), (1, false)] {
        let world = world(|bucket| {
            bucket.versions_per_page = Some(1);
            bucket.put("a", 5, "e", 0);
            bucket.delete("a", 0);
            (0..versions - 2 + more).for_each(|_| bucket.put("b", 1, "e", 0));
        });
        // One of them is current.
        let counted = versions - 3;
        let whole = if is_all { "all" } else { "at_least" };
        assert_eq!(world.usage().await["kept"], json!({ whole: kept((1, 5), (counted, counted)) }));
        assert_eq!(pages(&world), PAGES);
    }
}

/// An S3 that takes this long for each answer.
fn slow_down(world: &mut World, by: Duration) {
    let bucket = world.bucket.clone();
    world.deps.s3 = s3_client(patient_http_client(move |request| {
        let bucket = bucket.clone();
        async move {
            tokio::time::sleep(by).await;
            Ok(bucket.lock().unwrap().answer(&request, 0, &S3Whims::default()))
        }
    }));
}

#[tokio::test(start_paused = true)]
async fn a_slow_listing_is_cut_short_and_the_rest_is_told() {
    let mut world = world(|bucket| {
        bucket.versions_per_page = Some(2);
        (1..=10).for_each(|size| bucket.put("a", size, "e", 0));
    });
    slow_down(&mut world, Duration::from_secs(3));
    // Pages after 6 and 9 seconds.
    assert_eq!(world.usage().await["kept"], json!({ "at_least": kept((0, 0), (3, 24)) }));
    slow_down(&mut world, Duration::from_secs(6));
    let usage = world.usage().await;
    assert_eq!((&usage["kept"], &usage["total_size"]), (&Value::Null, &json!(0)));
}

#[tokio::test]
async fn a_listing_that_is_refused_or_fails_leaves_the_rest_of_the_answer() {
    for refused in ["versioning", "versions", "version-id-marker"] {
        for (status, code) in [(403, "AccessDenied"), (503, "SlowDown")] {
            let mut world = world(|bucket| {
                bucket.versions_per_page = Some(1);
                bucket.put("a", 1, "e", 0);
                bucket.put("a", 2, "e", 0);
            });
            let bucket = world.bucket.clone();
            world.deps.s3 = s3_client(spillway_fake_aws::http_client(move |request| {
                if request.uri().contains(refused) {
                    let body = format!("<Error><Code>{code}</Code><Message>told to</Message></Error>");
                    return Ok(Reply::from((status, body)));
                }
                Ok(bucket.lock().unwrap().answer(request, 0, &S3Whims::default()))
            }));
            world.upload("b", 7).await;
            let usage = world.usage().await;
            assert_eq!((&usage["kept"], &usage["total_size"]), (&Value::Null, &json!(7)), "{refused} {code}");
            assert_eq!(world.ask(Route::Plan, &[]).await.status_code, 200);
        }
    }
}
