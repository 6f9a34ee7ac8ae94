//! What is recorded while the cleaner reads, and what it can't see yet, misleads nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cleaner::Error;
use jiff::SignedDuration;
use spillway_contracts::log_line::{Outcome, Verdict};
use spillway_ledger::choice::Rule;
use spillway_ledger_store::apply;

use crate::world::{World, alarm, chosen, event, now, pass};

/// Ledger a=18, c=1; L=28 is recorded when the cleaner has begun, and the index doesn't have it.
#[tokio::test]
async fn what_is_recorded_while_the_cleaner_reads_is_chosen_before_smaller_ones() {
    let world = World::with(&[("a", 18), ("c", 1)]).await;
    let before = world.dynamodb.tables();
    world.upload("L", 28).await;
    let after = world.dynamodb.tables();
    world.dynamodb.hide_from_index(&["L"]);
    world.dynamodb.become_now(before);
    world.dynamodb.before_next("BatchGetItem", move |tables| *tables = after.clone());
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("L", Outcome::Deleted)]);
    assert_eq!(world.s3.keys(), ["a", "c"]);
}

/// A large object and 99 small ones after it, all within what the index lags behind.
#[tokio::test]
async fn an_index_that_lags_behind_misleads_nobody_however_much_it_misses() {
    let old: Vec<String> = (0..9).map(|number| format!("old-{number}")).collect();
    let objects: Vec<(&str, u64)> = old.iter().map(|name| (name.as_str(), 100)).collect();
    let mut world = World::with(&objects).await;
    world.deps.rule = Rule::largest_first(1100, 1000);
    world.upload("L", 1000).await;
    pass(-1);
    for number in 0..99 {
        world.upload(&format!("small-{number}"), 1).await;
        pass(-1);
    }
    let hidden: Vec<String> = (0..99).map(|number| format!("small-{number}")).chain(["L".to_owned()]).collect();
    world.dynamodb.hide_from_index(&hidden.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("L", Outcome::Deleted)]);
}

/// The index lacks an object for longer than it may: what is left does not add up to the total.
#[tokio::test(start_paused = true)]
async fn what_does_not_add_up_deletes_nothing() {
    let world = World::with(&[("a", 28)]).await;
    world.upload("keep/b", 18).await;
    world.upload("c", 5).await;
    world.dynamodb.hide_from_index(&["a"]);
    let error = world.fails(alarm()).await;
    assert!(matches!(error, Error::Incoherent { looks: 8 }), "{error}");
    assert_eq!(world.s3.requests(), [""; 0]);
    world.dynamodb.hide_from_index(&[]);
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("a", Outcome::Deleted), ("c", Outcome::Deleted)]);
}

/// A bucket of many objects of one size, with an upload before each read of the history and of the index.
#[tokio::test]
async fn a_look_takes_as_many_reads_as_what_goes_and_waits_for_no_quiet() {
    let names: Vec<String> = (0..700).map(|number| format!("{number:03}")).collect();
    let objects: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let mut world = World::with(&objects).await;
    world.deps.rule = Rule::largest_first(696, 1000);
    let quiet = world.dynamodb.tables();
    let mut busy = Vec::new();
    for number in 0..50 {
        world.upload(&format!("new-{number}"), 1).await;
        busy.push(world.dynamodb.tables());
    }
    world.dynamodb.before_each("Query", {
        let mut steps = busy.into_iter();
        move |tables| *tables = steps.next().unwrap()
    });
    world.dynamodb.before_next("BatchGetItem", move |tables| *tables = quiet.clone());
    let reads = world.dynamodb.requests("Query").len();
    let line = world.cleaned(alarm()).await;
    // The recent history and what was before it, a page of the index, and what was recorded meanwhile. Of the history there are
    // nine partitions, each with one upload more than the one before.
    assert_eq!(world.dynamodb.requests("Query").len() - reads, 9 + 9 + 1 + 9);
    let uploaded = line.chosen_count - (700 - 695);
    assert!((19..28).contains(&uploaded), "{uploaded} uploads are in the view");
}

/// One transaction records L=28 and c=1, and a query sees the second record only: the largest object seems to be `a`.
#[tokio::test(start_paused = true)]
async fn a_transaction_that_becomes_visible_record_by_record_misleads_nobody() {
    let world = World::with(&[("a", 18)]).await;
    let events = [("L", 28), ("c", 1)].map(|(name, size)| event(name, Some(size), Some("first".into())));
    apply(&world.deps.store, events.into(), now, |_| {}).await.unwrap();
    world.s3.put("L", 28, "first");
    world.dynamodb.hide_from_index(&["L", "c"]);
    for record in [0, 1] {
        world.dynamodb.hide_record(Some(record));
        let error = world.fails(alarm()).await;
        assert!(matches!(error, Error::Incoherent { looks: 8 }), "{error}");
    }
    world.dynamodb.hide_record(None);
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("L", Outcome::Deleted)]);
}

