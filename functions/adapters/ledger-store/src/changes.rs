//! A span of the history, read from all partitions side by side.

use std::collections::VecDeque;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use spillway_aws::CallError;
use spillway_contracts::partition::partitions;
use spillway_contracts::summary::HistoryChange;
use spillway_ledger::fold::key_time;

use crate::history::BEFORE_ALL;
use crate::item::Item;
use crate::{Store, StoreError, item};

/// The attributes of a [`HistoryChange`].
const CHANGE: &str = "event_key, object_name, event_type, size_delta, total_size, committed_at";

/// The changes of a span of time, of which no more is in memory than about a page of each partition.
#[derive(Debug)]
pub struct Changes {
    store: Store,
    low: String,
    high: String,
    partitions: Vec<Partition>,
}

/// How far a partition was read.
#[derive(Debug)]
struct Partition {
    name: String,
    /// What was read of it and not given out yet, oldest first.
    changes: VecDeque<HistoryChange>,
    /// How many changes the last page had.
    page: usize,
    next: Next,
}

#[derive(Debug)]
enum Next {
    First,
    Page(Item),
    Nothing,
}

impl Store {
    /// The changes committed in a span of time, `from` included, `to` excluded.
    ///
    /// Partitions are not read at one moment, so what is recorded after this call is left out: of that, one partition could
    /// show a change, and another not the one before it.
    pub async fn changes(&self, from: Option<Timestamp>, to: Timestamp) -> Result<Changes, StoreError> {
        let newest = self.state().await?.map(|state| state.last_event_key);
        let partition = |name| Partition { name, changes: VecDeque::new(), page: 0, next: Next::First };
        let low = from.map_or_else(|| BEFORE_ALL.to_owned(), key_time);
        let high = newest.map(|newest| newest.min(key_time(to))).filter(|high| low <= *high);
        Ok(Changes {
            store: self.clone(),
            // A query needs a span that is not empty.
            partitions: high.iter().flat_map(|_| partitions(&self.tables.bucket_name)).map(partition).collect(),
            low,
            high: high.unwrap_or_default(),
        })
    }
}

impl Changes {
    /// Whether all changes were given out.
    pub fn is_over(&self) -> bool {
        self.partitions.iter().all(|partition| matches!(partition.next, Next::Nothing) && partition.changes.is_empty())
    }

    /// The next changes, oldest first; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<HistoryChange>>, StoreError> {
        while !self.is_over() {
            self.read().await?;
            let changes = self.known();
            if !changes.is_empty() {
                return Ok(Some(changes));
            }
        }
        Ok(None)
    }

    /// Reads a page of each partition of which little is left: of one at least, or there would be something to give out.
    async fn read(&mut self) -> Result<(), StoreError> {
        let Self { store, low, high, partitions } = self;
        let (store, low, high) = (&*store, low.as_str(), high.as_str());
        try_join_all(partitions.iter_mut().map(|partition| partition.read(store, low, high))).await?;
        Ok(())
    }

    /// Takes out what no page that is still to be read comes before.
    fn known(&mut self) -> Vec<HistoryChange> {
        let unread = self.partitions.iter().filter(|partition| !matches!(partition.next, Next::Nothing));
        let ends: Vec<Option<&str>> =
            unread.map(|partition| partition.changes.back().map(|last| last.event_key.as_str())).collect();
        // A page may be empty and not the last one.
        let known_to = match ends.iter().min() {
            Some(None) => return Vec::new(),
            Some(Some(end)) => Some((*end).to_owned()),
            None => None,
        };
        let mut changes = Vec::new();
        for partition in &mut self.partitions {
            let is_known = |change: &HistoryChange| known_to.as_ref().is_none_or(|end| change.event_key <= *end);
            let known = partition.changes.partition_point(is_known);
            changes.extend(partition.changes.drain(..known));
        }
        // These are a few runs in order, which this kind of sorting merges.
        changes.sort_by(|one, other| one.event_key.cmp(&other.event_key));
        changes
    }
}

impl Partition {
    /// Reads the next page, unless more than half a page is left.
    ///
    /// The first page and the last are read consistently, so that what was recorded a moment ago is there. Those between
    /// are not, because that takes half the time: DynamoDB reads 12 MB of a partition a second consistently, and 24 MB
    /// else (3,000 read units of 4 or 8 KB).
    async fn read(&mut self, store: &Store, low: &str, high: &str) -> Result<(), StoreError> {
        if matches!(self.next, Next::Nothing) || 2 * self.changes.len() > self.page {
            return Ok(());
        }
        let start = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Page(start) => Some(start),
            Next::First | Next::Nothing => None,
        };
        let is_first = start.is_none();
        let request = store
            .partition(&self.name, "#bucket = :bucket AND #key BETWEEN :low AND :high", low)
            .expression_attribute_values(":high", AttributeValue::S(high.to_owned()))
            .projection_expression(CHANGE)
            .set_exclusive_start_key(start);
        let send = async |request: QueryFluentBuilder| request.send().await.map_err(CallError::of("Query"));
        let mut answer = send(request.clone().consistent_read(is_first)).await?;
        if !is_first && answer.last_evaluated_key.is_none() {
            answer = send(request).await?;
        }
        let items = answer.items.unwrap_or_default();
        self.page = items.len();
        for item in items {
            self.changes.push_back(item::read(&store.tables.history_table, item)?);
        }
        self.next = answer.last_evaluated_key.map_or(Next::Nothing, Next::Page);
        Ok(())
    }
}
