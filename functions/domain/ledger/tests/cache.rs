//! A cache in a bucket: what `oldest` keeps of it, beside a true cache of the least recently used.
//!
//! A miss writes an object. A hit copies it onto itself, which makes its last write now. Events go through the ledger's fold, and
//! cleanings through its choice, at the pace of an alarm with a period of a minute and of the schedule behind it.
//!
//! `SPILLWAY_CACHE_REQUESTS=1000000 cargo test --release -p spillway-ledger --test cache -- --nocapture` replays a million
//! requests instead of a hundred thousand, and prints the figures.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fastrand::Rng;
use jiff::Timestamp;
use spillway_contracts::rule::{DeleteFirst, target_bytes};
use spillway_contracts::{ObjectName, Sequencer};
use spillway_ledger::choice::{Candidate, Rank, Rule, Situation, Stop, choose};
use spillway_ledger::{EventKind, ObjectEvent, Row, Snapshot, fold};

/// How many objects may be asked for.
const OBJECTS: usize = 20_000;
/// How the popularity of an object falls with its rank: as one over its power. Caches of the web have 0.6 to 0.9.
const EXPONENT: f64 = 0.9;
/// The share of all bytes that the bucket has room for, in percent.
const CAPACITY_PERCENT: u64 = 10;
const REQUESTS_PER_SECOND: i64 = 1;
/// The alarm's period, in seconds.
const PERIOD: i64 = 60;
/// For how long the schedule leaves a total to the alarm, in seconds.
const PATIENCE: i64 = 2 * PERIOD + 60;
/// How long an invocation by the alarm may be under way, in seconds.
const UNDER_WAY: i64 = 60;
/// How many objects a page of the index has.
const PAGE: usize = 100;

/// What is asked for, one after the other, and how large the objects are.
struct Trace {
    requests: Vec<usize>,
    /// In bytes.
    sizes: Vec<u64>,
}

impl Trace {
    /// Ranks by Zipf's law, sizes from a kilobyte to a megabyte, evenly by their logarithm.
    fn of(seed: u64, count: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let sizes = (0..OBJECTS).map(|_| (1000.0 * 1000_f64.powf(rng.f64())) as u64).collect();
        let mut sum = 0.0;
        let cumulative = (1..=OBJECTS).map(|rank| {
            sum += (rank as f64).powf(-EXPONENT);
            sum
        });
        let cumulative: Vec<f64> = cumulative.collect();
        let mut object = || cumulative.partition_point(|&below| below < rng.f64() * sum).min(OBJECTS - 1);
        Self { requests: (0..count).map(|_| object()).collect(), sizes }
    }

    /// From which request on hits count: the bucket has been filled by then.
    fn begins(&self) -> usize {
        self.requests.len() / 10
    }

    fn capacity(&self) -> u64 {
        self.sizes.iter().sum::<u64>() * CAPACITY_PERCENT / 100
    }

    /// How many hits a cache has that throws out the least recently used at once whenever it holds more than `capacity` bytes.
    fn hits_of_lru(&self, capacity: u64) -> usize {
        let (mut used, mut order, mut bytes, mut hits) = (BTreeMap::new(), BTreeMap::new(), 0, 0);
        for (at, &object) in self.requests.iter().enumerate() {
            match used.insert(object, at) {
                Some(before) => {
                    hits += usize::from(at >= self.begins());
                    order.remove(&before);
                }
                None => bytes += self.sizes[object],
            }
            order.insert(at, object);
            while bytes > capacity {
                let (_, oldest) = order.pop_first().unwrap();
                used.remove(&oldest);
                bytes -= self.sizes[oldest];
            }
        }
        hits
    }
}

/// A bucket that is used as a cache, and its ledger.
struct Cache {
    rule: Rule,
    ledger: Snapshot,
    /// The index by age: when an object was last written, in milliseconds, and its name.
    by_age: BTreeSet<(i64, ObjectName)>,
    /// How many events there were.
    events: u64,
    /// Since when the alarm has been in ALARM, in milliseconds.
    alarm_since: Option<i64>,
    /// The greatest total of the alarm's period, in bytes.
    maximum: u64,
    /// Since when the schedule has found too much, in milliseconds.
    over_since: Option<i64>,
    figures: Figures,
}

/// What came of it.
#[derive(Debug, Default)]
struct Figures {
    hits: usize,
    cleanings: usize,
    deleted: usize,
    /// How many objects the index gave.
    read: usize,
    /// The greatest total, in bytes.
    peak: u64,
    /// The sum of the totals after each of the requests that count, in bytes.
    totals: u128,
}

fn name(object: usize) -> ObjectName {
    ObjectName::new(object.to_string()).unwrap()
}

fn at(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000 + millisecond).unwrap()
}

impl Cache {
    fn replay(trace: &Trace, target_percent: u64) -> Figures {
        let threshold = trace.capacity();
        let rule = Rule {
            target_bytes: target_bytes(threshold, target_percent),
            delete_first: DeleteFirst::Oldest,
            ..Rule::largest_first(threshold, 1_000_000)
        };
        let mut cache = Self {
            rule,
            ledger: Snapshot::default(),
            by_age: BTreeSet::new(),
            events: 0,
            alarm_since: None,
            maximum: 0,
            over_since: None,
            figures: Figures::default(),
        };
        for (number, &object) in trace.requests.iter().enumerate() {
            let now = number as i64 * 1000 / REQUESTS_PER_SECOND;
            if now % (PERIOD * 1000) == 0 {
                cache.end_period(now);
            }
            let is_hit = cache.ledger.rows.get(&name(object)).is_some_and(Row::is_live);
            cache.record(&name(object), Some(trace.sizes[object]), now);
            cache.figures.peak = cache.figures.peak.max(cache.ledger.total_size());
            if number >= trace.begins() {
                cache.figures.hits += usize::from(is_hit);
                cache.figures.totals += u128::from(cache.ledger.total_size());
            }
        }
        cache.figures
    }

