//! What is being deleted already, or was, without the ledger knowing yet.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use spillway_contracts::audit::AuditedRow;
use spillway_contracts::ledger::{CleanerRow, CleaningObject, CleaningRecord};
use spillway_contracts::log_line::Outcome;
use spillway_contracts::{ObjectName, Sequencer};
use spillway_ledger::Row;
use spillway_ledger::fold::{TOMBSTONE_LIFE, key_time};
use spillway_ledger::view::View;

use crate::decide::Known;
use crate::looks::{LOOKS, pause};
use crate::plan::Sources;
use crate::{Error, Limits, delete};

/// The objects of cleanings whose deletions the ledger may not have recorded.
#[derive(Clone, Debug, Default)]
pub struct UnderWay {
    /// By name, with whether the object's row was still the one that was chosen when it was read.
    objects: BTreeMap<ObjectName, (CleaningObject, bool)>,
    pub records: Records,
}

/// The records that were read: their keys, and the objects of which no later one says something.
#[derive(Clone, Debug, Default)]
pub struct Records(BTreeMap<String, Vec<ObjectName>>);

/// The oldest record that has something of which the ledger doesn't know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oldest {
    pub event_key: String,
    /// How many records there are from that one on, at least.
    pub record_count: u64,
}

impl UnderWay {
    /// Those that the ledger has not recorded: in `view`, or without a view, when their rows were read.
    pub fn unrecorded(&self, view: Option<&View>) -> BTreeMap<ObjectName, CleaningObject> {
        let is_unrecorded = |object: &CleaningObject, row_is_old: bool| match view
            .and_then(|view| view.recently(&object.object_name))
        {
            Some(recent) => {
                recent.is_some_and(|candidate| is_the_same(object, &candidate.sequencer, candidate.etag.as_deref()))
            }
            None => row_is_old,
        };
        let objects = self.objects.iter().filter(|(_, (object, row_is_old))| is_unrecorded(object, *row_is_old));
        objects.map(|(name, (object, _))| (name.clone(), object.clone())).collect()
    }

    /// Each object, and whether its row was still the one that was chosen when it was read.
    pub fn rows(&self) -> impl Iterator<Item = (&CleaningObject, bool)> {
        self.objects.values().map(|(object, row_is_old)| (object, *row_is_old))
    }
}

impl Records {
    /// Those of these objects that keep the oldest records needed, a round at most, if the records have more objects than should be
    /// read for each decision. The newest half of as many is what is being deleted, or will be recorded any moment.
    pub fn stragglers(
        &self,
        unrecorded: &BTreeMap<ObjectName, CleaningObject>,
        limits: &Limits,
    ) -> BTreeSet<&ObjectName> {
        let count: usize = self.0.values().map(Vec::len).sum();
        if count <= limits.window {
            return BTreeSet::new();
        }
        let mut records: Vec<_> = self.0.iter().collect();
        records.sort_by_key(|(key, _)| version(key));
        let objects = records.into_iter().flat_map(|(_, names)| names);
        let old = objects.take(count - limits.window / 2);
        old.filter(|name| unrecorded.contains_key(*name)).take(limits.round).collect()
    }

    /// The oldest record that has one of these objects: those before it need not be read any more.
    pub fn oldest(&self, unrecorded: &BTreeMap<ObjectName, CleaningObject>) -> Option<Oldest> {
        let has_one = |names: &[ObjectName]| names.iter().any(|name| unrecorded.contains_key(name));
        let needed = || self.0.iter().filter(|(_, names)| has_one(names)).map(|(key, _)| key.as_str());
        let written = needed().filter_map(version).min()?;
        // All that were written since are read from there on, so all of them count. Cleanings that began later may have written
        // theirs earlier: the key may be that of no record.
        let later = || self.0.keys().filter(|key| version(key) >= Some(written));
        let begun_at = later().filter_map(|key| key.split('#').next()).min()?;
        let event_key = format!("{begun_at}#{written}");
        let record_count = later().count() as u64;
        Some(Oldest { event_key, record_count })
    }
}

