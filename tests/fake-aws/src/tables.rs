//! The ledger's two tables: what DynamoDB documents of the requests that Spillway sends.
//!
//! It panics at what it doesn't understand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::capacity::Index;
use crate::{HISTORY_TABLE, OBJECT_TABLE};

#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Rows of ObjectTable, by their keys.
    pub objects: BTreeMap<String, Value>,
    /// Records of HistoryTable, by partition and sort key.
    pub history: BTreeMap<(String, String), Value>,
    /// What the indexes know.
    index: BTreeMap<String, Value>,
    /// The keys of the records of the newest transaction that had any, and when it was, in milliseconds.
    newest: (Vec<(String, String)>, i64),
    /// What it will know, and from when on, in milliseconds.
    coming: Vec<(i64, String, Option<Value>)>,
    /// The rows that the newest transaction has replaced.
    replaced: BTreeMap<String, Option<Value>>,
}

/// What DynamoDB does with a request that it may also do otherwise.
#[derive(Clone, Debug, Default)]
pub struct Whims {
    /// How many milliseconds the index takes to know of a write.
    pub index_lag: i64,
    /// Why a transaction is cancelled though its conditions hold: a code such as `ThrottlingError`.
    pub cancelled: Option<&'static str>,
    /// How many keys of a BatchGetItem are left unprocessed; one is processed at least.
    pub unprocessed: usize,
    /// Where they begin among all keys. After the last key comes the first one again.
    pub unprocessed_from: usize,
    /// How many items a page of a query has at most.
    pub page: Option<usize>,
    /// Objects that the index doesn't know, whatever the time.
    pub hidden: BTreeSet<String>,
    /// Which record of the newest transaction queries don't show yet, as if it became visible record by record.
    pub invisible: Option<usize>,
    /// Whether the conditions of transactions are not checked.
    pub unconditional: bool,
    /// Whether reads that need not be consistent lack the newest transaction.
    pub stale: bool,
}

impl Tables {
    /// What DynamoDB answers to a request at `now`, in milliseconds: a status and a document.
    pub fn answer(&mut self, operation: &str, request: &Value, now: i64, whims: &Whims) -> (u16, Value) {
        self.coming.sort_by_key(|(at, ..)| *at);
        while let Some((_, key, row)) = self.coming.first().filter(|(at, ..)| *at <= now).cloned() {
            self.coming.remove(0);
            match row {
                Some(row) => self.index.insert(key, row),
                None => self.index.remove(&key),
            };
        }
        match operation {
            "BatchGetItem" => (200, self.batch_get(request, whims)),
            "GetItem" => (200, self.get(request)),
            "TransactWriteItems" => self.transact(request, now, whims),
            "PutItem" => self.put(request),
            "Query" => (200, self.query(request, whims)),
            "Scan" => (200, self.scan(request, whims)),
            other => panic!("nobody expected {other}"),
        }
    }

    /// Drops what has expired at `now`, in milliseconds.
    pub fn expire(&mut self, now: i64) {
        let lives =
            |item: &Value| item["expires_at"]["N"].as_str().is_none_or(|at| at.parse::<i64>().unwrap() * 1000 > now);
        self.objects.retain(|_, row| lives(row));
        self.history.retain(|_, record| lives(record));
    }

    /// Puts a record into HistoryTable as it is; gives its keys.
    pub fn put_record(&mut self, record: Value) -> (String, String) {
        let key = |name: &str| record[name]["S"].as_str().unwrap().to_owned();
        let keys = (key("bucket_name"), key("event_key"));
        self.history.insert(keys.clone(), record);
        keys
    }

