//! What one bucket's ledger takes, on the model of DynamoDB.

use spillway_load::{Arrivals, Events, Load, Sizes, WhatIf, Workload};

/// Write units of an event in version 0.1: of its row, its record and the index, and of `__STATE__` for each batch of 48.
const WRITE_UNITS_BEFORE: f64 = 5.04;

#[test]
fn one_bucket_takes_a_thousand_events_a_second_for_hardly_more_write_units_than_before() {
    let outcome = Load::default().run();
    assert!(outcome.events_per_second >= 1_000.0, "{outcome:#?}");
    assert!(outcome.write_units <= 1.1 * WRITE_UNITS_BEFORE, "{outcome:#?}");
    assert_eq!((outcome.cause.as_str(), outcome.is_exact), ("`__STATE__`", true), "{outcome:#?}");
}

#[test]
fn one_key_of_the_history_takes_less_than_half_of_that() {
    let load = Load { has_one_history_key: true, trackers: 1, batch: 48, ..Load::default() };
    let outcome = load.run();
    assert!((300.0..=500.0).contains(&outcome.events_per_second), "{outcome:#?}");
    assert_eq!(outcome.cause, "HistoryTable, key `b`");
}

#[test]
fn objects_of_one_size_meet_in_the_index() {
    let workload = Workload { objects: 100_000, events: Events::Overwrites, sizes: Sizes::Equal };
    let one_at_a_time = Load { trackers: 1, seconds: 6.0, ..Load::default() };
    let outcome = Load { workload, ..one_at_a_time }.run();
    // Only the ETag is another one: the index has one write, not two.
    assert!(outcome.write_units < 5.2, "{outcome:#?}");
    assert!(outcome.events_per_second <= 1_040.0, "{outcome:#?}");
}

#[test]
fn nothing_is_lost_at_twice_that_and_the_ledger_is_exact_once_all_of_it_has_arrived() {
    let arrivals = Arrivals::PerSecond { rate: 2_200.0, seconds: 8.0 };
    let workload = Workload { objects: 1_000, events: Events::Mixed, sizes: Sizes::Spread };
    let outcome = Load { workload, arrivals, warm_up: 1.0, seconds: 7.0, drains: true, ..Load::default() }.run();
    assert_eq!((outcome.lost, outcome.waiting, outcome.is_exact), (0, 0, true), "{outcome:#?}");
}

#[test]
fn the_total_in_parts_or_records_in_packs_would_take_twice_as_much() {
    let taken = |parts, events, packs_records| WhatIf { parts, events, packs_records }.run(5.0);
    let [now, two_parts, packs] = [taken(1, 48, false), taken(2, 48, false), taken(1, 98, true)];
    assert!(two_parts.events_per_second > 1.8 * now.events_per_second, "{now:?} {two_parts:?}");
    assert!(packs.events_per_second > 1.8 * now.events_per_second, "{now:?} {packs:?}");
    assert!(packs.write_units < 0.8 * now.write_units, "{now:?} {packs:?}");
}
