//! How the total should have moved, and how it did.

use std::collections::{BTreeMap, BTreeSet};

use spillway_contracts::ObjectName;
use spillway_contracts::ledger::HistoryRecord;
use spillway_contracts::task::CyclePlan;

/// Two timelines, in bytes, from the empty bucket on.
#[derive(Debug, PartialEq, Eq)]
pub struct Timelines {
    /// What the cycles lead through. Deletions of one cycle come in the order in which they were recorded.
    pub expected: Vec<u64>,
    /// What the history recorded.
    pub observed: Vec<u64>,
}

/// Both timelines of a run with these cycles, the history being that since its start.
pub fn compare(cycles: &[CyclePlan], history: &[HistoryRecord]) -> Timelines {
    let mut deletions = history.iter().filter(|record| record.is_deletion()).map(|record| &record.object_name);
    let mut sizes: BTreeMap<&ObjectName, u64> = BTreeMap::new();
    let mut expected = vec![0];
    for cycle in cycles {
        for upload in &cycle.upload {
            sizes.insert(&upload.object_name, upload.size_bytes.bytes());
            expected.push(sizes.values().sum());
        }
        let planned: Vec<&ObjectName> = cycle.expected_deletions.iter().collect();
        let recorded: Vec<&ObjectName> = deletions.by_ref().take(planned.len()).collect();
        let is_same = recorded.iter().collect::<BTreeSet<_>>() == planned.iter().collect();
        for object_name in if is_same { recorded } else { planned } {
            sizes.remove(object_name);
            expected.push(sizes.values().sum());
        }
    }
    let observed = [0].into_iter().chain(history.iter().map(|record| record.total_size)).collect();
    Timelines { expected, observed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The history is told by names, `-` before those that are deleted, and by totals.
    #[track_caller]
    fn check(cycles: Value, history: &[(&str, u64)], expect: &[u64]) {
        let cycles: Vec<CyclePlan> = serde_json::from_value(cycles).unwrap();
        let record = |&(name, total_size): &(&str, u64)| -> HistoryRecord {
            let deleted = name.strip_prefix('-');
            serde_json::from_value(json!({
                "bucket_name": "b", "event_key": "k", "object_name": deleted.unwrap_or(name), "size_delta": 0,
                "event_type": if deleted.is_some() { "ObjectRemoved:Delete" } else { "ObjectCreated:Put" },
                "total_size": total_size, "sequencer": "0A", "event_time": "2026-08-01T10:00:00Z",
                "committed_at": "2026-08-01T10:00:01Z",
            }))
            .unwrap()
        };
        let history: Vec<_> = history.iter().map(record).collect();
        let timelines = compare(&cycles, &history);
        assert_eq!(timelines.expected, expect);
        let observed: Vec<_> = [0].into_iter().chain(history.iter().map(|record| record.total_size)).collect();
        assert_eq!(timelines.observed, observed);
    }

    fn cycles() -> Value {
        let upload = |name: &str, size: u64| json!({ "object_name": name, "size_bytes": size });
        json!([
            { "number": 1, "upload": [upload("a", 15), upload("b", 16), upload("c", 17)],
              "expected_deletions": ["c", "b"], "expected_total_size": 15 },
            { "number": 2, "upload": [upload("d", 9)], "expected_deletions": ["a"], "expected_total_size": 9 },
        ])
    }

    #[test]
    fn deletions_of_one_cycle_count_in_the_order_in_which_they_were_recorded() {
        let history = |deletions: [(&'static str, u64); 2]| {
            let mut history = vec![("a", 15), ("b", 31), ("c", 48)];
            history.extend(deletions);
            history.extend([("d", 24), ("-a", 9)]);
            history
        };
        check(cycles(), &history([("-c", 31), ("-b", 15)]), &[0, 15, 31, 48, 31, 15, 24, 9]);
        check(cycles(), &history([("-b", 32), ("-c", 15)]), &[0, 15, 31, 48, 32, 15, 24, 9]);
    }

    #[test]
    fn another_deletion_than_those_of_the_cycle_changes_nothing_of_what_is_expected() {
        let history = [("a", 15), ("b", 31), ("c", 48), ("-a", 33), ("-b", 17), ("d", 26), ("-c", 9)];
        check(cycles(), &history, &[0, 15, 31, 48, 31, 15, 24, 9]);
    }

    #[test]
    fn what_happens_after_the_last_deletion_is_observed() {
        let cycle = json!([{ "number": 1, "upload": [{ "object_name": "a", "size_bytes": 5 }], "expected_deletions": [],
            "expected_total_size": 5 }]);
        check(cycle.clone(), &[("a", 5)], &[0, 5]);
        check(cycle, &[("a", 5), ("stranger", 6), ("-stranger", 5)], &[0, 5]);
    }
}