    /// The rows of ObjectTable, and what the indexes know of them.
    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        let coming = self.coming.iter_mut().filter_map(|(_, _, row)| row.as_mut());
        self.objects.values_mut().chain(self.index.values_mut()).chain(coming)
    }

    /// When the newest transaction that had records was, in milliseconds.
    pub fn newest_at(&self) -> i64 {
        self.newest.1
    }

    fn get(&self, request: &Value) -> Value {
        let item = self.objects.get(request["Key"]["object_name"]["S"].as_str().unwrap());
        item.map_or_else(|| json!({}), |item| json!({ "Item": item }))
    }

    fn batch_get(&self, request: &Value, whims: &Whims) -> Value {
        let wanted = &request["RequestItems"][OBJECT_TABLE];
        let mut keys = wanted["Keys"].as_array().unwrap().clone();
        assert!(keys.len() <= 100, "{} keys in one BatchGetItem", keys.len());
        let is_stale = whims.stale && wanted["ConsistentRead"] != true;
        let row = |key: &str| match self.replaced.get(key).filter(|_| is_stale) {
            Some(replaced) => replaced.as_ref(),
            None => self.objects.get(key),
        };
        let count = keys.len();
        keys.rotate_left(whims.unprocessed_from % count);
        let (later, now) = keys.split_at(whims.unprocessed.min(count - 1));
        let items = now.iter().filter_map(|key| row(key["object_name"]["S"].as_str().unwrap()));
        let mut answer = json!({ "Responses": { OBJECT_TABLE: items.collect::<Vec<_>>() }, "UnprocessedKeys": {} });
        if !later.is_empty() {
            answer["UnprocessedKeys"] =
                json!({ OBJECT_TABLE: { "Keys": later, "ConsistentRead": wanted["ConsistentRead"] } });
        }
        answer
    }

    /// All or nothing, as DynamoDB does it.
    fn transact(&mut self, request: &Value, now: i64, whims: &Whims) -> (u16, Value) {
        let actions = request["TransactItems"].as_array().unwrap();
        assert!(actions.len() <= 100, "{} actions in one transaction", actions.len());
        let reason = |action: &Value| match whims.cancelled {
            _ if !whims.unconditional && !self.holds(&action["Put"]) => "ConditionalCheckFailed",
            Some(code) => code,
            None => "None",
        };
        let reasons: Vec<&str> = actions.iter().map(reason).collect();
        if reasons.iter().any(|reason| *reason != "None") {
            let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
            let reasons: Vec<_> = reasons.iter().map(|code| json!({ "Code": code })).collect();
            return (
                400,
                json!({ "__type": kind, "Message": "Transaction cancelled", "CancellationReasons": reasons }),
            );
        }
        let mut records = Vec::new();
        self.replaced.clear();
        for action in actions {
            let item = &action["Put"]["Item"];
            if action["Put"]["TableName"] == OBJECT_TABLE {
                let key = item["object_name"]["S"].as_str().unwrap().to_owned();
                let indexed = Some(item.clone()).filter(|item| item.get("size").is_some());
                self.coming.push((now + whims.index_lag, key.clone(), indexed));
                let replaced = self.objects.insert(key.clone(), item.clone());
                self.replaced.insert(key, replaced);
            } else {
                records.push(self.put_record(item.clone()));
            }
        }
        if !records.is_empty() {
            self.newest = (records, now);
        }
        (200, json!({}))
    }

    /// One item that the index doesn't know: under the condition that it isn't there yet, or under none.
    fn put(&mut self, request: &Value) -> (u16, Value) {
        let item = &request["Item"];
        if request["TableName"] == OBJECT_TABLE {
            assert!(request["ConditionExpression"].is_null(), "nobody expected the condition of {request}");
            self.objects.insert(item["object_name"]["S"].as_str().unwrap().to_owned(), item.clone());
            return (200, json!({}));
        }
        if request["ConditionExpression"].is_null() {
            self.put_record(item.clone());
            return (200, json!({}));
        }
        assert_eq!(request["ConditionExpression"], "attribute_not_exists(event_key)");
        let key = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
        if self.history.contains_key(&(key("bucket_name"), key("event_key"))) {
            let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
            return (400, json!({ "__type": kind, "message": "The conditional request failed" }));
        }
        self.put_record(item.clone());
        (200, json!({}))
    }

    /// A page of those rows of a segment that have a size.
    fn scan(&self, request: &Value, whims: &Whims) -> Value {
        assert_eq!((&request["ConsistentRead"], &request["TableName"]), (&json!(true), &json!(OBJECT_TABLE)));
        assert_eq!(request["FilterExpression"], "attribute_exists(#size)");
        let number = |name: &str| request[name].as_u64().unwrap();
        let segment = |key: &str| key.bytes().map(u64::from).sum::<u64>() % number("TotalSegments");
        let start = request["ExclusiveStartKey"]["object_name"]["S"].as_str().unwrap_or_default();
        let found = self.objects.iter().filter(|(key, _)| segment(key) == number("Segment"));
        let mut found = found.filter(|(key, _)| key.as_str() > start).peekable();
        let page: Vec<_> = found.by_ref().take(whims.page.unwrap_or(usize::MAX)).collect();
        // What is filtered out counts for the page.
        let items: Vec<_> = page.iter().map(|(_, row)| *row).filter(|row| row.get("size").is_some()).collect();
        let mut answer = json!({ "Items": items });
        if let Some((last, _)) = page.last().filter(|_| found.peek().is_some()) {
            answer["LastEvaluatedKey"] = json!({ "object_name": { "S": last } });
        }
        answer
    }

    /// The conditions that the store uses.
    pub(crate) fn holds(&self, put: &Value) -> bool {
        let current = put["Item"]["object_name"]["S"].as_str().and_then(|key| self.objects.get(key));
        let Some(condition) = put["ConditionExpression"].as_str() else { return put["TableName"] == HISTORY_TABLE };
        if condition == "attribute_not_exists(object_name)" {
            return current.is_none();
        }
        let name = |placeholder: &str| put["ExpressionAttributeNames"][placeholder].as_str().unwrap();
        let term_holds = |term: &str| {
            let absent = term.strip_prefix("attribute_not_exists(").and_then(|rest| rest.strip_suffix(')'));
            match (absent, term.split_once(" = ")) {
                (Some(attribute), _) => current.is_some_and(|row| row.get(name(attribute)).is_none()),
                (None, Some((attribute, value))) => {
                    current.is_some_and(|row| row[name(attribute)] == put["ExpressionAttributeValues"][value])
                }
                (None, None) => panic!("nobody expected the condition {condition}"),
            }
        };
        condition.split(" AND ").all(term_holds)
    }

    /// A page of a partition's records, or of what an index has.
    fn query(&self, request: &Value, whims: &Whims) -> Value {
        let index = request["IndexName"].as_str().map(|name| {
            let mut indexes = [Index::BY_SIZE, Index::BY_AGE].into_iter();
            indexes.find(|index| index.name == name).unwrap_or_else(|| panic!("there is no index {name}"))
        });
        let keys = match &index {
            Some(index) => [index.keys[0], index.keys[1], "object_name"].to_vec(),
            None => ["bucket_name", "event_key"].to_vec(),
        };
        let mut found: Vec<&Value> = match &index {
            Some(_) => self.index.iter().filter(|(key, _)| !whims.hidden.contains(*key)).map(|(_, row)| row).collect(),
            None => {
                let invisible = whims.invisible.and_then(|record| self.newest.0.get(record));
                let partition = request["ExpressionAttributeValues"][":bucket"]["S"].as_str().unwrap();
                let records = self.history.range((partition.to_owned(), String::new())..);
                let records = records.take_while(|((of, _), _)| of == partition);
                records.filter(|(keys, _)| Some(*keys) != invisible).map(|(_, record)| record).collect()
            }
        };
        // An item without the index's keys isn't in it.
        found.retain(|item| keys.iter().all(|key| item.get(*key).is_some()) && holds_for_keys(request, item));
        found.sort_by_cached_key(|item| position(&keys, item));
        let backwards = request["ScanIndexForward"] == false;
        if let Some(start) = request.get("ExclusiveStartKey") {
            let start = position(&keys, start);
            found.retain(|item| if backwards { position(&keys, item) < start } else { position(&keys, item) > start });
        }
        if backwards {
            // Objects of one size come in no order: here the last name first, which is not the cleaner's order.
            found.reverse();
        }
        let limit = request["Limit"].as_u64().map_or(usize::MAX, |limit| limit as usize);
        let page = &found[..limit.min(whims.page.unwrap_or(usize::MAX)).min(found.len())];
        let filtered = page.iter().filter(|item| passes_filter(request, item));
        let items = filtered.map(|item| match &index {
            Some(index) => index.entry(item).unwrap(),
            None => project(request, item),
        });
        let mut answer = json!({ "Items": items.collect::<Vec<_>>() });
        if let Some(last) = page.last().filter(|_| page.len() < found.len()) {
            answer["LastEvaluatedKey"] = keys.iter().map(|key| ((*key).to_owned(), last[*key].clone())).collect();
        }
        answer
    }
}