    /// The alarm sees the period's greatest total, and acts when it goes off; the schedule acts if the alarm doesn't, or has.
    fn end_period(&mut self, now: i64) {
        let is_in_alarm = self.maximum >= self.rule.threshold_bytes;
        let goes_off = is_in_alarm && self.alarm_since.is_none();
        self.alarm_since = is_in_alarm.then(|| self.alarm_since.unwrap_or(now));
        let has_spoken = self.alarm_since.is_some_and(|since| now - since > UNDER_WAY * 1000);
        self.maximum = self.ledger.total_size();
        let is_over = self.maximum >= self.rule.threshold_bytes;
        let has_waited = self.over_since.is_some_and(|since| now - since > PATIENCE * 1000);
        self.over_since = self.over_since.or(Some(now)).filter(|_| is_over);
        if is_over && (goes_off || has_spoken || has_waited) {
            self.clean(now);
            self.over_since = None;
        }
    }

    /// Reads pages of the index until the choice is decided, and deletes what was chosen.
    fn clean(&mut self, now: i64) {
        self.figures.cleanings += 1;
        let mut candidates = Vec::new();
        let mut index = self.by_age.iter();
        let choice = loop {
            candidates.extend(index.by_ref().take(PAGE).map(|(written, object)| self.candidate(*written, object)));
            let is_whole = candidates.len() == self.by_age.len();
            let situation = Situation {
                total_size: self.ledger.total_size(),
                is_cleaning: false,
                candidates: &candidates,
                known_to: candidates.last().map(|last| Rank::of(last, DeleteFirst::Oldest)).filter(|_| !is_whole),
                has_young: false,
                now: at(now),
            };
            if let Some(choice) = choose(&self.rule, &situation) {
                break choice;
            }
        };
        assert_eq!(choice.stop, Stop::Below);
        self.figures.read += candidates.len();
        self.figures.deleted += choice.delete.len();
        for object in choice.delete {
            self.record(&object.object_name, None, now);
        }
    }

    fn candidate(&self, written: i64, object: &ObjectName) -> Candidate {
        let Some(Row::Live(row)) = self.ledger.rows.get(object) else { panic!("the index has {object}") };
        Candidate {
            object_name: object.clone(),
            size: row.size,
            etag: None,
            sequencer: row.sequencer.clone(),
            last_modified: Some(at(written)),
        }
    }

    /// An object is written, or deleted.
    fn record(&mut self, object: &ObjectName, size: Option<u64>, now: i64) {
        self.events += 1;
        if let Some(Row::Live(row)) = self.ledger.rows.get(object) {
            let written = row.last_modified().duration_since(at(0)).as_millis() as i64;
            assert!(self.by_age.remove(&(written, object.clone())));
        }
        let event = ObjectEvent {
            bucket_name: "b".into(),
            object_name: object.clone(),
            kind: size.map_or(EventKind::Deleted, |size| EventKind::Created { size, etag: None }),
            event_type: if size.is_some() { "ObjectCreated:Copy" } else { "ObjectRemoved:Delete" }.into(),
            sequencer: Sequencer::new(format!("{:X}", self.events)).unwrap(),
            version_id: None,
            event_time: at(now),
        };
        let rows = self.ledger.rows.get(object).map(|row| (object.clone(), row.clone())).into_iter().collect();
        let touched = Snapshot { state: self.ledger.state.clone(), rows };
        let commit = fold(&touched, &mut VecDeque::from([event]), at(now)).commit.unwrap();
        self.ledger.state = Some(commit.state);
        self.ledger.rows.extend(commit.rows.into_iter().map(|change| (change.object_name, change.row)));
        if size.is_some() {
            self.by_age.insert((now, object.clone()));
        }
        self.maximum = self.maximum.max(self.ledger.total_size());
    }
}

#[test]
fn oldest_with_touch_hits_nearly_as_often_as_a_cache_of_the_least_recently_used() {
    let count = std::env::var("SPILLWAY_CACHE_REQUESTS").map_or(100_000, |count| count.parse().unwrap());
    let trace = Trace::of(1, count);
    let threshold = trace.capacity() as f64;
    let counted = count - trace.begins();
    let rate = |hits: usize| hits as f64 / counted as f64;
    let share = |bytes: f64| bytes / threshold * 100.0;
    println!(
        "{count} requests; true LRU of the threshold's size hits {:.2} %",
        rate(trace.hits_of_lru(trace.capacity())) * 100.0
    );
    for target in [100, 95, 90, 80] {
        let Figures { hits, cleanings, deleted, read, peak, totals } = Cache::replay(&trace, target);
        // Of the same capacity: what the bucket held on average.
        let mean = totals / counted as u128;
        let of_lru = rate(trace.hits_of_lru(mean as u64));
        println!(
            "TargetPercent {target}: hits {:.2} %, true LRU {:.2} %; {cleanings} cleanings, one in {:.1} minutes, of {:.0} objects; \
             {:.2} objects read for one deleted; the total {:.1} % of the threshold on average, {:.1} % at most",
            rate(hits) * 100.0,
            of_lru * 100.0,
            count as f64 / REQUESTS_PER_SECOND as f64 / 60.0 / cleanings as f64,
            deleted as f64 / cleanings as f64,
            read as f64 / deleted as f64,
            share(mean as f64),
            share(peak as f64),
        );
        assert!((rate(hits) / of_lru - 1.0).abs() <= 0.01, "{} beside {of_lru}", rate(hits));
        // Whole pages are read.
        assert!(cleanings > 10 && read <= deleted + cleanings * PAGE);
    }
}
