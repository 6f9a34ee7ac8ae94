//! Units by the size of what is written or read.

use serde_json::{Map, Value, json};

use crate::capacity::parameters::{Index, Parameters};

/// A write in an index: where, by partition key and sort key, and how many units.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexWrite {
    pub partition: String,
    pub sort: Vec<u8>,
    pub units: f64,
}

impl Parameters {
    /// The units of one write of an item that is not part of a transaction.
    pub fn write_units(&self, item: &Value) -> f64 {
        bytes(item).div_ceil(self.write_unit_bytes).max(1) as f64
    }

    /// The units of one consistent read of an item; of none if there is none, which costs as much as a small one.
    pub fn read_units(&self, item: Option<&Value>) -> f64 {
        item.map_or(0, bytes).div_ceil(self.read_unit_bytes).max(1) as f64
    }

    /// What an index has to write if `before` is replaced by `after`.
    pub fn index_writes(&self, index: &Index, before: Option<&Value>, after: &Value) -> Vec<IndexWrite> {
        let write = |entry: &Value, units: f64| IndexWrite {
            partition: text(&entry[index.keys[0]]),
            sort: sort_bytes(&entry[index.keys[1]]),
            units,
        };
        let (before, after) = (before.and_then(|item| index.entry(item)), index.entry(after));
        match (before, after) {
            (None, None) => vec![],
            (Some(gone), None) => vec![write(&gone, self.write_units(&gone))],
            (None, Some(new)) => vec![write(&new, self.write_units(&new))],
            (Some(old), Some(new)) if old == new => vec![],
            (Some(old), Some(new)) if index.keys.iter().all(|key| old[*key] == new[*key]) => {
                vec![write(&new, self.write_units(&new).max(self.write_units(&old)))]
            }
            (Some(old), Some(new)) => {
                vec![write(&old, self.write_units(&old)), write(&new, self.write_units(&new))]
            }
        }
    }
}

impl Index {
    /// What the index has of an item; nothing if the item lacks one of its keys.
    pub(crate) fn entry(&self, item: &Value) -> Option<Value> {
        if self.keys.iter().any(|key| item.get(*key).is_none()) {
            return None;
        }
        let names = self.keys.iter().chain(self.projected).chain(&["object_name"]);
        let attributes = names.filter_map(|name| Some(((*name).to_owned(), item.get(*name)?.clone())));
        Some(attributes.collect::<Map<_, _>>().into())
    }
}

/// The size of an item: names and values. [Developer guide: DynamoDB item sizes and formats]
pub fn bytes(item: &Value) -> u64 {
    let attributes = item.as_object().into_iter().flatten();
    attributes.map(|(name, value)| (name.len() + value_bytes(value)) as u64).sum()
}

fn value_bytes(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => text.len(),
        // Two digits a byte, and one more.
        ("N", Value::String(digits)) => digits.trim_start_matches('-').len().div_ceil(2) + 1,
        ("L", Value::Array(values)) => 3 + values.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        ("M", Value::Object(values)) => {
            3 + values.iter().map(|(name, value)| 1 + name.len() + value_bytes(value)).sum::<usize>()
        }
        ("NULL" | "BOOL", _) => 1,
        _ => panic!("nobody expected an attribute of type {kind}"),
    }
}

/// A key attribute as text.
pub fn text(attribute: &Value) -> String {
    let scalar = attribute["S"].as_str().or(attribute["N"].as_str());
    scalar.unwrap_or_else(|| panic!("{attribute} is no key")).to_owned()
}

/// A sort key such that bytes are ordered as keys are.
pub fn sort_bytes(attribute: &Value) -> Vec<u8> {
    match attribute["N"].as_str() {
        Some(number) => number.parse::<i64>().unwrap().wrapping_sub(i64::MIN).to_be_bytes().to_vec(),
        None => text(attribute).into_bytes(),
    }
}

/// A transaction's answer if it is cancelled: why, for each action.
pub fn cancelled(reasons: &[&str]) -> Value {
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let reasons: Vec<_> = reasons.iter().map(|code| json!({ "Code": code })).collect();
    json!({ "__type": kind, "Message": "Transaction cancelled", "CancellationReasons": reasons })
}
