//! The partitions of a table or an index: what each takes in a second, and how it is split.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::capacity::parameters::Parameters;

/// How many of the newest writes a partition remembers to find where to split.
const REMEMBERED: usize = 256;

/// Where an item is: the hash of its partition key, then its sort key.
pub type Position = (u64, Vec<u8>);

/// A table or an index. A partition has all positions from its own up to the next one's.
#[derive(Clone, Debug)]
pub struct Partitions(BTreeMap<Position, Partition>);

#[derive(Clone, Debug)]
struct Partition {
    write: Allowance,
    read: Allowance,
    /// The newest writes: where each was, in a ring.
    newest: Vec<Position>,
    writes: usize,
    /// The current second: when it began, the units that were asked for in it.
    second: (f64, f64),
    hot_since: Option<f64>,
    /// The partition key that was refused last.
    refused_key: Option<String>,
    refused: u64,
}

/// Units that can be taken, which grow with time up to a limit.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    units: f64,
    at: f64,
}

/// Reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Read,
    Write,
}

/// Where an item with these keys is.
pub fn position(partition_key: &str, sort: Vec<u8>) -> Position {
    let mut hasher = DefaultHasher::new();
    partition_key.hash(&mut hasher);
    (hasher.finish(), sort)
}

impl Partitions {
    pub fn new(parameters: &Parameters) -> Self {
        let width = u64::MAX / parameters.first_partitions;
        let first =
            (0..parameters.first_partitions).map(|n| ((n * width, Vec::new()), Partition::new(parameters, 0.0)));
        Self(first.collect())
    }

    /// Whether there is room for as many units. Asking counts for heat, as a refused request does.
    pub fn has_room(
        &mut self,
        parameters: &Parameters,
        kind: Kind,
        (key, position): (&str, &Position),
        units: f64,
        now: f64,
    ) -> bool {
        let partition = self.of(position);
        let has_room = partition.allowance(parameters, kind, now).units >= units;
        if !has_room {
            partition.refused += 1;
            partition.refused_key = Some(key.to_owned());
            if kind == Kind::Write {
                partition.asked(parameters, units, now);
                self.split(parameters, position, now);
            }
        }
        has_room
    }

    /// Takes units.
    pub fn take(&mut self, parameters: &Parameters, kind: Kind, position: &Position, units: f64, now: f64) {
        let partition = self.of(position);
        partition.allowance(parameters, kind, now).units -= units;
        if kind == Kind::Write {
            partition.remember(position);
            partition.asked(parameters, units, now);
            self.split(parameters, position, now);
        }
    }

    /// How many times each partition key was refused, as far as the model knows: by the last key of each partition that was.
    pub fn refused(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.values().filter_map(|partition| Some((partition.refused_key.as_deref()?, partition.refused)))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    fn of(&mut self, position: &Position) -> &mut Partition {
        self.0.range_mut(..=position.clone()).next_back().expect("the first partition begins at 0").1
    }

    /// Splits the partition if it has been hot for long enough and its writes are in more than one place.
    fn split(&mut self, parameters: &Parameters, position: &Position, now: f64) {
        let partition = self.of(position);
        let since = partition.hot_since.unwrap_or(now);
        if now - since < parameters.split_after.as_secs_f64() {
            return;
        }
        partition.hot_since = None;
        let Some(middle) = partition.middle(parameters.local_index) else { return };
        partition.newest.clear();
        let units = partition.write.units / 2.0;
        partition.write.units = units;
        let mut upper = Partition::new(parameters, now);
        upper.write.units = units;
        self.0.insert(middle, upper);
    }
}

impl Partition {
    fn new(parameters: &Parameters, now: f64) -> Self {
        let full = |rate: f64| Allowance { units: rate * parameters.seconds_kept(), at: now };
        Self {
            write: full(parameters.partition_write_units),
            read: full(parameters.partition_read_units),
            newest: Vec::new(),
            writes: 0,
            second: (now, 0.0),
            hot_since: None,
            refused_key: None,
            refused: 0,
        }
    }

    fn allowance(&mut self, parameters: &Parameters, kind: Kind, now: f64) -> &mut Allowance {
        let (allowance, rate) = match kind {
            Kind::Write => (&mut self.write, parameters.partition_write_units),
            Kind::Read => (&mut self.read, parameters.partition_read_units),
        };
        let grown = allowance.units + rate * (now - allowance.at).max(0.0);
        *allowance = Allowance { units: grown.min(rate * parameters.seconds_kept()), at: allowance.at.max(now) };
        allowance
    }

    fn remember(&mut self, position: &Position) {
        match self.newest.len() < REMEMBERED {
            true => self.newest.push(position.clone()),
            false => self.newest[self.writes % REMEMBERED].clone_from(position),
        }
        self.writes += 1;
    }

    /// Counts what is asked for, and says at the end of each second whether the partition is hot.
    fn asked(&mut self, parameters: &Parameters, units: f64, now: f64) {
        let (began, asked) = self.second;
        self.second = (began, asked + units);
        if now - began >= 1.0 {
            let rate = self.second.1 / (now - began);
            let is_hot = rate >= parameters.hot * parameters.partition_write_units;
            self.hot_since = if is_hot { self.hot_since.or(Some(began)) } else { None };
            self.second = (now, 0.0);
        }
    }

    /// Where the upper half of the newest writes begins: between two partition keys if there are several, between two sort keys
    /// otherwise; nowhere if all writes are of one item, or of one key that has to stay together.
    fn middle(&self, whole_keys: bool) -> Option<Position> {
        let mut newest = self.newest.clone();
        newest.sort_unstable();
        let (first, last) = (newest.first()?.clone(), newest.last()?.clone());
        if first.0 != last.0 || whole_keys {
            newest.iter_mut().for_each(|(_, sort)| sort.clear());
        }
        let (half, least) = (newest.len() / 2, newest[0].clone());
        let others = newest.into_iter().enumerate().filter(|(_, position)| *position > least);
        others.min_by_key(|(n, _)| n.abs_diff(half)).map(|(_, position)| position)
    }
}

impl Parameters {
    /// For how many seconds a partition keeps what it didn't take.
    fn seconds_kept(&self) -> f64 {
        if self.bursts_beyond_partition { self.burst_seconds.max(1.0) } else { 1.0 }
    }
}
