//! More than one round goes: the next is chosen while one is being deleted.

use std::sync::atomic::{AtomicUsize, Ordering};

use cleaner::{Error, Limits};
use spillway_contracts::ledger::CleanerRow;
use spillway_contracts::log_line::{Outcome, Verdict};
use spillway_fake_aws::{FakeS3, Refusal};
use spillway_ledger::choice::Rule;
use spillway_ledger_store::apply;

use crate::world::{World, alarm, chosen, event, now, pass, schedule};

/// A bucket of objects of ten bytes, of which two go at a time.
async fn bucket_of(objects: usize, rule: Rule) -> World {
    let names: Vec<String> = (0..objects).map(|number| number.to_string()).collect();
    let objects: Vec<_> = names.iter().map(|name| (name.as_str(), 10)).collect();
    let mut world = World::with(&objects).await;
    world.deps.limits = Limits { round: 2, record: 1, ..Limits::default() };
    world.deps.rule = rule;
    world
}

async fn row(world: &World) -> CleanerRow {
    world.deps.store.standing().await.unwrap().cleaner.unwrap()
}

/// Has something happen before the transaction with this number: the first two begin rounds, and those from then on say by
/// turns what came of one, and begin another.
fn before_transaction(world: &mut World, number: usize, happens: impl Fn() + Send + Sync + 'static) {
    let transactions = AtomicUsize::new(0);
    world.deps.store = world.dynamodb.store_after(move |operation| {
        if operation == "TransactWriteItems" && transactions.fetch_add(1, Ordering::Relaxed) + 1 == number {
            happens();
        }
        std::future::ready(())
    });
}

#[tokio::test]
async fn several_rounds_leave_no_more_and_no_less_than_the_rule_says() {
    let world = bucket_of(9, Rule::largest_first(41, 1000)).await;
    let line = world.cleaned(alarm()).await;
    assert_eq!((line.chosen_count, line.projected_total_size, line.verdict), (5, 40, Verdict::BroughtBelow));
    assert_eq!((world.s3.keys().len(), row(&world).await.unfinished), (4, false));
}

#[tokio::test]
async fn no_more_than_the_most_that_may_go_goes_in_all_rounds_together() {
    let world = bucket_of(9, Rule::largest_first(1, 5)).await;
    let line = world.cleaned(alarm()).await;
    assert_eq!((line.chosen_count, line.verdict), (5, Verdict::MaxDeletesReached));
    assert_eq!((world.s3.keys().len(), row(&world).await.unfinished), (4, true));
}

/// Time runs out while two rounds are being deleted, and more has to go.
#[tokio::test]
async fn what_there_was_no_time_for_is_left_to_the_next_invocation() {
    let mut world = bucket_of(9, Rule::largest_first(11, 1000)).await;
    before_transaction(&mut world, 3, || pass(95));
    let line = world.cleaned(alarm()).await;
    assert_eq!((line.chosen_count, line.verdict), (4, Verdict::MaxDeletesReached));
    assert!(row(&world).await.unfinished);
    assert_eq!(world.cleaned(schedule()).await.verdict, Verdict::BroughtBelow);
    assert_eq!(world.s3.keys().len(), 1);
}

/// The audit is over in the middle of a cleaning: the ledger is that of another bucket.
#[tokio::test]
async fn what_nobody_may_delete_any_more_is_not_finished() {
    let mut world = bucket_of(9, Rule::largest_first(11, 1000)).await;
    world.deps.needs_audit = true;
    world.audited(crate::world::now()).await;
    let tables = world.dynamodb.clone();
    before_transaction(&mut world, 3, move || {
        tables.change_rows(|row| {
            if row["object_name"]["S"] == "__AUDITED__" {
                row["audited_bucket"]["S"] = "another".into();
            }
        });
    });
    let line = world.cleaned(alarm()).await;
    assert_eq!((line.chosen_count, line.verdict), (4, Verdict::NotAudited));
    assert!(row(&world).await.unfinished);
}

/// Another invocation begins and ends while two rounds of this one are being deleted.
#[tokio::test(start_paused = true)]
async fn what_another_invocation_has_left_unfinished_stays_so() {
    let mut world = bucket_of(9, Rule { target_bytes: 51, ..Rule::largest_first(81, 1000) }).await;
    let tables = world.dynamodb.clone();
    before_transaction(&mut world, 3, move || {
        tables.change_rows(|row| {
            if row["object_name"]["S"] == "__CLEANER__" {
                let version: u64 = row["version"]["N"].as_str().unwrap().parse().unwrap();
                row["version"]["N"] = (version + 1).to_string().into();
                row["unfinished"]["BOOL"] = true.into();
            }
        });
    });
    assert_eq!(world.cleaned(alarm()).await.chosen_count, 4);
    assert!(row(&world).await.unfinished);
}