/// Finds them by the records of cleanings, as far as `row` says that they still matter.
///
/// The rows of what was chosen since `known` was first read need not be read: `known` has what was recorded of them.
///
/// S3 is asked about each object whose invocation ended before it could say what became of it, or got no answer; and about
/// those that an audit has seen since.
pub async fn find(
    sources: &Sources<'_>,
    row: Option<&CleanerRow>,
    audited: Option<&AuditedRow>,
    now: Timestamp,
    known: Option<&Known>,
) -> Result<UnderWay, Error> {
    let Some(first) = row.and_then(|row| row.cleaning.as_deref()) else { return Ok(UnderWay::default()) };
    let (mut objects, mut in_doubt, mut by_record) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
    // The newest record is the last word.
    for record in records(sources, first, row.map_or(0, |row| row.record_count), now).await?.into_iter().rev() {
        let mut names = Vec::new();
        for object in record.objects {
            let Entry::Vacant(unheard) = objects.entry(object.object_name.clone()) else { continue };
            names.push(object.object_name.clone());
            // A request without an answer may still be on its way.
            let is_open = matches!(object.outcome, None | Some(Outcome::Failed));
            if is_open && now >= object.over_at {
                in_doubt.insert(object.object_name.clone());
            }
            unheard.insert(object);
        }
        by_record.insert(record.event_key, names);
    }
    ask(sources, &mut objects, |object| in_doubt.contains(&object.object_name)).await;
    let was_old = |object: &CleaningObject| known.and_then(|known| known.row_was_old(object));
    let unknown = objects.values().filter(|object| was_old(object).is_none());
    let rows = sources.store.rows(&unknown.map(|object| object.object_name.clone()).collect()).await?;
    let row_is_old = |object: &CleaningObject| {
        let is_in_row = || matches!(rows.get(&object.object_name), Some(Row::Live(row)) if is_the_same(object, &row.sequencer, row.etag.as_deref()));
        was_old(object).unwrap_or_else(is_in_row)
    };
    // It removed the rows of those that were gone. What has its row still may have been written again just as it was.
    let is_audited = |object: &CleaningObject| audited.is_some_and(|audited| audited.audited_at > object.over_at);
    ask(sources, &mut objects, |object| is_audited(object) && row_is_old(object)).await;
    let with_row = |(name, object): (ObjectName, CleaningObject)| {
        let row_is_old = row_is_old(&object);
        (name, (object, row_is_old))
    };
    Ok(UnderWay { objects: objects.into_iter().map(with_row).collect(), records: Records(by_record) })
}

/// Has S3 say whether those of the objects are still there that it is to be asked about, and drops what is not under way.
async fn ask(
    sources: &Sources<'_>,
    objects: &mut BTreeMap<ObjectName, CleaningObject>,
    whether: impl Fn(&CleaningObject) -> bool,
) {
    let asked = objects.values().filter(|object| whether(object)).cloned().collect();
    for (name, outcome) in delete::look_up(sources, asked).await {
        objects.entry(name).and_modify(|object| object.outcome = Some(outcome));
    }
    objects.retain(|_, object| is_under_way(object.outcome));
}

/// The records from `first` on, in the order in which they were written. There are `count` of them at least; a transaction
/// becomes visible record by record.
///
/// Cleanings that began later may have written theirs earlier. What was written before `first` has been taken over, and
/// must not pass for a record that can't be seen yet.
async fn records(sources: &Sources<'_>, first: &str, count: u64, now: Timestamp) -> Result<Vec<CleaningRecord>, Error> {
    for look in 0..LOOKS {
        if look > 0 {
            pause(look).await;
        }
        let mut records = sources.store.cleanings(first, |key| version(key) >= version(first)).await?;
        let may_have_expired = first < key_time(now - TOMBSTONE_LIFE).as_str();
        if records.len() as u64 >= count || may_have_expired {
            records.sort_by(|one, other| version(&one.event_key).cmp(&version(&other.event_key)));
            return Ok(records);
        }
    }
    Err(Error::Incoherent { looks: LOOKS })
}

/// The part of a record's key that says when it was written.
fn version(event_key: &str) -> Option<&str> {
    event_key.split('#').nth(1)
}

/// Whether a row is still that of the object that was chosen. An audit that corrects a row leaves its sequencer as it is.
fn is_the_same(object: &CleaningObject, sequencer: &Sequencer, etag: Option<&str>) -> bool {
    *sequencer == object.sequencer && (object.etag.is_none() || object.etag.as_deref() == etag)
}

/// Whether the ledger doesn't know yet that the object is gone, or was replaced.
pub fn is_under_way(outcome: Option<Outcome>) -> bool {
    match outcome {
        None | Some(Outcome::Deleted | Outcome::AlreadyGone | Outcome::Overwritten | Outcome::Failed) => true,
        Some(Outcome::Refused | Outcome::Kept | Outcome::DryRun) => false,
    }
}