/// L=11 and c=1 are recorded while the partitions of the history are read: that of c is read afterwards, that of L was before. The
/// index doesn't know L either, and of its pages the first would be enough.
#[tokio::test(start_paused = true)]
async fn what_is_recorded_between_reads_of_two_partitions_misleads_nobody() {
    let world = World::with(&[("a", 10), ("b", 10), ("r", 1), ("s", 1), ("t", 1)]).await;
    let quiet = world.dynamodb.tables();
    world.upload("L", 11).await;
    world.upload("c", 1).await;
    let after = world.dynamodb.tables();
    world.dynamodb.become_now(quiet);
    world.dynamodb.hide_from_index(&["L", "c"]);
    world.dynamodb.has_pages_of(2);
    // c is the seventh record: its partition is the last of nine.
    let mut queries = 0;
    world.dynamodb.before_each("Query", move |tables| {
        queries += 1;
        if queries == 9 {
            *tables = after.clone();
        }
    });
    let line = world.cleaned(alarm()).await;
    assert_eq!(chosen(&line), [("L", Outcome::Deleted), ("a", Outcome::Deleted)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_protected_may_change_while_the_index_is_read() {
    what_may_not_go_changes(async |_| {}, Verdict::OnlyProtectedLeft).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_too_young_may_change_while_the_index_is_read() {
    let ages = async |world: &mut World| {
        // All but d and e are written again, an hour after those.
        for (name, size) in [("keep/a", 50), ("keep/b", 40), ("keep/c", 30)] {
            world.upload(name, size).await;
        }
        pass(3600);
        let minimum_age = SignedDuration::from_mins(90);
        world.deps.rule = Rule { minimum_age, protected: "".parse().unwrap(), ..world.deps.rule.clone() };
    };
    what_may_not_go_changes(ages, Verdict::OnlyYoungLeft).await;
}

/// Objects that may not go are deleted, overwritten and uploaded at each moment of a look at an index that has a page for each
/// object.
async fn what_may_not_go_changes(prepare: impl AsyncFn(&mut World), verdict: Verdict) {
    for moment in 1.. {
        let mut world = World::with(&[("keep/a", 50), ("keep/b", 40), ("keep/c", 30), ("d", 5), ("e", 4)]).await;
        prepare(&mut world).await;
        let quiet = world.dynamodb.tables();
        world.record("keep/a", None).await;
        world.upload("keep/b", 60).await;
        world.upload("keep/new", 7).await;
        let after = world.dynamodb.tables();
        world.dynamodb.become_now(quiet);
        world.dynamodb.has_pages_of(1);
        let queries = Arc::new(AtomicUsize::new(0));
        let counted = queries.clone();
        world.dynamodb.before_each("Query", move |tables| {
            if counted.fetch_add(1, Ordering::Relaxed) + 1 == moment {
                *tables = after.clone();
            }
        });
        let line = world.cleaned(alarm()).await;
        assert_eq!(chosen(&line), [("d", Outcome::Deleted), ("e", Outcome::Deleted)], "at query {moment}");
        assert_eq!(line.verdict, verdict);
        assert!([50 + 40 + 30, 60 + 30 + 7].contains(&line.projected_total_size), "{line:?}");
        // One look: the recent history and what was before it, five pages and, if something was recorded, that.
        let queries = queries.load(Ordering::Relaxed);
        assert!(queries <= 9 + 9 + 6 + 9, "{queries} queries, with a change at {moment}");
        if queries < moment {
            assert!(moment > 9 + 5, "only {moment} queries");
            break;
        }
    }
}

/// The cleaning before is on record, but its records can't be read yet: what it deletes must not be counted.
#[tokio::test(start_paused = true)]
async fn a_cleaning_whose_records_are_not_visible_yet_is_not_forgotten() {
    let world = World::with(&[("a", 28), ("b", 18), ("c", 1)]).await;
    assert_eq!(chosen(&world.cleaned(alarm()).await), [("a", Outcome::Deleted)]);
    world.dynamodb.hide_record(Some(0));
    let error = world.fails(alarm()).await;
    assert!(matches!(error, Error::Incoherent { .. }), "{error}");
    world.dynamodb.hide_record(None);
    assert_eq!(chosen(&world.cleaned(alarm()).await), []);
}

#[tokio::test(start_paused = true)]
async fn records_of_a_cleaning_that_began_later_do_not_stand_in_for_one_that_is_not_visible_yet() {
    let world = World::with(&[("x", 10), ("y", 10), ("z", 10)]).await;
    pass(1);
    assert_eq!(world.cleaned(alarm()).await.chosen.len(), 2);
    // Another one began before that, and takes over what the first one deleted.
    world.upload("L", 15).await;
    pass(-2);
    let line = world.cleaned(alarm()).await;
    assert_eq!(chosen(&line), [("L", Outcome::Deleted)]);
    pass(3);
    world.dynamodb.hide_record(Some(0));
    assert!(matches!(world.fails(alarm()).await, Error::Incoherent { .. }));
    world.dynamodb.hide_record(None);
    assert_eq!(world.cleaned(alarm()).await.chosen, []);
}
