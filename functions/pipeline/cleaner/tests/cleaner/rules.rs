//! Rules other than the default one.

use jiff::SignedDuration;
use serde_json::json;
use spillway_contracts::log_line::{Level, Outcome, Verdict};
use spillway_contracts::rule::DeleteFirst;
use spillway_ledger::choice::Rule;

use crate::world::{World, alarm, chosen, now, pass, schedule};

/// What a row looks like to a version of Spillway that knew no ages.
fn forget_age(row: &mut serde_json::Value) {
    row.as_object_mut().unwrap().retain(|name, _| !["last_modified_ms", "is_dated"].contains(&name.as_str()));
}

#[tokio::test]
async fn the_oldest_go_first_and_what_is_written_again_is_young_again() {
    let mut world = World::with(&[("a", 9), ("b", 3), ("empty", 0), ("c", 9)]).await;
    world.deps.rule = Rule { delete_first: DeleteFirst::Oldest, ..Rule::largest_first(20, 1000) };
    // A cache that copies an object onto itself on a hit has it go last.
    world.upload("a", 9).await;
    let line = world.cleaned(alarm()).await;
    assert_eq!((chosen(&line), line.projected_total_size), (vec![("b", Outcome::Deleted)], 18));
    assert_eq!(line.message, "21 bytes become 18 without the oldest object; the threshold is 20");
    world.record("b", None).await;
    world.upload("d", 2).await;
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("c", Outcome::Deleted)]);
    assert_eq!(world.s3.keys(), ["a", "d", "empty"]);
}

/// The index may not know any of this yet.
#[tokio::test]
async fn what_was_written_a_moment_ago_is_the_youngest_whatever_the_index_says() {
    let mut world = World::with(&[("a", 9), ("b", 9)]).await;
    world.deps.rule = Rule { delete_first: DeleteFirst::Oldest, ..Rule::largest_first(20, 1000) };
    world.upload("a", 9).await;
    world.upload("c", 9).await;
    world.dynamodb.hide_from_index(&["a", "c"]);
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("b", Outcome::Deleted)]);
}

#[tokio::test]
async fn a_cleaning_goes_on_until_the_total_is_below_the_target() {
    let mut world = World::with(&[("a", 5), ("b", 5), ("c", 5), ("d", 4)]).await;
    world.deps.rule = Rule { target_bytes: 10, max_deletes: 1, ..Rule::largest_first(20, 1) };
    assert_eq!(world.cleaned(alarm()).await.verdict, Verdict::BelowThreshold, "19 bytes are no reason to begin");
    world.upload("e", 1).await;
    let line = world.cleaned(alarm()).await;
    assert_eq!(
        (chosen(&line), line.verdict, line.level, line.excess_bytes),
        (vec![("a", Outcome::Deleted)], Verdict::MaxDeletesReached, Level::Info, 0)
    );
    assert_eq!(
        line.message,
        "20 bytes become 15 without the largest object, and no more may be deleted at once; the target is 10, the threshold 20"
    );
    let line = world.cleaned(schedule()).await;
    assert_eq!((chosen(&line), line.verdict), (vec![("b", Outcome::Deleted)], Verdict::MaxDeletesReached));
    let line = world.cleaned(schedule()).await;
    assert_eq!((chosen(&line), line.verdict), (vec![("c", Outcome::Deleted)], Verdict::BroughtBelow));
    for name in ["a", "b", "c"] {
        world.record(name, None).await;
    }
    // It has come to its end: what is between the target and the threshold stays.
    world.upload("f", 10).await;
    assert_eq!(world.cleaned(schedule()).await.verdict, Verdict::BelowThreshold);
    assert_eq!(world.s3.keys(), ["d", "e", "f"]);
}

/// Otherwise whatever comes in below the threshold would go at once.
#[tokio::test]
async fn what_nobody_may_delete_is_no_reason_to_go_on_below_the_threshold() {
    let mut world = World::with(&[("keep/a", 15), ("b", 9)]).await;
    world.deps.rule.target_bytes = 10;
    let line = world.cleaned(alarm()).await;
    assert_eq!((line.verdict, line.level, line.excess_bytes), (Verdict::OnlyProtectedLeft, Level::Info, 0));
    world.record("b", None).await;
    world.upload("c", 3).await;
    assert_eq!(world.cleaned(schedule()).await.verdict, Verdict::BelowThreshold);
    assert_eq!(world.s3.keys(), ["c", "keep/a"]);
}

