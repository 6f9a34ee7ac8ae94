//! Who deleted what the history says is deleted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::{CleaningObject, CleaningRecord, HistoryRecord};
use spillway_contracts::log_line::{Invoker, Outcome};
use spillway_contracts::report::Cleaning;
use spillway_contracts::task::CyclePlan;

/// A deletion that the alarm did not bring about.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the alarm should have had {object_name} deleted in cycle {cycle}, but {seen}; see whether the alarm goes off and may \
     invoke the cleaner"
)]
pub struct NotByAlarm {
    object_name: ObjectName,
    cycle: u32,
    seen: &'static str,
}

/// The cleanings that made the history's deletions, in order; an error at the first deletion that the alarm did not cause.
pub fn of_run(
    cycles: &[CyclePlan],
    history: &[HistoryRecord],
    records: &[CleaningRecord],
) -> Result<Vec<Cleaning>, NotByAlarm> {
    let mut numbers = cycles.iter().flat_map(|cycle| cycle.expected_deletions.iter().map(|_| cycle.number));
    let mut live = BTreeMap::new();
    let mut cleanings: Vec<(&str, Cleaning)> = Vec::new();
    for record in history {
        let object_name = &record.object_name;
        if !record.is_deletion() {
            live.insert(object_name, &record.sequencer);
            continue;
        }
        let cycle = numbers.next().unwrap_or_else(|| cycles.last().map_or(0, |cycle| cycle.number));
        let sequencer = live.remove(object_name);
        let is_it =
            |object: &CleaningObject| object.object_name == *object_name && Some(&object.sequencer) == sequencer;
        let not_by_alarm = |seen| NotByAlarm { object_name: object_name.clone(), cycle, seen };
        let cause =
            cause(records, is_it).ok_or_else(|| not_by_alarm("there is no record of a cleaning that deleted it"))?;
        if cause.invoked_by != Invoker::Alarm {
            return Err(not_by_alarm("the cleaner deleted it when the schedule invoked it"));
        }
        match cleanings.last_mut() {
            Some((id, cleaning)) if *id == cause.cleaning_id && cleaning.cycle == cycle => {
                cleaning.deleted.push(object_name.clone());
            }
            _ => cleanings.push((&cause.cleaning_id, cleaning(cause, cycle, object_name))),
        }
    }
    Ok(cleanings.into_iter().map(|(_, cleaning)| cleaning).collect())
}

/// The record of the cleaning that deleted an object: of those that chose it the first, unless another one knows that it was
/// deleted.
fn cause(records: &[CleaningRecord], is_it: impl Fn(&CleaningObject) -> bool) -> Option<&CleaningRecord> {
    let could_have = |outcome| {
        matches!(outcome, None | Some(Outcome::Deleted | Outcome::AlreadyGone | Outcome::Failed | Outcome::Kept))
    };
    let named = records.iter().flat_map(|record| record.own_objects().map(move |object| (record, object)));
    let causes = named.filter(|(_, object)| is_it(object) && could_have(object.outcome));
    causes.min_by_key(|(_, object)| object.outcome != Some(Outcome::Deleted)).map(|(record, _)| record)
}

fn cleaning(record: &CleaningRecord, cycle: u32, object_name: &ObjectName) -> Cleaning {
    Cleaning {
        cycle,
        invoked_by: record.invoked_by,
        alarm_at: record.alarm_state_at.as_deref().and_then(alarm_time),
        begun_at: record.begun_at,
        deleted: vec![object_name.clone()],
    }
}

/// CloudWatch writes an alarm's times like `2023-08-04T12:36:15.490+0000`.
fn alarm_time(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn history() -> Vec<HistoryRecord> {
        let record = |event_type: &str, sequencer: &str| {
            json!({
                "bucket_name": "b", "event_key": "k", "object_name": "a", "event_type": event_type, "size_delta": 0,
                "total_size": 0, "sequencer": sequencer, "event_time": "2026-08-01T10:00:00Z",
                "committed_at": "2026-08-01T10:00:01Z",
            })
        };
        let records = [record("ObjectCreated:Put", "0A"), record("ObjectRemoved:Delete", "0B")];
        serde_json::from_value(records.as_slice().into()).unwrap()
    }

    fn record(number: u32, invoked_by: &str, sequencer: &str, outcome: Value) -> Value {
        json!({
            "bucket_name": "__CLEANINGS__", "event_key": number.to_string(), "cleaning_id": number.to_string(),
            "invoked_by": invoked_by, "begun_at": "2026-08-01T10:01:01Z",
            "alarm_state_at": (invoked_by == "alarm").then_some("2026-08-01T10:01:00.250+0000"), "expires_at": 0,
            "objects": [{ "object_name": "a", "size": 28, "etag": null, "sequencer": sequencer,
                "chosen_at": "2026-08-01T10:01:02Z", "over_at": "2026-08-01T10:03:00Z",
                "outcome": outcome }],
        })
    }

    #[track_caller]
    fn check(records: &[Value], expect: Result<(), &'static str>) {
        let cycles: Vec<CyclePlan> = serde_json::from_value(json!([
            { "number": 1, "upload": [], "expected_deletions": [], "expected_total_size": 0 },
            { "number": 2, "upload": [], "expected_deletions": ["a"], "expected_total_size": 0 },
        ]))
        .unwrap();
        let object_name = ObjectName::new("a").unwrap();
        let cleaning = Cleaning {
            cycle: 2,
            invoked_by: Invoker::Alarm,
            alarm_at: Some("2026-08-01T10:01:00.250Z".parse().unwrap()),
            begun_at: "2026-08-01T10:01:01Z".parse().unwrap(),
            deleted: vec![object_name.clone()],
        };
        let records: Vec<_> = records.iter().map(|record| serde_json::from_value(record.clone()).unwrap()).collect();
        let expect = expect.map(|()| vec![cleaning]).map_err(|seen| NotByAlarm { object_name, cycle: 2, seen });
        assert_eq!(of_run(&cycles, &history(), &records), expect);
    }

    const NOBODY: &str = "there is no record of a cleaning that deleted it";
    const SCHEDULE: &str = "the cleaner deleted it when the schedule invoked it";

    #[test]
    fn a_deletion_that_the_alarm_caused_is_told_with_the_time_of_the_alarm() {
        check(&[record(1, "alarm", "0A", json!("Deleted"))], Ok(()));
        check(&[record(1, "alarm", "0A", json!(null))], Ok(()));
    }

    #[test]
    fn a_deletion_by_the_schedule_or_by_nobody_is_not_the_alarms() {
        check(&[record(1, "schedule", "0A", json!("Deleted"))], Err(SCHEDULE));
        check(&[], Err(NOBODY));
        check(&[record(1, "alarm", "0A", json!("Overwritten"))], Err(NOBODY));
        // An earlier object of the same name.
        check(&[record(1, "alarm", "09", json!("Deleted"))], Err(NOBODY));
    }

    #[test]
    fn what_a_later_cleaning_takes_over_is_the_first_ones() {
        let [alarm, schedule] = ["alarm", "schedule"];
        check(&[record(1, alarm, "0A", json!(null)), record(2, schedule, "0A", json!(null))], Ok(()));
        check(&[record(1, alarm, "0A", json!("Failed")), record(2, schedule, "0A", json!("Deleted"))], Err(SCHEDULE));
        check(&[record(1, schedule, "0A", json!(null)), record(2, alarm, "0A", json!(null))], Err(SCHEDULE));
    }
}
