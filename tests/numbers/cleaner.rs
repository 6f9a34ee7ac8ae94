//! What the cleaner takes, on the models of S3 and DynamoDB: its own code on a virtual clock, with trackers and uploads beside it.

use spillway_fake_aws::capacity::S3Parameters;
use spillway_load::{Cleaned, Cleaning, PERIOD};

use crate::ceiling::side_by_side;
use crate::figures::{rounded, table};

const TO_GO: [u64; 3] = [1_000, 100_000, 1_000_000];
/// What remains.
const REST: u64 = 1_000;
/// The default of `MaxDeletesPerRun`.
const MAX_DELETES: usize = 1_000;
/// S3's latency in another case: "often in the tens of milliseconds".
const FASTER: f64 = 0.3;
/// Uploads a second. An index takes a thousand writes a second of one size, so that no more than 500 and as many deletions can be
/// recorded.
const UPLOADS: [f64; 2] = [350.0, 500.0];
/// For how many seconds.
const SECONDS: f64 = 1_200.0;
/// How many alarm periods' uploads the total may be above the threshold.
const PERIODS: f64 = 2.0;

pub struct Figures {
    /// What has to go, and how.
    drains: Vec<(Cleaning, Cleaned)>,
    steady: Vec<(Cleaning, Cleaned)>,
}

pub fn measure() -> Figures {
    let drain = |to_go| Cleaning { objects: to_go + REST, to_go, ..Cleaning::default() };
    let mut faster = S3Parameters::default();
    faster.latency.scale = FASTER;
    let mut cases = vec![Cleaning { max_deletes: MAX_DELETES, ..drain(10_000) }];
    cases.extend(TO_GO.map(drain));
    cases.push(Cleaning { s3: faster, ..drain(100_000) });
    let drains = cases.len();
    let steady = |uploads| Cleaning { objects: 100_000, to_go: 0, uploads, seconds: SECONDS, ..Cleaning::default() };
    cases.extend(UPLOADS.map(steady));
    // The longest ones come first.
    cases.reverse();
    let outcomes = side_by_side(&cases, |case| {
        let it = case.run();
        // It takes long until all have ended.
        eprintln!("cleaner: {} to go, {} uploads a second: {it:?}", case.to_go, case.uploads);
        it
    });
    let mut all: Vec<_> = cases.into_iter().zip(outcomes).rev().collect();
    let steady = all.split_off(drains);
    Figures { drains: all, steady }
}

impl Figures {
    /// The figures in Markdown.
    pub fn report(&self) -> String {
        [self.drains(), self.steady()].join("\n")
    }

    fn drains(&self) -> String {
        let columns = [
            "objects that have to go at once",
            "`MaxDeletesPerRun`",
            "S3's median, ms",
            "seconds until all are gone",
            "deletions/s",
            "invocations that have ended",
            "% of the time that S3 deletes",
            "refused by S3, DynamoDB",
            "what limits",
        ];
        table(
            &columns,
            self.drains.iter().map(|(case, it)| {
                vec![
                    case.to_go.to_string(),
                    case.max_deletes.to_string(),
                    median(case),
                    it.below_after.map_or_else(|| "—".to_owned(), rounded),
                    rounded(it.deleted_per_second),
                    it.invocations.to_string(),
                    rounded(100.0 * it.deleting),
                    format!("{}, {}", it.slowed, it.throttled),
                    limit(it).to_owned(),
                ]
            }),
        )
    }

    fn steady(&self) -> String {
        let periods = f64::from(PERIOD) * PERIODS;
        let limit = format!("seconds of uploads above the threshold at most (≤ {periods})");
        let columns = [
            "uploads/s",
            "deletions/s",
            limit.as_str(),
            "the same by the ledger",
            "met",
            "seconds that events waited at the end",
            "invocations that failed",
            "refused by S3, DynamoDB",
        ];
        table(
            &columns,
            self.steady.iter().map(|(case, it)| {
                vec![
                    rounded(case.uploads),
                    rounded(it.deleted_per_second),
                    rounded(it.most_over / case.uploads),
                    rounded(it.most_over_in_ledger / case.uploads),
                    if it.most_over <= periods * case.uploads { "yes" } else { "no" }.to_owned(),
                    rounded(it.oldest_seconds),
                    it.failed.to_string(),
                    format!("{}, {}", it.slowed, it.throttled),
                ]
            }),
        )
    }
}

fn median(case: &Cleaning) -> String {
    rounded(case.s3.latency.milliseconds(1, 0.5))
}

/// What limits, by what took the time.
fn limit(it: &Cleaned) -> &'static str {
    match it {
        _ if it.failed > 0 => "invocations that fail",
        _ if it.waiting > 0.5 => "`MaxDeletesPerRun`, and the minute until the next invocation",
        _ if it.slowed * 20 > it.deleted => "S3's writes under one prefix",
        _ if it.throttled > 100 && it.deleting < 0.75 => "DynamoDB",
        _ if it.deleting > 0.75 => "S3's latency, with 128 at a time",
        _ => "reading and recording",
    }
}
