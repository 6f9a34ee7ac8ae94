//! Whether there is room for a request, and what it takes.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::OBJECT_TABLE;
use crate::capacity::items::Page;
use crate::capacity::parameters::Parameters;
use crate::capacity::partitions::{Kind, Partitions, Position, position};
use crate::capacity::units::{sort_bytes, text};
use crate::tables::Tables;

/// The partitions of both tables and of the indexes, and which items are being written.
#[derive(Debug)]
pub struct Capacity {
    pub parameters: Parameters,
    pub counts: Counts,
    spaces: BTreeMap<String, Partitions>,
    in_flight: HashSet<Item>,
    random: fastrand::Rng,
}

/// What was asked and taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    pub reads: u64,
    pub transactions: u64,
    /// Transactions that were cancelled because a condition failed or another one was at the same item.
    pub conflicts: u64,
    /// Transactions that were cancelled because a partition had no room, and reads that left keys over for the same reason.
    pub throttled: u64,
    pub read_units: f64,
    pub write_units: f64,
    /// Actions of transactions that met another one under way, by the item's key.
    pub met: BTreeMap<String, u64>,
}

/// A table and the keys of an item in it.
type Item = (String, String, String);

/// What a transaction will write.
#[derive(Debug)]
pub struct Begun {
    items: Vec<Item>,
    /// Of each item: its own, then those of the indexes.
    writes: Vec<Vec<Write>>,
}

/// One write of an item, at its place.
#[derive(Debug)]
struct Write {
    space: String,
    key: String,
    position: Position,
    units: f64,
}