/// Where an item stands among those of its partition.
fn position<'a>(keys: &[&str], item: &'a Value) -> Vec<Scalar<'a>> {
    keys.iter().map(|key| Scalar::of(&item[*key])).collect()
}

/// The value of a key attribute, as DynamoDB orders it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scalar<'a> {
    Number(u64),
    Text(&'a str),
}

impl<'a> Scalar<'a> {
    fn of(attribute: &'a Value) -> Self {
        match (attribute["N"].as_str(), attribute["S"].as_str()) {
            (Some(number), _) => Self::Number(number.parse().unwrap()),
            (_, Some(text)) => Self::Text(text),
            _ => panic!("{attribute} is no key"),
        }
    }
}

/// Whether an item's keys are what a query's condition says of them.
fn holds_for_keys(request: &Value, item: &Value) -> bool {
    let condition = request["KeyConditionExpression"].as_str().unwrap();
    let (partition, sort) = condition.split_once(" AND ").unwrap_or((condition, ""));
    assert_eq!(partition, "#bucket = :bucket");
    let value = |name: &str| Scalar::of(&request["ExpressionAttributeValues"][name]);
    let attribute = |name: &str| Scalar::of(&item[request["ExpressionAttributeNames"][name].as_str().unwrap()]);
    if attribute("#bucket") != value(":bucket") {
        return false;
    }
    if sort == "begins_with(#key, :low)" {
        let (Scalar::Text(key), Scalar::Text(low)) = (attribute("#key"), value(":low")) else { return false };
        return key.starts_with(low);
    }
    match sort.split(' ').collect::<Vec<_>>()[..] {
        [""] => true,
        [name, ">", bound] => attribute(name) > value(bound),
        [name, ">=", bound] => attribute(name) >= value(bound),
        [name, "<", bound] => attribute(name) < value(bound),
        [name, "BETWEEN", low, "AND", high] => (value(low)..=value(high)).contains(&attribute(name)),
        _ => panic!("nobody expected the condition {condition}"),
    }
}

/// Whether an item is among those that the only filter there is lets through.
fn passes_filter(request: &Value, item: &Value) -> bool {
    match request["FilterExpression"].as_str() {
        None => true,
        Some("#size > :nothing") => {
            Scalar::of(&item["size"]) > Scalar::of(&request["ExpressionAttributeValues"][":nothing"])
        }
        Some(other) => panic!("nobody expected the filter {other}"),
    }
}

/// The attributes of an item that a query asks for.
fn project(request: &Value, item: &Value) -> Value {
    match request["ProjectionExpression"].as_str() {
        None => item.clone(),
        Some(names) => {
            let attribute = |name: &str| Some((name.to_owned(), item.get(name)?.clone()));
            names.split(", ").filter_map(attribute).collect::<Map<_, _>>().into()
        }
    }
}