/// A record that is left behind must not stand in for one that can't be seen yet.
#[tokio::test(start_paused = true)]
async fn every_record_that_is_read_from_the_oldest_needed_one_on_counts() {
    // More goes than is taken over, and the ledger records none of it yet.
    let mut world = bucket_of(5, Rule::largest_first(21, 1000)).await;
    assert_eq!(world.cleaned(alarm()).await.chosen_count, 3);
    for (name, size) in [("x", 100), ("y", 90), ("z", 80), ("w", 50)] {
        world.upload(name, size).await;
    }
    // The next one began earlier, and is slower. Its rounds are one object each.
    ["x", "y"].iter().for_each(|name| world.s3.refuse(name, Refusal::AccessDenied));
    pass(-10);
    world.deps.rule = Rule::largest_first(261, 1000);
    let line = world.cleaned(alarm()).await;
    assert_eq!(chosen(&line), [("x", Outcome::Refused), ("y", Outcome::Refused), ("z", Outcome::Deleted)]);
    pass(20);

    // What says that `z` is gone can't be seen, and S3 would not refuse `x` any more.
    world.dynamodb.hide_record(Some(0));
    let s3 = FakeS3::default();
    for name in world.s3.keys() {
        s3.put(&name, 1, "first");
    }
    world.deps.s3 = s3.client();
    assert!(matches!(world.fails(alarm()).await, Error::Incoherent { .. }));
    assert_eq!(s3.keys().len(), world.s3.keys().len());
}

/// Another invocation has deleted as many as may be under way, and the ledger has recorded none of them.
#[tokio::test(start_paused = true)]
async fn what_waited_for_the_ledger_in_vain_is_left_to_the_next_invocation() {
    let mut world = bucket_of(4, Rule::largest_first(11, 1000)).await;
    assert_eq!(world.cleaned(alarm()).await.chosen_count, 3);
    world.deps.limits.unrecorded = 3;
    world.upload("large", 50).await;
    world.dynamodb.before_each("BatchGetItem", |_| pass(1));
    let line = world.cleaned(alarm()).await;
    assert_eq!((line.chosen_count, line.verdict), (0, Verdict::Incomplete));
    assert!(row(&world).await.unfinished && world.s3.keys().contains(&"large".to_owned()));
    for name in ["0", "1", "2"] {
        world.record(name, None).await;
    }
    let line = world.cleaned(schedule()).await;
    assert_eq!(chosen(&line), [("large", Outcome::Deleted)]);
}

/// No event reaches the ledger. All that was deleted has to be read for the next decision.
#[tokio::test(start_paused = true)]
async fn however_long_the_ledger_records_nothing_no_more_than_so_much_is_under_way() {
    let mut world = bucket_of(40, Rule::largest_first(11, 1000)).await;
    world.deps.limits.unrecorded = 4;
    world.dynamodb.before_each("BatchGetItem", |_| pass(1));
    for _ in 0..8 {
        world.cleaned(alarm()).await;
        pass(130);
    }
    assert_eq!(world.s3.keys().len(), 40 - 3 * 4);
    for name in world.s3.requests() {
        world.record(&name, None).await;
    }
    assert_eq!(world.cleaned(alarm()).await.chosen_count, 4, "the ledger knows");
}

/// The event of the first deletion is lost. The ledger records all others before the next decision.
#[tokio::test]
async fn a_deletion_that_is_never_recorded_has_few_records_be_read() {
    let mut world = bucket_of(60, Rule::largest_first(11, 1000)).await;
    world.deps.limits.window = 12;
    let (tables, s3) = (world.dynamodb.clone(), world.s3.clone());
    world.deps.store = world.dynamodb.store_after(move |operation| {
        let deleted = if operation == "BatchGetItem" { s3.requests() } else { Vec::new() };
        let store = tables.store();
        async move {
            for name in deleted.iter().skip(1) {
                apply(&store, vec![event(name, None, None)], now, |_| {}).await.unwrap();
            }
        }
    });
    let line = world.cleaned(alarm()).await;
    assert_eq!((line.chosen_count, line.unrecorded_count, world.s3.keys().len()), (59, 0, 1));
    let (row, lost) = (row(&world).await, world.s3.requests().remove(0));
    let records = world.deps.store.cleanings_from(&row.cleaning.unwrap()).await.unwrap();
    assert_eq!(records.len() as u64, row.record_count);
    // Those that are not too many, and those of the last round.
    assert!(records.len() <= 14, "{records:?}");
    let kept = records.iter().flat_map(|record| &record.objects).find(|object| object.object_name.as_str() == lost);
    let kept = kept.unwrap();
    assert_eq!((kept.outcome, kept.taken_over), (Some(Outcome::Deleted), true));
    // It counts as gone for whoever comes next, too.
    world.deps.rule.threshold_bytes = 12;
    assert_eq!(world.cleaned(alarm()).await.chosen_count, 0);
}

/// An object was overwritten, and the last decision knew it.
#[tokio::test]
async fn what_a_later_round_has_made_up_for_is_no_reason_to_go_on() {
    let mut world = World::with(&[("x", 15), ("a", 12), ("c", 5)]).await;
    world.deps.rule.target_bytes = 10;
    world.s3.refuse("x", Refusal::AccessDenied);
    world.s3.put("a", 1, "second");
    let line = world.cleaned(alarm()).await;
    assert_eq!(chosen(&line), [("x", Outcome::Refused), ("a", Outcome::Overwritten), ("c", Outcome::Deleted)]);
    world.record_with("a", Some(1), Some("second".into())).await;
    world.record("c", None).await;
    world.upload("d", 2).await;
    world.cleaned(schedule()).await;
    assert_eq!(world.s3.keys(), ["a", "d", "x"]);
}
