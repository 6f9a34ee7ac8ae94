//! What the tables and the index by size hold. A million items as documents would fill the memory, so these are texts.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};

use serde_json::{Value, json};
use spillway_contracts::partition::bucket_of;

use crate::capacity::parameters::{Index, Parameters};
use crate::capacity::units::{bytes, sort_bytes, text};
use crate::tables::Tables;
use crate::{BUCKET, OBJECT_TABLE};

/// The bytes of items that a page of a query has at most. [Developer guide: Paginating table query results]
const PAGE_BYTES: u64 = 1 << 20;

/// The row that an object has had all along, by its key.
pub type Rows = Box<dyn Fn(&str) -> Option<Value> + Send>;

pub struct Items {
    /// Makes the rows that objects have had all along: nobody keeps them.
    pub first: Rows,
    /// For how many seconds records of the history are kept: those of an hour would fill the memory.
    pub keeps_history: f64,
    rows: HashMap<String, Box<str>>,
    records: BTreeMap<(String, String), Packed>,
    /// The keys of the records that will be dropped, and when each was written.
    passing: VecDeque<(f64, (String, String))>,
    /// By size and key; nothing is kept of an object that is as it was all along.
    index: BTreeMap<(u64, String), Option<Packed>>,
    /// What the index will know, and when.
    coming: VecDeque<(f64, Change)>,
}

/// An item as it is sent, and how large DynamoDB takes it to be.
struct Packed {
    text: Box<str>,
    bytes: u64,
}

/// What the index loses and gets.
struct Change {
    gone: Option<(u64, String)>,
    new: Option<((u64, String), Packed)>,
}

/// A page of a query.
pub struct Page {
    /// The table or the index, and the keys of the first item, or of where it would be.
    pub space: &'static str,
    pub partition: String,
    pub sort: Vec<u8>,
    pub items: usize,
    pub bytes: u64,
    pub answer: String,
}

impl Packed {
    fn of(item: &Value) -> Self {
        Self { text: item.to_string().into(), bytes: bytes(item) }
    }
}

impl Default for Items {
    fn default() -> Self {
        Self {
            first: Box::new(|_| None),
            keeps_history: 0.0,
            rows: HashMap::new(),
            records: BTreeMap::new(),
            passing: VecDeque::new(),
            index: BTreeMap::new(),
            coming: VecDeque::new(),
        }
    }
}

impl Items {
    /// A row as it is now.
    pub fn row(&self, key: &str) -> Option<Value> {
        match self.rows.get(key) {
            Some(row) => Some(serde_json::from_str(row).unwrap()),
            None => (self.first)(key),
        }
    }

    /// The rows that were written.
    pub fn rows(&self) -> impl Iterator<Item = (&str, Value)> {
        self.rows.iter().map(|(key, row)| (key.as_str(), serde_json::from_str(row).unwrap()))
    }

