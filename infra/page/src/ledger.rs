//! Items of the ledger's tables, read by their contracts.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use spillway_contracts::ledger::{CleaningRecord, HistoryRecord, ObjectRow, Tombstone, row_name};

use crate::record::{Dated, Document, Record};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// A record of an event; what can't be read is no news.
pub(crate) fn event(item: Item) -> Option<Record> {
    let document: HistoryRecord = serde_dynamo::from_item(item).ok()?;
    let (at, until) = (document.event_time.as_millisecond(), document.committed_at.as_millisecond());
    Some(Record::Event(Dated { id: document.event_key.clone(), at, until: Some(until), document }))
}

/// A record of a cleaning.
pub(crate) fn cleaning(item: Item) -> Option<Record> {
    let document: CleaningRecord = serde_dynamo::from_item(item).ok()?;
    let at = document.begun_at.as_millisecond();
    Some(Record::Cleaning(Dated { id: document.event_key.clone(), at, until: None, document }))
}

/// A row of an object, or of one that was deleted.
pub(crate) fn row(item: Item) -> Option<Record> {
    let is_live = item.contains_key("size");
    let (contract, key, sequencer, updated_at, document) = if is_live {
        let row: ObjectRow = serde_dynamo::from_item(item).ok()?;
        ("object-row", row.object_name.clone(), row.sequencer.clone(), row.updated_at, named(&row, &row.object_name)?)
    } else {
        let row: Tombstone = serde_dynamo::from_item(item).ok()?;
        ("tombstone", row.object_name.clone(), row.sequencer.clone(), row.updated_at, named(&row, &row.object_name)?)
    };
    let id = format!("{key}@{}/{contract}", sequencer.as_str());
    Some(Record::Row(Document { id, at: updated_at.as_millisecond(), contract: contract.to_owned(), document }))
}

/// The row as JSON with the object's name, which a row's key need not be.
fn named<T: serde::Serialize>(row: &T, key: &str) -> Option<Value> {
    let mut document = serde_json::to_value(row).ok()?;
    document["object_name"] = row_name(key)?.as_str().into();
    Some(document)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(example: &str) -> Item {
        serde_dynamo::to_item(serde_json::from_str::<Value>(example).unwrap()).unwrap()
    }

    #[test]
    fn an_event_lasts_until_the_ledger_has_it() {
        let example = include_str!("../../../contracts/examples/history-record/ok-deleted.json");
        let Some(Record::Event(event)) = event(item(example)) else { panic!() };
        assert_eq!((event.at, event.until), (1_795_421_800_756, Some(1_795_421_801_023)));
        assert_eq!(event.document.object_name.as_str(), "assignment2.txt");
    }

    #[test]
    fn a_cleaning_has_its_objects() {
        let example = include_str!("../../../contracts/examples/cleaning-record/ok-finished.json");
        let Some(Record::Cleaning(cleaning)) = cleaning(item(example)) else { panic!() };
        assert_eq!(cleaning.id, "2026-11-23T08:16:40.701Z#00000000000000000001#00000");
        assert_eq!(cleaning.document.objects[0].size, 28);
    }

    #[test]
    fn a_row_is_told_under_the_objects_name_and_the_ledgers_own_rows_are_not() {
        let example = include_str!("../../../contracts/examples/object-row/ok-named-like-the-state-row.json");
        let Some(Record::Row(row)) = row(item(example)) else { panic!() };
        assert_eq!((row.contract.as_str(), &row.document["object_name"]), ("object-row", &json!("__STATE__")));
        let example = include_str!("../../../contracts/examples/tombstone/ok-deleted.json");
        let Some(Record::Row(tombstone)) = super::row(item(example)) else { panic!() };
        assert_eq!(tombstone.contract, "tombstone");
        let state = include_str!("../../../contracts/examples/state-row/ok-after-the-run.json");
        assert_eq!(super::row(item(state)), None);
    }
}
