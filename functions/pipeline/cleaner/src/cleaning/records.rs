//! What a cleaning writes down: `__CLEANER__`, and the records of what it deletes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use spillway_contracts::ledger::{CleanerKey, CleanerRow, CleaningObject, CleaningRecord, CleaningsPartition};
use spillway_ledger::choice::Candidate;
use spillway_ledger::fold::{TOMBSTONE_LIFE, key_time};

use super::Cleaning;
use crate::decide::Decision;

impl Cleaning<'_> {
    /// The row and the records that have to be written before anything is deleted.
    pub(super) fn record_of(
        &self,
        row: Option<&CleanerRow>,
        decision: &Decision,
        now: Timestamp,
    ) -> (CleanerRow, Vec<CleaningRecord>) {
        let mut next = self.next(row, now);
        let own = self.key(next.version, self.records);
        let (limits, under_way) = (&self.deps.limits, &decision.under_way);
        // What is taken over is written down again, so that the records that have it need not be read any more: all of it in the
        // beginning, if that is little enough, and later what keeps too many records needed.
        let taken_over = match self.records == 0 && under_way.len() <= limits.round {
            true => under_way.keys().collect(),
            false => decision.records.stragglers(under_way, limits),
        };
        let (taken_over, left): (BTreeMap<_, _>, BTreeMap<_, _>) =
            under_way.clone().into_iter().partition(|(name, _)| taken_over.contains(name));
        (next.cleaning, next.record_count) = match decision.records.oldest(&left) {
            Some(oldest) => (Some(earlier(&oldest.event_key, &own)), oldest.record_count),
            None => (Some(own), 0),
        };
        let mut objects: Vec<_> =
            taken_over.into_values().map(|object| CleaningObject { taken_over: true, ..object }).collect();
        objects.extend(decision.choice.delete.iter().map(|candidate| self.chosen(candidate, now)));
        next.unfinished = true;
        let keys = (self.records..).map(|record| self.key(next.version, record));
        let records: Vec<_> =
            keys.zip(objects.chunks(self.deps.limits.record)).map(|(key, objects)| self.record(key, objects)).collect();
        next.record_count += records.len() as u64;
        (next, records)
    }

    /// The row as this invocation writes it next, if nothing else changes.
    pub(super) fn next(&self, row: Option<&CleanerRow>, now: Timestamp) -> CleanerRow {
        CleanerRow {
            object_name: CleanerKey::Cleaner,
            version: row.map_or(0, |row| row.version) + 1,
            cleaning: row.and_then(|row| row.cleaning.clone()),
            record_count: row.map_or(0, |row| row.record_count),
            unfinished: row.is_some_and(|row| row.unfinished),
            over_since: row.and_then(|row| row.over_since),
            updated_at: now,
        }
    }

    fn record(&self, event_key: String, objects: &[CleaningObject]) -> CleaningRecord {
        CleaningRecord {
            bucket_name: CleaningsPartition::Cleanings,
            event_key,
            cleaning_id: self.cleaning_id.clone(),
            invoked_by: self.invocation.invoker(),
            alarm_state_at: self.invocation.alarm_state_at().map(str::to_owned),
            begun_at: self.begun_at,
            objects: objects.to_vec(),
            expires_at: (self.begun_at + TOMBSTONE_LIFE).as_second(),
        }
    }

    fn key(&self, version: u64, record: usize) -> String {
        format!("{}#{version:020}#{record:05}", key_time(self.begun_at))
    }

    fn chosen(&self, candidate: &Candidate, now: Timestamp) -> CleaningObject {
        CleaningObject {
            object_name: candidate.object_name.clone(),
            size: candidate.size,
            etag: candidate.etag.clone(),
            sequencer: candidate.sequencer.clone(),
            chosen_at: now,
            over_at: self.over_at,
            outcome: None,
            taken_over: false,
        }
    }
}

/// A key that neither the records from `first` on come before, nor `own`, which was written later. It may be the key of no
/// record.
fn earlier(first: &str, own: &str) -> String {
    match (first.split_once('#'), own.split_once('#')) {
        (Some((_, written)), Some((begun_at, _))) if own < first => format!("{begun_at}#{written}"),
        _ => first.to_owned(),
    }
}

/// The version that the row must have had.
pub(super) fn previous(row: &CleanerRow) -> Option<u64> {
    (row.version > 1).then(|| row.version - 1)
}
