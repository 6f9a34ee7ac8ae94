//! What one bucket's ledger takes, on the model of DynamoDB: the product's own way of applying batches, on a virtual clock.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use spillway_fake_aws::capacity::{Index, Parameters};
use spillway_load::{Arrivals, BATCH, Events, Load, Outcome, Sizes, TRACKERS, Taken, WhatIf, Workload};

use crate::curve::{Curve, Line};
use crate::figures::{rounded, table};

const SIZES: [u64; 4] = [10, 1_000, 100_000, 10_000_000];
const BATCHES: [usize; 7] = [1, 10, 48, 120, 240, 480, 960];
const CONCURRENCIES: [usize; 4] = [1, 2, 4, 8];
/// Seconds of the last table's run.
const HOUR: f64 = 3_600.0;
/// By how much more than it takes is sent to it.
const OVERLOAD: f64 = 2.0;

/// All of it.
pub struct Ceiling {
    buckets: Vec<(String, u64, Outcome)>,
    /// By batch, then by concurrency.
    grid: Vec<Vec<Outcome>>,
    /// By batch, with the history under one key, and as many trackers as the template has.
    one_key: Vec<Outcome>,
    what_ifs: Vec<(&'static str, Taken)>,
    faster: Outcome,
    overload: (f64, Outcome),
}

pub fn measure() -> Ceiling {
    eprintln!("ledger: buckets");
    let cases = cases();
    let outcomes = side_by_side(&cases, |(_, load)| load.run());
    let buckets: Vec<_> = cases
        .iter()
        .zip(outcomes)
        .map(|((what, load), outcome)| (what.clone(), load.workload.objects, outcome))
        .collect();
    let mixed = Load { workload: workload(100_000, Events::Mixed), ..Load::default() };
    let rate = OVERLOAD * mixed.run().events_per_second;
    let overload = Load {
        arrivals: Arrivals::PerSecond { rate, seconds: HOUR },
        warm_up: 0.0,
        seconds: HOUR,
        parameters: Parameters::default(),
        ..mixed
    };
    let cells: Vec<(usize, usize)> =
        BATCHES.iter().flat_map(|batch| CONCURRENCIES.map(|trackers| (*batch, trackers))).collect();
    let (overload, rest) = thread::scope(|scope| {
        let overload = scope.spawn(|| overload.run());
        eprintln!("ledger: an hour at {rate:.0} events a second, and beside it trackers and batches");
        let cells = side_by_side(&cells, |(batch, trackers)| {
            Load { batch: *batch, trackers: *trackers, ..Load::default() }.run()
        });
        let one_key =
            side_by_side(&BATCHES, |batch| Load { batch: *batch, has_one_history_key: true, ..Load::default() }.run());
        let what_ifs = side_by_side(&what_ifs(), |(what, what_if)| (*what, what_if.run(20.0)));
        let faster = Load { parameters: scaled(0.5), ..Load::default() }.run();
        eprintln!("ledger: the rest of the hour");
        (overload.join().expect("the hour passes"), (cells, one_key, what_ifs, faster))
    });
    let (cells, one_key, what_ifs, faster) = rest;
    let grid = cells.chunks(CONCURRENCIES.len()).map(<[Outcome]>::to_vec).collect();
    Ceiling { buckets, grid, one_key, what_ifs, faster, overload: (rate, overload) }
}

/// What happens in which bucket, for a stack as the template makes it.
fn cases() -> Vec<(String, Load)> {
    let load = |workload| Load { workload, ..Load::default() };
    let case = |what: &str, load| (what.to_owned(), load);
    let creations = workload(100_000, Events::Creations);
    let mut cases =
        vec![case("creations, history under one key", Load { has_one_history_key: true, ..load(creations) })];
    cases.extend(SIZES.map(|objects| case("creations", load(workload(objects, Events::Creations)))));
    cases.extend(SIZES.map(|objects| {
        case("a third each of creations, overwrites, deletions", load(workload(objects, Events::Mixed)))
    }));
    cases.push(case("overwrites, each with another size", load(workload(100_000, Events::Overwrites))));
    cases.push(case("creations of one size", load(Workload { sizes: Sizes::Equal, ..creations })));
    let indexes = vec![Index::BY_SIZE, Index::BY_AGE];
    let by_age = Load { parameters: Parameters { indexes, ..Parameters::settled() }, ..load(creations) };
    cases.push(case("creations, `DeleteFirst=oldest`", by_age));
    cases
}

fn workload(objects: u64, events: Events) -> Workload {
    Workload { objects, events, sizes: Sizes::Spread }
}

fn what_ifs() -> [(&'static str, WhatIf); 6] {
    let what_if = |parts, events, packs_records| WhatIf { parts, events, packs_records };
    [
        ("one row, 48 events and their records a transaction (as it is)", what_if(1, 48, false)),
        ("2 rows", what_if(2, 48, false)),
        ("4 rows", what_if(4, 48, false)),
        ("8 rows", what_if(8, 48, false)),
        ("one row, 98 events a transaction, their records in one item", what_if(1, 98, true)),
        ("2 rows, likewise", what_if(2, 98, true)),
    ]
}

/// A DynamoDB that takes another time.
fn scaled(scale: f64) -> Parameters {
    let mut parameters = Parameters::settled();
    parameters.transaction.scale = scale;
    parameters.read.scale = scale;
    parameters
}

/// As many at a time as there are cores.
pub fn side_by_side<T: Sync, U: Send>(tasks: &[T], run: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(task) = tasks.get(number)
                {
                    let result = run(task);
                    done.lock().expect("nobody panicked").push((number, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nobody panicked");
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

impl Ceiling {
    /// The figures in Markdown.
    pub fn report(&self) -> String {
        [self.buckets(), self.grid(), self.refused(), self.what_ifs(), self.hour()].join("\n")
    }

    /// Events per second by the size of a batch.
    pub fn curve(&self) -> Curve {
        let line = |name: String, outcomes: Vec<&Outcome>| Line {
            name,
            points: BATCHES.iter().zip(outcomes).map(|(batch, it)| (*batch as f64, it.events_per_second)).collect(),
        };
        let of = |(column, trackers): (usize, &usize)| {
            let plural = if *trackers == 1 { "" } else { "s" };
            line(format!("{trackers} tracker{plural}"), self.grid.iter().map(|row| &row[column]).collect())
        };
        let mut lines: Vec<Line> = CONCURRENCIES.iter().enumerate().map(of).collect();
        lines.push(line(format!("{TRACKERS} trackers, history under one key"), self.one_key.iter().collect()));
        Curve { title: "Events a second of one bucket, by the size of a batch (a model)".to_owned(), lines }
    }

    fn buckets(&self) -> String {
        let columns = [
            "what happens",
            "objects in the bucket",
            "events/s",
            "requests",
            "write units",
            "read units",
            "conflicts",
            "what limits",
        ];
        table(
            &columns,
            self.buckets.iter().map(|(what, objects, outcome)| {
                let Outcome { events_per_second, requests, write_units, read_units, conflicts, .. } = outcome;
                let figures = [*events_per_second, *requests, *write_units, *read_units, *conflicts].map(rounded);
                [what.clone(), objects.to_string()].into_iter().chain(figures).chain([outcome.cause.clone()]).collect()
            }),
        )
    }

    fn grid(&self) -> String {
        self.by_batch("events/s (write units)", |it| {
            format!("{} ({})", rounded(it.events_per_second), rounded(it.write_units))
        })
    }

    fn refused(&self) -> String {
        self.by_batch("requests (conflicts)", |it| format!("{} ({})", rounded(it.requests), rounded(it.conflicts)))
    }

    fn by_batch(&self, what: &str, cell: impl Fn(&Outcome) -> String) -> String {
        let trackers = CONCURRENCIES.map(|trackers| format!("{trackers} at a time"));
        let one_key = format!("{TRACKERS}, history under one key");
        let first = format!("batches of; {what}");
        let columns: Vec<&str> =
            [first.as_str()].into_iter().chain(trackers.iter().map(String::as_str)).chain([one_key.as_str()]).collect();
        let rows = BATCHES.iter().zip(&self.grid).zip(&self.one_key);
        table(
            &columns,
            rows.map(|((batch, row), one_key)| {
                [batch.to_string()].into_iter().chain(row.iter().chain([one_key]).map(&cell)).collect()
            }),
        )
    }

    fn what_ifs(&self) -> String {
        let mut rows: Vec<Vec<String>> = self
            .what_ifs
            .iter()
            .map(|(what, taken)| vec![(*what).to_owned(), rounded(taken.events_per_second), rounded(taken.write_units)])
            .collect();
        let faster = [self.faster.events_per_second, self.faster.write_units].map(rounded);
        rows.push(
            ["the ledger as it is, if DynamoDB took half the time".to_owned()].into_iter().chain(faster).collect(),
        );
        table(&["the total in", "events/s", "write units"], rows)
    }

    fn hour(&self) -> String {
        let (rate, it) = &self.overload;
        let row = |what: &str, figure: String| vec![what.to_owned(), figure];
        let title = format!(
            "{} minutes at {} events a second, {TRACKERS} trackers, batches of {BATCH}",
            HOUR / 60.0,
            rounded(*rate)
        );
        table(
            &[title.as_str(), ""],
            [
                row("events recorded a second", rounded(it.events_per_second)),
                row("write units of one", rounded(it.write_units)),
                row("batches that failed and came again", it.failed_batches.to_string()),
                row("the most deliveries of one message, of 500", it.most_deliveries.to_string()),
                row("messages lost or dead-lettered", it.lost.to_string()),
                row("messages that wait at the end", it.waiting.to_string()),
                row("seconds that the oldest has waited, of 1209600", rounded(it.oldest_seconds)),
                row("the ledger is exact", if it.is_exact { "yes" } else { "no" }.to_owned()),
            ],
        )
    }
}