    /// Some rows, as tables.
    pub fn tables<'a>(&self, keys: impl IntoIterator<Item = &'a str>) -> Tables {
        let mut tables = Tables::default();
        tables.objects.extend(keys.into_iter().filter_map(|key| Some((key.to_owned(), self.row(key)?))));
        tables
    }

    /// Has the index have had objects all along, with these sizes.
    pub fn index_first(&mut self, objects: impl Iterator<Item = (u64, String)>) {
        self.index.extend(objects.map(|key| (key, None)));
    }

    /// Writes an item at `now`, in seconds.
    pub fn write(&mut self, parameters: &Parameters, table: &str, item: &Value, now: f64) {
        if table != OBJECT_TABLE {
            let keys = (text(&item["bucket_name"]), text(&item["event_key"]));
            if bucket_of(&keys.0) == BUCKET {
                self.passing.push_back((now, keys.clone()));
            }
            self.records.insert(keys, Packed::of(item));
            while let Some((_, keys)) = self.passing.pop_front_if(|(at, _)| *at + self.keeps_history <= now) {
                self.records.remove(&keys);
            }
            return;
        }
        let key = text(&item["object_name"]);
        let before = self.row(&key);
        let (gone, new) = (before.as_ref().and_then(entry), entry(item));
        if gone != new {
            let place = |(size, _): &(u64, Value)| (*size, key.clone());
            let new = new.as_ref().map(|new| (place(new), Packed::of(&new.1)));
            let change = Change { gone: gone.as_ref().map(place), new };
            self.coming.push_back((now + parameters.index_lag.as_secs_f64(), change));
        }
        self.rows.insert(key, item.to_string().into());
    }

    /// A page of what a query asks for at `now`, in seconds.
    pub fn page(&mut self, request: &Value, now: f64) -> Page {
        match request["IndexName"].as_str() {
            None => self.records_page(request),
            Some("by-size") => self.index_page(request, now),
            Some(other) => panic!("nobody expected {other}"),
        }
    }

    fn records_page(&self, request: &Value) -> Page {
        let condition = request["KeyConditionExpression"].as_str().unwrap();
        let value = |name: &str| text(&request["ExpressionAttributeValues"][name]);
        let partition = value(":bucket");
        let at = |key: String| (partition.clone(), key);
        let low = match condition.strip_prefix("#bucket = :bucket AND #key ").unwrap() {
            "< :low" => {
                assert_eq!((&request["ScanIndexForward"], &request["Limit"]), (&json!(false), &json!(1)));
                let before = self.records.range((Included(at(String::new())), Excluded(at(value(":low")))));
                let newest = before.rev().take(1);
                return page(
                    "history",
                    &partition,
                    newest.map(|((_, key), item)| (key, item.bytes, item.text.clone())),
                    None,
                    |_| json!({}),
                    |key| key.clone().into_bytes(),
                );
            }
            "> :low" => Excluded(at(value(":low"))),
            ">= :low" => Included(at(value(":low"))),
            other => panic!("nobody expected the condition {other}"),
        };
        let low = match request.get("ExclusiveStartKey") {
            Some(start) => Excluded(at(text(&start["event_key"]))),
            None => low,
        };
        let records = self.records.range((low, Unbounded)).take_while(|((of, _), _)| *of == partition);
        let last = |key: &String| json!({ "bucket_name": { "S": partition }, "event_key": { "S": key } });
        page(
            "history",
            &partition,
            records.map(|((_, key), item)| (key, item.bytes, item.text.clone())),
            None,
            last,
            |key| key.clone().into_bytes(),
        )
    }

    fn index_page(&mut self, request: &Value, now: f64) -> Page {
        while let Some((_, change)) = self.coming.pop_front_if(|(at, _)| *at <= now) {
            change.gone.map(|gone| self.index.remove(&gone));
            self.index.extend(change.new.map(|(place, entry)| (place, Some(entry))));
        }
        assert_eq!(request["KeyConditionExpression"], "#bucket = :bucket AND #size > :nothing");
        assert_eq!(request["ScanIndexForward"], false);
        let end = match request.get("ExclusiveStartKey") {
            Some(start) => Excluded((text(&start["size"]).parse().unwrap(), text(&start["object_name"]))),
            None => Unbounded,
        };
        let found = self.index.range((Included((1, String::new())), end)).rev();
        let first = |key: &str| Packed::of(&entry(&(self.first)(key).unwrap()).unwrap().1);
        let found = found.map(|(place, item)| match item {
            Some(item) => (place, item.bytes, item.text.clone()),
            None => {
                let item = first(&place.1);
                (place, item.bytes, item.text)
            }
        });
        let last = |(size, key): &(u64, String)| json!({ "bucket_name": { "S": BUCKET }, "size": { "N": size.to_string() }, "object_name": { "S": key } });
        let sort = |(size, _): &(u64, String)| sort_bytes(&json!({ "N": size.to_string() }));
        page("by-size", BUCKET, found, request["Limit"].as_u64(), last, sort)
    }
}

/// What the index has of a row: its size, and the entry.
fn entry(row: &Value) -> Option<(u64, Value)> {
    let size = row.get("size")?["N"].as_str()?.parse().ok()?;
    Index::BY_SIZE.entry(row).map(|entry| (size, entry))
}

/// As many items as fit into a page.
fn page<'a, K: 'a>(
    space: &'static str,
    partition: &str,
    found: impl Iterator<Item = (&'a K, u64, Box<str>)>,
    limit: Option<u64>,
    last_key: impl Fn(&K) -> Value,
    sort: impl Fn(&K) -> Vec<u8>,
) -> Page {
    let (mut items, mut bytes, mut answer) = (0_u64, 0, String::from("{\"Items\":["));
    let (mut first, mut last) = (None, None);
    let mut found = found.peekable();
    while limit.is_none_or(|limit| items < limit)
        && bytes < PAGE_BYTES
        && let Some((key, size, text)) = found.next()
    {
        if items > 0 {
            answer.push(',');
        }
        answer.push_str(&text);
        first = first.or(Some(key));
        last = Some(key);
        items += 1;
        bytes += size;
    }
    answer.push(']');
    if let Some(last) = last.filter(|_| found.peek().is_some()) {
        answer.push_str(&format!(",\"LastEvaluatedKey\":{}", last_key(last)));
    }
    answer.push('}');
    let sort = first.map(sort).unwrap_or_default();
    Page { space, partition: partition.to_owned(), sort, items: items as usize, bytes, answer }
}
