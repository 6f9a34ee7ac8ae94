//! A bucket of any size, and what happens in it. Nothing of it is kept but what has changed since the beginning.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use spillway_contracts::partition::partition;
use spillway_contracts::{ObjectName, Sequencer};
use spillway_fake_aws::BUCKET;
use spillway_ledger::ObjectEvent;
use spillway_ledger::event::EventKind;
use spillway_ledger::fold::event_key;

/// What the bucket holds at the beginning, and what happens to it.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    pub objects: u64,
    pub events: Events,
    pub sizes: Sizes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events {
    /// Objects that were not there before.
    Creations,
    /// Objects that were there before, now with another size.
    Overwrites,
    /// A third each of creations, overwrites and deletions, of objects anywhere in the bucket.
    Mixed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// From a kilobyte to a gigabyte, with as many in each power of two.
    Spread,
    /// A megabyte.
    Equal,
}

/// An event on its way: enough to make all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Happened {
    /// Which event of the bucket it is, from 1.
    pub number: u64,
    object: u64,
    /// The new size in bytes; none if the object was deleted.
    size: Option<u64>,
}

/// The bucket itself.
#[derive(Debug)]
pub struct Bucket {
    workload: Workload,
    random: fastrand::Rng,
    happened: u64,
    /// What has happened to objects: their sizes, none of those that are gone.
    changed: HashMap<u64, Option<u64>>,
}

impl Bucket {
    pub fn new(workload: Workload) -> Self {
        Self { workload, random: fastrand::Rng::with_seed(7), happened: 0, changed: HashMap::new() }
    }

    /// Has something happen.
    pub fn happen(&mut self) -> Happened {
        self.happened += 1;
        let number = self.happened;
        let Workload { objects, events, .. } = self.workload;
        let object = match events {
            Events::Creations => objects + number,
            Events::Overwrites => self.random.u64(..objects),
            // Two of three are there at any moment.
            Events::Mixed => self.random.u64(..objects + objects / 2),
        };
        let is_there = self.size(object).is_some();
        let goes = events == Events::Mixed && is_there && self.random.bool();
        let size = (!goes).then(|| self.workload.size_of(object, number));
        self.changed.insert(object, size);
        Happened { number, object, size }
    }

    /// Whether there is an object with a key and an ETag. The error is S3's: a status and a code.
    pub fn look(&self, key: &str, condition: &str) -> Result<u64, (u16, &'static str)> {
        let object = number_of(key).filter(|object| self.size(*object).is_some()).ok_or((404, "NoSuchKey"))?;
        // What was created is as its creation left it.
        let first = self.workload.objects;
        match condition == etag(if object < first { object } else { object - first }) {
            true => Ok(object),
            false => Err((412, "PreconditionFailed")),
        }
    }

    /// Has somebody delete the object with a key, on condition of its ETag. The error is S3's, too.
    pub fn delete(&mut self, key: &str, condition: &str) -> Result<Happened, (u16, &'static str)> {
        let object = self.look(key, condition)?;
        self.happened += 1;
        self.changed.insert(object, None);
        Ok(Happened { number: self.happened, object, size: None })
    }

    fn size(&self, object: u64) -> Option<u64> {
        self.changed.get(&object).copied().unwrap_or_else(|| self.workload.first_size(object))
    }

    /// What has happened to objects: their keys, and their sizes now.
    pub fn changed(&self) -> impl Iterator<Item = (String, Option<u64>)> {
        self.changed.iter().map(|(object, size)| (key(*object), *size))
    }
}

impl Workload {
    /// The bytes of all objects at the beginning.
    pub fn first_total(&self) -> u64 {
        (0..self.objects).filter_map(|object| self.first_size(object)).sum()
    }

    /// The sizes and the keys of all objects at the beginning.
    pub fn first_objects(self) -> impl Iterator<Item = (u64, String)> {
        (0..self.objects).filter_map(move |object| Some((self.first_size(object)?, key(object))))
    }

    /// The row that an object has had from the beginning.
    pub fn first_row(&self, key: &str) -> Option<Value> {
        let object = number_of(key)?;
        let size = self.first_size(object)?;
        Some(json!({
            "object_name": { "S": key },
            "bucket_name": { "S": BUCKET },
            "size": { "N": size.to_string() },
            "etag": { "S": etag(object) },
            "size_delta": { "N": size.to_string() },
            "sequencer": { "S": "00" },
            "last_modified_ms": { "N": "1790000000000" },
            "updated_at": { "S": "2026-09-21T14:13:20Z" },
        }))
    }

    /// A record of the history about the first object, which says what the total was at a moment, and its key.
    pub fn first_record(&self, at: Timestamp) -> (String, Value) {
        let (event_key, (size, key)) = (event_key(at, 1), self.first_objects().next().unwrap());
        let record = json!({
            "bucket_name": { "S": partition(BUCKET, &event_key) },
            "event_key": { "S": event_key },
            "object_name": { "S": key },
            "event_type": { "S": "ObjectCreated:Put" },
            "size_delta": { "N": size.to_string() },
            "total_size": { "N": self.first_total().to_string() },
            "size": { "N": size.to_string() },
            "etag": { "S": etag(0) },
            "sequencer": { "S": "00" },
            "event_time": { "S": at.to_string() },
            "committed_at": { "S": at.to_string() },
        });
        (event_key, record)
    }

    /// The size that a row of the ledger had at the beginning.
    pub fn first_size_of(&self, key: &str) -> u64 {
        number_of(key).and_then(|object| self.first_size(object)).unwrap_or_default()
    }

    fn first_size(&self, object: u64) -> Option<u64> {
        (object < self.objects).then(|| self.size_of(object, 0))
    }

    fn size_of(&self, object: u64, number: u64) -> u64 {
        match self.sizes {
            Sizes::Equal => 1_000_000,
            Sizes::Spread => {
                let bits = mixed(object ^ mixed(number));
                let power = 10 + bits % 20;
                (1 << power) + (bits >> 32) % (1 << power)
            }
        }
    }
}

impl Happened {
    /// What the tracker reads of it.
    pub fn event(&self, at: Timestamp) -> ObjectEvent {
        let (kind, event_type) = match self.size {
            Some(size) => (EventKind::Created { size, etag: Some(etag(self.number)) }, "ObjectCreated:Put"),
            None => (EventKind::Deleted, "ObjectRemoved:Delete"),
        };
        ObjectEvent {
            bucket_name: BUCKET.into(),
            object_name: ObjectName::new(key(self.object)).unwrap(),
            kind,
            event_type: event_type.into(),
            sequencer: Sequencer::new(format!("{:018X}", 0x0067_0000_0000_0000 + self.number)).unwrap(),
            version_id: None,
            event_time: at,
        }
    }
}

fn key(object: u64) -> String {
    format!("data/{:08x}/{object:012}", mixed(object) as u32)
}

fn number_of(key: &str) -> Option<u64> {
    key.rsplit('/').next()?.parse().ok()
}

fn etag(number: u64) -> String {
    format!("{:016x}{:016x}", mixed(number), mixed(!number))
}

/// Spreads numbers over all numbers. [SplitMix64]
fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
