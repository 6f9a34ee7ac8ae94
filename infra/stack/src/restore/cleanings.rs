//! What the cleaner deleted, by its records.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::{CleaningObject, CleaningRecord};
use spillway_contracts::log_line::Outcome;

use super::Content;

/// What cleanings chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// What they deleted, each object as it was the last time.
    pub wanted: BTreeMap<ObjectName, Content>,
    /// How many other objects they chose and left no word of: an invocation was cut off.
    pub open: usize,
}

/// What was chosen at or after this moment.
pub fn since(records: &[CleaningRecord], since: Timestamp) -> Chosen {
    let objects = records.iter().flat_map(|record| &record.objects);
    chosen(objects.filter(|object| object.chosen_at >= since))
}

/// What one cleaning chose, by the key of one of its records or by its invocation; `None` if there is no such cleaning.
pub fn of(records: &[CleaningRecord], id: &str) -> Option<Chosen> {
    let cleaning = records.iter().find(|record| record.event_key == id || record.cleaning_id == id)?;
    let records = records.iter().filter(|record| record.cleaning_id == cleaning.cleaning_id);
    Some(chosen(records.flat_map(CleaningRecord::own_objects)))
}

fn chosen<'a>(objects: impl Iterator<Item = &'a CleaningObject>) -> Chosen {
    let (mut wanted, mut open) = (BTreeMap::new(), BTreeSet::new());
    // Of two cleanings at a time, the one that began first may have chosen an object last.
    let mut objects: Vec<_> = objects.collect();
    objects.sort_by_key(|object| object.chosen_at);
    for object in objects {
        let name = object.object_name.clone();
        match object.outcome {
            Some(Outcome::Deleted) => {
                open.remove(&name);
                wanted.insert(name, Content { size: object.size, etag: object.etag.clone() });
            }
            None if !object.taken_over => {
                open.insert(name);
            }
            // The record that it was taken over from says as much, or more.
            None => {}
            Some(_) => {
                open.remove(&name);
            }
        }
    }
    open.retain(|name| !wanted.contains_key(name));
    Chosen { wanted, open: open.len() }
}

#[cfg(test)]
mod tests {
    use spillway_contracts::Sequencer;
    use spillway_contracts::ledger::CleaningsPartition;
    use spillway_contracts::log_line::Invoker;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Of objects by name, size, when they were chosen, and what became of them.
    fn record(id: &str, begun: i64, objects: &[(&str, u64, i64, Option<Outcome>)]) -> CleaningRecord {
        let object = |&(name, size, chosen, outcome): &(&str, u64, i64, Option<Outcome>)| CleaningObject {
            object_name: ObjectName::new(name).unwrap(),
            size,
            etag: Some(format!("etag of {size}")),
            sequencer: Sequencer::new("01").unwrap(),
            chosen_at: at(chosen),
            over_at: at(chosen + 120),
            outcome,
            taken_over: chosen < begun,
        };
        CleaningRecord {
            bucket_name: CleaningsPartition::Cleanings,
            event_key: format!("{begun}#1#0"),
            cleaning_id: id.into(),
            invoked_by: Invoker::Alarm,
            alarm_state_at: None,
            begun_at: at(begun),
            objects: objects.iter().map(object).collect(),
            expires_at: 0,
        }
    }

    #[track_caller]
    fn check(chosen: Chosen, wanted: &[(&str, u64)], open: usize) {
        let names = chosen.wanted.iter().map(|(name, content)| (name.as_str(), content.size));
        assert_eq!((names.collect::<Vec<_>>(), chosen.open), (wanted.to_vec(), open));
    }

    #[test]
    fn only_what_was_deleted_and_only_by_the_cleaning_that_is_meant() {
        let first = [
            ("a", 5, 11, Some(Outcome::Deleted)),
            ("overwritten", 4, 11, Some(Outcome::Overwritten)),
            ("gone", 4, 11, Some(Outcome::AlreadyGone)),
            ("cut off", 3, 12, None),
        ];
        // `a` was written again since; `cut off` is taken over, and nobody knows yet.
        let second =
            [("cut off", 3, 12, None), ("a", 7, 21, Some(Outcome::Deleted)), ("b", 2, 22, Some(Outcome::Deleted))];
        let records = [record("one", 10, &first), record("two", 20, &second)];
        check(of(&records, "one").unwrap(), &[("a", 5)], 1);
        check(of(&records, "10#1#0").unwrap(), &[("a", 5)], 1);
        check(of(&records, "two").unwrap(), &[("a", 7), ("b", 2)], 0);
        assert_eq!(of(&records, "three"), None);
        check(since(&records, at(11)), &[("a", 7), ("b", 2)], 1);
        check(since(&records, at(22)), &[("b", 2)], 0);
        check(since(&records, at(23)), &[], 0);
    }

    #[test]
    fn what_a_later_cleaning_found_out_is_not_open_any_more() {
        let records = [
            record("one", 10, &[("a", 5, 11, None), ("b", 5, 11, None)]),
            record("two", 20, &[("a", 5, 11, Some(Outcome::Deleted)), ("b", 5, 11, Some(Outcome::Kept))]),
        ];
        check(since(&records, at(0)), &[("a", 5)], 0);
    }

    #[test]
    fn what_was_taken_over_too_early_to_know_is_not_open() {
        let records =
            [record("one", 10, &[("a", 5, 11, Some(Outcome::Kept))]), record("two", 20, &[("a", 5, 11, None)])];
        check(since(&records, at(0)), &[], 0);
    }

    #[test]
    fn of_two_cleanings_at_a_time_the_one_that_chose_an_object_last_counts() {
        let deleted = |size, chosen| [("a", size, chosen, Some(Outcome::Deleted))];
        let records = [record("one", 10, &deleted(7, 30)), record("two", 20, &deleted(5, 21))];
        check(since(&records, at(0)), &[("a", 7)], 0);
    }
}