#[tokio::test]
async fn what_is_younger_than_the_minimum_age_stays_until_it_is_old_enough() {
    for delete_first in [DeleteFirst::Largest, DeleteFirst::Oldest] {
        let mut world = World::fresh(&[("a", 30)]).await;
        let minimum_age = SignedDuration::from_mins(10);
        world.deps.rule = Rule { delete_first, minimum_age, ..Rule::largest_first(20, 1000) };
        let line = world.cleaned(alarm()).await;
        assert_eq!((chosen(&line), line.verdict, line.level), (vec![], Verdict::OnlyYoungLeft, Level::Error));
        pass(300);
        world.upload("b", 40).await;
        pass(300);
        let line = world.cleaned(alarm()).await;
        assert_eq!((chosen(&line), line.verdict), (vec![("a", Outcome::Deleted)], Verdict::OnlyYoungLeft));
        assert_eq!(
            line.message,
            format!(
                "70 bytes become 40 without the {delete_first} object, and everything that is left is protected or younger than \
                 10 minutes; the threshold is 20"
            )
        );
    }
}

/// The index by size has no ages. A bucket may have millions of objects that are protected, whose ages are of no interest.
#[tokio::test]
async fn nobody_asks_how_old_what_is_protected_is() {
    let mut world = World::with(&[("keep/a", 10), ("keep/b", 9), ("c", 8)]).await;
    world.deps.rule = Rule { minimum_age: SignedDuration::from_mins(5), ..world.deps.rule };
    // What has just changed is in the history, with its age.
    world.upload("keep/d", 0).await;
    let before = world.dynamodb.requests("BatchGetItem").len();
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("c", Outcome::Deleted)]);
    let reads = world.dynamodb.requests("BatchGetItem").split_off(before);
    let asks_for = |name: &str| reads.iter().any(|read| read.to_string().contains(&format!("\"{name}\"")));
    assert!(asks_for("c") && !asks_for("keep/a") && !asks_for("keep/b"), "{reads:#?}");
}

/// Rows that an older version wrote are in no index by age: the oldest objects would be the ones that nobody sees.
#[tokio::test]
async fn the_oldest_do_not_go_before_an_audit_has_dated_all_rows() {
    let mut world = World::with(&[("a", 9), ("b", 9)]).await;
    world.dynamodb.change_rows(forget_age);
    world.upload("c", 9).await;
    let line = world.cleaned(alarm()).await;
    assert_eq!(line.verdict, Verdict::BroughtBelow, "sizes are known without it");
    world.deps.rule.delete_first = DeleteFirst::Oldest;
    world.upload("d", 28).await;
    let line = world.cleaned(alarm()).await;
    assert_eq!((line.verdict, line.ledger_total_size), (Verdict::NotAudited, 55));
    world.audited_of("b", now(), false).await;
    assert_eq!(world.cleaned(alarm()).await.verdict, Verdict::NotAudited, "that audit knew no ages");
    world.audited_of("b", now(), true).await;
    world.dynamodb.change_rows(|row| row["last_modified_ms"] = json!({ "N": "1790000000000" }));
    assert_eq!(chosen(&world.cleaned(alarm()).await)[0].0, "b");
}

/// The index by size says nothing of ages, and rows of an older version neither: those are as old as their last event.
#[tokio::test]
async fn a_row_without_a_date_is_as_old_as_what_the_ledger_last_heard_of_it() {
    let mut world = World::with(&[("a", 30)]).await;
    world.dynamodb.change_rows(forget_age);
    world.deps.rule.minimum_age = SignedDuration::from_mins(61);
    assert_eq!(world.cleaned(alarm()).await.verdict, Verdict::OnlyYoungLeft);
    pass(60);
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("a", Outcome::Deleted)]);
}
