//! What bucket and ledger say at about one moment.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_sdk_s3::types::{EncodingType, Object};
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::{row_key, row_name};
use spillway_ledger::event::decode_key;

use crate::doctor::subject::Subject;
use crate::state::{self, State};

/// How many objects, and how many rows, a sample is made of.
const SAMPLE: usize = 100;

type Item = std::collections::HashMap<String, AttributeValue>;

/// Objects with their sizes in bytes, here and there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// What S3 lists.
    pub(super) bucket: BTreeMap<String, u64>,
    /// What the ledger has rows for; it is not asked if the totals agree.
    pub(super) rows: BTreeMap<String, u64>,
    /// The ledger's total; none of a sample.
    pub(super) total: Option<State>,
}

impl Look {
    /// Looks at everything if the bucket holds no more objects than that.
    pub(super) async fn take(subject: &Subject<'_>, exact_up_to: usize) -> Result<Self, CallError> {
        let bucket = list(subject, exact_up_to + 1).await?;
        if bucket.len() > exact_up_to {
            return Self::sample(subject, &bucket).await;
        }
        let total = Some(state::read(&subject.dynamodb, &subject.outputs).await?.unwrap_or_default());
        let mut look = Self { bucket, total, ..Self::default() };
        if !look.agrees() {
            look.rows = rows(subject, None).await?;
        }
        Ok(look)
    }

    /// Some of the objects that were listed, and the rows that the cleaner would take first.
    async fn sample(subject: &Subject<'_>, listed: &BTreeMap<String, u64>) -> Result<Self, CallError> {
        let step = listed.len().div_ceil(SAMPLE);
        let mut look = Self::default();
        look.bucket.extend(listed.iter().step_by(step).map(|(key, size)| (key.clone(), *size)));
        look.rows = rows_of(subject, look.bucket.keys()).await?;
        for (key, size) in rows(subject, Some(SAMPLE)).await? {
            if let Some(found) = object(subject, &key).await? {
                look.bucket.insert(key.clone(), found);
            }
            look.rows.insert(key, size);
        }
        Ok(look)
    }

    /// Whether bucket and ledger say the same.
    pub(super) fn agrees(&self) -> bool {
        match self.total {
            Some(total) => (total.total_size, total.object_count) == sum(&self.bucket),
            None => self.bucket == self.rows,
        }
    }

    /// What bucket and ledger say of an object.
    pub(super) fn of(&self, key: &str) -> (Option<u64>, Option<u64>) {
        (self.bucket.get(key).copied(), self.rows.get(key).copied())
    }
}

/// The sizes together, and how many there are.
pub(super) fn sum(objects: &BTreeMap<String, u64>) -> (u64, u64) {
    (objects.values().sum(), objects.len() as u64)
}

/// `5 bytes in 1 object`.
pub(super) fn objects(size: u64, count: u64) -> String {
    format!("{size} bytes in {count} object{}", if count == 1 { "" } else { "s" })
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, count) = sum(&self.bucket);
        match self.total {
            Some(_) => write!(f, "{}, in the bucket as in the ledger", objects(size, count)),
            None => write!(f, "a sample of {} agrees; the bucket has too many to look at all", objects(size, count)),
        }
    }
}

/// The first objects of the bucket, in the order of their keys.
async fn list(subject: &Subject<'_>, most: usize) -> Result<BTreeMap<String, u64>, CallError> {
    let mut objects = BTreeMap::new();
    // XML can't hold every character that a key may have.
    let request =
        subject.s3.list_objects_v2().bucket(&subject.outputs.test_bucket_name).encoding_type(EncodingType::Url);
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(CallError::of("ListObjectsV2"))?;
        for object in page.contents.unwrap_or_default() {
            objects.insert(key(&object)?, size(object.size));
        }
        if objects.len() >= most {
            break;
        }
    }
    Ok(objects)
}

/// An object's size, by listing: reading it would need another permission.
async fn object(subject: &Subject<'_>, name: &str) -> Result<Option<u64>, CallError> {
    let request = subject.s3.list_objects_v2().bucket(&subject.outputs.test_bucket_name).prefix(name).max_keys(1);
    let answer = request.encoding_type(EncodingType::Url).send().await.map_err(CallError::of("ListObjectsV2"))?;
    // Nothing that begins with the key comes before it.
    match answer.contents.unwrap_or_default().first() {
        Some(object) if key(object)? == name => Ok(Some(size(object.size))),
        _ => Ok(None),
    }
}

/// An object's key, which a listing with `EncodingType=url` has encoded.
fn key(object: &Object) -> Result<String, CallError> {
    let name = decode_key(object.key.as_deref().unwrap_or_default());
    Ok(name.map_err(|reason| CallError::unexpected("ListObjectsV2", reason))?.to_string())
}

fn size(size: Option<i64>) -> u64 {
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default()
}

/// The rows of objects, the largest first; all of them unless that is too many.
async fn rows(subject: &Subject<'_>, most: Option<usize>) -> Result<BTreeMap<String, u64>, CallError> {
    let request = subject.dynamodb.query().table_name(&subject.outputs.object_table_name).index_name("by-size");
    let request = request.key_condition_expression("bucket_name = :bucket").scan_index_forward(false);
    let bucket = AttributeValue::S(subject.outputs.test_bucket_name.clone());
    let request = request.expression_attribute_values(":bucket", bucket);
    let request = request.set_limit(most.map(|most| most as i32));
    let mut items = request.into_paginator().items().send();
    let mut rows = BTreeMap::new();
    while let Some(item) = items.next().await {
        rows.extend(row(&item.map_err(CallError::of("Query"))?));
        if most.is_some_and(|most| rows.len() >= most) {
            break;
        }
    }
    Ok(rows)
}

/// The rows of these objects, a hundred at most.
async fn rows_of(
    subject: &Subject<'_>,
    objects: impl Iterator<Item = &String>,
) -> Result<BTreeMap<String, u64>, CallError> {
    let names = objects.filter_map(|object| ObjectName::new(object).ok());
    let key = |name: ObjectName| Item::from([("object_name".to_owned(), AttributeValue::S(row_key(&name)))]);
    let mut keys: Vec<Item> = names.map(key).collect();
    let table = &subject.outputs.object_table_name;
    let mut rows = BTreeMap::new();
    while !keys.is_empty() {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let wanted = wanted.map_err(|error| CallError::unexpected("BatchGetItem", error.to_string()))?;
        let answer = subject.dynamodb.batch_get_item().request_items(table, wanted).send().await;
        let answer = answer.map_err(CallError::of("BatchGetItem"))?;
        rows.extend(answer.responses.unwrap_or_default().into_values().flatten().filter_map(|item| row(&item)));
        keys = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|left| left.keys).collect();
    }
    Ok(rows)
}

/// The object and the size of a row; of a tombstone, none.
fn row(item: &Item) -> Option<(String, u64)> {
    let name = row_name(item.get("object_name")?.as_s().ok()?)?;
    Some((name.as_str().to_owned(), number(item, "size")?))
}

fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