impl Capacity {
    pub fn new(parameters: Parameters, seed: u64) -> Self {
        Self {
            parameters,
            counts: Counts::default(),
            spaces: BTreeMap::new(),
            in_flight: HashSet::new(),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// How many milliseconds a transaction takes of as many items, this time.
    pub fn transaction_milliseconds(&mut self, items: usize) -> f64 {
        self.parameters.transaction.milliseconds(items, self.random.f64())
    }

    /// How many milliseconds a read takes of as many items, this time.
    pub fn read_milliseconds(&mut self, items: usize) -> f64 {
        self.parameters.read.milliseconds(items, self.random.f64())
    }

    /// A part of a millisecond, for a clock that has none, becomes a whole one as often as it should.
    pub fn whole_milliseconds(&mut self, milliseconds: f64) -> u64 {
        (milliseconds + self.random.f64()) as u64
    }

    /// Prepares a transaction at `now`, in seconds, and takes its units; if it can't be, says why for each action.
    ///
    /// What is prepared is charged for, whatever comes of the transaction. The indexes hear of those that are committed.
    pub fn begin(&mut self, tables: &Tables, actions: &[Value], now: f64) -> Result<Begun, Vec<&'static str>> {
        self.counts.transactions += 1;
        let mut begun = Begun { items: Vec::new(), writes: Vec::new() };
        let mut reasons = Vec::new();
        for action in actions {
            let put = &action["Put"];
            let item = item(put);
            let writes = self.writes(tables, put);
            let reason = if self.in_flight.contains(&item) {
                *self.counts.met.entry(item.1.clone()).or_default() += 1;
                "TransactionConflict"
            } else if !tables.holds(put) {
                "ConditionalCheckFailed"
            } else if !self.have_room(&writes, now) {
                self.parameters.throttled
            } else {
                self.take(&writes[..1], self.parameters.cancelled_writes, now);
                "None"
            };
            reasons.push(reason);
            begun.items.push(item);
            begun.writes.push(writes);
        }
        let was = |code: &str| reasons.contains(&code);
        if was("TransactionConflict") || was("ConditionalCheckFailed") {
            self.counts.conflicts += 1;
            return Err(reasons);
        }
        if was(self.parameters.throttled) {
            self.counts.throttled += 1;
            return Err(reasons);
        }
        let left = self.parameters.transaction_writes - self.parameters.cancelled_writes;
        for writes in &begun.writes {
            self.take(&writes[..1], left, now);
            self.take(&writes[1..], 1.0, now);
        }
        self.in_flight.extend(begun.items.iter().cloned());
        Ok(begun)
    }

    /// Ends a transaction that was begun.
    pub fn end(&mut self, begun: &Begun) {
        for item in &begun.items {
            self.in_flight.remove(item);
        }
    }

    /// Reads items of ObjectTable at `now`, in seconds, and says of each whether there was room for it.
    pub fn read(&mut self, tables: &Tables, keys: &[String], is_consistent: bool, now: f64) -> Vec<bool> {
        self.counts.reads += 1;
        let Self { parameters, counts, spaces, .. } = self;
        let space = spaces.entry(OBJECT_TABLE.to_owned()).or_insert_with(|| Partitions::new(parameters));
        let mut was_read = Vec::new();
        for key in keys {
            let units = parameters.read_units(tables.objects.get(key)) * if is_consistent { 1.0 } else { 0.5 };
            let position = position(key, Vec::new());
            let has_room = space.has_room(parameters, Kind::Read, (key, &position), units, now);
            if has_room {
                space.take(parameters, Kind::Read, &position, units, now);
                counts.read_units += units;
            }
            was_read.push(has_room);
        }
        counts.throttled += u64::from(was_read.contains(&false));
        was_read
    }

    /// Reads a page of a query at `now`, in seconds, and says whether there was room for it.
    pub fn query(&mut self, page: &Page, is_consistent: bool, now: f64) -> bool {
        self.counts.reads += 1;
        let Self { parameters, counts, spaces, .. } = self;
        let space = spaces.entry(page.space.to_owned()).or_insert_with(|| Partitions::new(parameters));
        let units =
            page.bytes.div_ceil(parameters.read_unit_bytes).max(1) as f64 * if is_consistent { 1.0 } else { 0.5 };
        let position = position(&page.partition, page.sort.clone());
        let has_room = space.has_room(parameters, Kind::Read, (&page.partition, &position), units, now);
        match has_room {
            true => {
                space.take(parameters, Kind::Read, &position, units, now);
                counts.read_units += units;
            }
            false => counts.throttled += 1,
        }
        has_room
    }

    /// The partition key that was refused most, in which table or index, and how often.
    pub fn most_refused(&self) -> Option<(&str, &str, u64)> {
        let refused = self
            .spaces
            .iter()
            .flat_map(|(space, partitions)| partitions.refused().map(move |(key, times)| (space.as_str(), key, times)));
        refused.max_by_key(|(.., times)| *times)
    }

    /// How many partitions a table or an index has.
    pub fn partitions(&self, space: &str) -> usize {
        self.spaces.get(space).map_or(0, Partitions::count)
    }

    /// What a put of a transaction writes: itself first, then what the indexes make of it.
    fn writes(&self, tables: &Tables, put: &Value) -> Vec<Write> {
        let parameters = &self.parameters;
        let (item, (table, key, sort)) = (&put["Item"], item(put));
        let units = parameters.write_units(item);
        let position_of_item = position(&key, sort.into_bytes());
        let mut writes = vec![Write { space: table.clone(), key: key.clone(), position: position_of_item, units }];
        if table == OBJECT_TABLE {
            let before = tables.objects.get(&key);
            for index in &parameters.indexes {
                for write in parameters.index_writes(index, before, item) {
                    let position = position(&write.partition, write.sort);
                    let (space, key) = (index.name.to_owned(), write.partition);
                    writes.push(Write { space, key, position, units: write.units });
                }
            }
        }
        writes
    }

    fn have_room(&mut self, writes: &[Write], now: f64) -> bool {
        let Self { parameters, spaces, .. } = self;
        let mut have_room = true;
        for write in writes {
            let space = spaces.entry(write.space.clone()).or_insert_with(|| Partitions::new(parameters));
            have_room &= space.has_room(parameters, Kind::Write, (&write.key, &write.position), write.units, now);
        }
        have_room
    }

    fn take(&mut self, writes: &[Write], share: f64, now: f64) {
        let Self { parameters, spaces, counts, .. } = self;
        for write in writes {
            let space = spaces.entry(write.space.clone()).or_insert_with(|| Partitions::new(parameters));
            space.take(parameters, Kind::Write, &write.position, share * write.units, now);
            counts.write_units += share * write.units;
        }
    }
}

/// The table and the keys of what a put writes.
fn item(put: &Value) -> Item {
    let table = put["TableName"].as_str().unwrap().to_owned();
    let item = &put["Item"];
    if table == OBJECT_TABLE {
        return (table, text(&item["object_name"]), String::new());
    }
    let sort = String::from_utf8(sort_bytes(&item["event_key"])).unwrap();
    (table, text(&item["bucket_name"]), sort)
}
