//! What the history says about a cycle.

use jiff::Timestamp;
use spillway_contracts::ObjectName;
use spillway_contracts::failure::list;
use spillway_contracts::ledger::HistoryRecord;
use spillway_contracts::report::Deletion;
use spillway_contracts::task::{WaitForDeletionRequest, WaitForDeletionResponse};

use crate::Error;

/// How many names a message tells.
const MOST_NAMED: usize = 10;

/// Judges the history since the cycle began: done, not yet, another deletion than expected, or too late.
pub fn judge(
    request: &WaitForDeletionRequest,
    history: &[HistoryRecord],
    now: Timestamp,
) -> Result<WaitForDeletionResponse, Error> {
    let cycle = &request.cycle;
    let deleted: Vec<Deletion> = history.iter().filter(|record| record.is_deletion()).map(deletion).collect();
    let names = || deleted.iter().map(|deletion| &deletion.object_name);
    // S3 gives the events of different objects no order, so the ledger may record them in any.
    let mut missing: Vec<&ObjectName> = cycle.expected_deletions.iter().collect();
    let mut is_expected = |name| missing.iter().position(|it| *it == name).map(|at| missing.swap_remove(at)).is_some();
    if !names().all(&mut is_expected) {
        let (expected, seen) = (list(MOST_NAMED, &cycle.expected_deletions), list(MOST_NAMED, names()));
        return Err(Error::Unexpected { cycle: cycle.number, expected, seen });
    }
    let total_size = history.last().map_or(0, |record| record.total_size);
    let done = missing.is_empty() && total_size == cycle.expected_total_size;
    if !done && now >= request.deadline {
        return Err(Error::Deadline {
            cycle: cycle.number,
            deadline: request.deadline,
            expected: list(MOST_NAMED, &cycle.expected_deletions),
            expected_total_size: cycle.expected_total_size,
            seen: list(MOST_NAMED, names()),
            total_size,
        });
    }
    Ok(WaitForDeletionResponse {
        done,
        deleted,
        observed_totals: history.iter().map(|record| record.total_size).collect(),
        settled_at: history.last().map(|record| record.committed_at),
    })
}

fn deletion(record: &HistoryRecord) -> Deletion {
    Deletion {
        object_name: record.object_name.clone(),
        size_delta: record.size_delta,
        total_size: record.total_size,
        deleted_at: record.event_time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(event_type: &str, name: &str, total_size: u64) -> HistoryRecord {
        serde_json::from_value(json!({
            "bucket_name": "b", "event_key": "k", "object_name": name, "event_type": event_type, "size_delta": 0,
            "total_size": total_size, "sequencer": "0A", "event_time": "2026-08-01T10:00:00Z",
            "committed_at": "2026-08-01T10:00:01Z",
        }))
        .unwrap()
    }

    #[track_caller]
    fn check(expected: &[&str], deletions: &[(&str, u64)], now: &str, expect: Result<bool, &str>) {
        let request: WaitForDeletionRequest = serde_json::from_value(json!({
            "run_id": "r", "after_event_key": "", "deadline": "2026-08-01T10:15:00Z",
            "cycle": { "number": 1, "upload": [], "expected_deletions": expected, "expected_total_size": 18 },
        }))
        .unwrap();
        let mut history = vec![record("ObjectCreated:Put", "new", 46)];
        history.extend(deletions.iter().map(|(name, total)| record("ObjectRemoved:Delete", name, *total)));
        let judged = judge(&request, &history, now.parse().unwrap());
        let done = judged.map(|response| response.done).map_err(|error| error.to_string());
        assert_eq!(done, expect.map_err(str::to_owned));
    }

    #[test]
    fn done_when_all_expected_objects_are_gone_and_the_total_fits() {
        let now = "2026-08-01T10:00:10Z";
        check(&["a"], &[], now, Ok(false));
        check(&["a"], &[("a", 18)], now, Ok(true));
        check(&["a", "b"], &[("a", 30)], now, Ok(false));
        check(&["a", "b"], &[("a", 30), ("b", 18)], now, Ok(true));
        check(&["a"], &[("a", 18)], "2026-08-01T11:00:00Z", Ok(true));
    }

    #[test]
    fn another_deletion_than_expected_ends_the_wait_at_once() {
        let now = "2026-08-01T10:00:10Z";
        check(&["a"], &[("b", 18)], now, Err("cycle 1 expects a to be deleted, but the history shows b"));
        check(&[], &[("b", 18)], now, Err("cycle 1 expects nothing to be deleted, but the history shows b"));
        check(&["a"], &[("a", 18), ("b", 0)], now, Err("cycle 1 expects a to be deleted, but the history shows a, b"));
        check(&["a"], &[("a", 18), ("a", 0)], now, Err("cycle 1 expects a to be deleted, but the history shows a, a"));
    }

    #[test]
    fn deletions_of_one_cycle_may_be_recorded_in_any_order() {
        let now = "2026-08-01T10:00:10Z";
        check(&["a", "b"], &[("b", 30)], now, Ok(false));
        check(&["a", "b"], &[("b", 30), ("a", 18)], now, Ok(true));
        let cause = "cycle 1 expects a, b to be deleted, but the history shows b, c";
        check(&["a", "b"], &[("b", 30), ("c", 18)], now, Err(cause));
    }

    #[test]
    fn a_message_names_the_first_objects() {
        let names: Vec<String> = (10..22).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let cause =
            "cycle 1 expects 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 and 2 more to be deleted, but the history shows z";
        check(&names, &[("z", 18)], "2026-08-01T10:00:10Z", Err(cause));
    }

    #[test]
    fn the_deadline_says_what_was_seen() {
        check(
            &["a"],
            &[],
            "2026-08-01T10:15:00Z",
            Err("by 2026-08-01T10:15:00Z cycle 1 should have seen a deleted and the total at 18 bytes, \
                 but the history shows nothing deleted and the total at 46"),
        );
    }
}
