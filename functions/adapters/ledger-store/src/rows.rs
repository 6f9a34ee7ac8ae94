//! Reading rows of ObjectTable by key.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures_util::future::try_join_all;
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_contracts::ledger::{STATE_KEY, StateRow, row_key, row_name};
use spillway_ledger::{Row, Snapshot};

use crate::item::{self, Item};
use crate::patience::pause;
use crate::{Store, StoreError};

/// DynamoDB takes this many keys in one BatchGetItem.
const BATCH_KEYS: usize = 100;

/// How many requests are made side by side. With 10 ms for each, they read more in a second than a new table has room for.
const AT_A_TIME: usize = 16;

/// How rows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// With everything that was written before.
    Consistent,
    /// Perhaps without what was written a moment before; for half the price.
    Eventual,
}

impl Store {
    /// `__STATE__` and the rows of `names`, read consistently row by row; not a snapshot across rows, which is why a
    /// commit is conditional on each of them.
    pub async fn snapshot(&self, names: &BTreeSet<ObjectName>) -> Result<Snapshot, StoreError> {
        let keys: Vec<String> = std::iter::once(STATE_KEY.to_owned()).chain(names.iter().map(row_key)).collect();
        self.read(&keys, Reading::Consistent).await
    }

    /// The bucket's total and count; `None` before the first event.
    pub async fn state(&self) -> Result<Option<StateRow>, StoreError> {
        Ok(self.snapshot(&BTreeSet::new()).await?.state)
    }

    /// The rows of objects, read consistently row by row.
    pub async fn rows(&self, names: &BTreeSet<ObjectName>) -> Result<BTreeMap<ObjectName, Row>, StoreError> {
        self.rows_by(names, Reading::Consistent).await
    }

    pub(crate) async fn rows_by(
        &self,
        names: &BTreeSet<ObjectName>,
        reading: Reading,
    ) -> Result<BTreeMap<ObjectName, Row>, StoreError> {
        let keys: Vec<String> = names.iter().map(row_key).collect();
        Ok(self.read(&keys, reading).await?.rows)
    }

    pub async fn row(&self, name: &ObjectName) -> Result<Option<Row>, StoreError> {
        let key = AttributeValue::S(row_key(name));
        let request = self.client.get_item().table_name(&self.tables.object_table).key("object_name", key);
        let answer = request.consistent_read(true).send().await;
        let item = answer.map_err(CallError::of("GetItem"))?.item;
        item.map(|item| item::read_row(&self.tables.object_table, item)).transpose()
    }

    pub(crate) async fn batch_get(&self, keys: &[String], reading: Reading) -> Result<Vec<Item>, StoreError> {
        let table = &self.tables.object_table;
        let keys = keys.iter().map(|key| Item::from([("object_name".to_owned(), AttributeValue::S(key.clone()))]));
        let keys = KeysAndAttributes::builder().set_keys(Some(keys.collect()));
        let mut wanted = Some(keys.consistent_read(reading == Reading::Consistent).build()?);
        let mut items = Vec::new();
        let mut attempt = 0;
        while let Some(keys) = wanted {
            let answer = self.client.batch_get_item().request_items(table, keys).send().await;
            let answer = answer.map_err(CallError::of("BatchGetItem"))?;
            items.extend(answer.responses.unwrap_or_default().remove(table).unwrap_or_default());
            // If there is room for none of the keys, that is an error, and the client tries again.
            wanted = answer.unprocessed_keys.unwrap_or_default().remove(table);
            if wanted.is_some() {
                tokio::time::sleep(pause(attempt)).await;
                attempt += 1;
            }
        }
        Ok(items)
    }

    /// As many of the rows with these keys as there are.
    async fn read(&self, keys: &[String], reading: Reading) -> Result<Snapshot, StoreError> {
        let mut snapshot = Snapshot::default();
        for some in keys.chunks(AT_A_TIME * BATCH_KEYS) {
            let reads = some.chunks(BATCH_KEYS).map(|chunk| self.batch_get(chunk, reading));
            for item in try_join_all(reads).await?.into_iter().flatten() {
                self.add(&mut snapshot, item)?;
            }
        }
        Ok(snapshot)
    }

    fn add(&self, snapshot: &mut Snapshot, item: Item) -> Result<(), StoreError> {
        let table = &self.tables.object_table;
        let key = item.get("object_name").and_then(|key| key.as_s().ok()).cloned().unwrap_or_default();
        match row_name(&key) {
            Some(name) => {
                snapshot.rows.insert(name, item::read_row(table, item)?);
            }
            None => snapshot.state = Some(item::read(table, item)?),
        }
        Ok(())
    }
}
