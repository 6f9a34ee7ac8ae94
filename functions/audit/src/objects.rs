//! Comparing a batch of the bucket's listing with the ledger.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use spillway_contracts::audit::{AuditObjectsRequest, Found, ListedObject, Tally};
use spillway_contracts::log_line::TotalSizeLine;
use spillway_ledger::Row;
use spillway_ledger::audit::{self, agrees};

use crate::finding::{part_from, settle};
use crate::{Error, Looker};

/// Says what was found in the batch, and writes a line for each repair through `write`.
pub async fn handle(
    looker: &Looker,
    request: AuditObjectsRequest,
    write: impl Fn(&TotalSizeLine),
) -> Result<Found, Error> {
    let (audit, items) = (request.batch_input, request.items);
    let mut listed = Tally::default();
    items.iter().for_each(|item| listed += Tally::of(item.size));
    let part = part_from("objects", items.first().map_or("", |item| item.key.as_str()));
    let objects: BTreeMap<_, _> = items.into_iter().map(|item| (item.key.clone(), found(&item))).collect();
    let names: BTreeSet<_> = objects.keys().cloned().collect();
    let rows = looker.store.rows_of_late(&names).await?;
    let bucket_name = looker.store.bucket_name();
    let is_undated = |row: &Row| looker.dates && row.is_undated();
    let differing = objects.iter().filter(|(name, object)| {
        let row = rows.get(*name);
        !agrees(bucket_name, row, Some(object)) || row.is_some_and(is_undated)
    });
    let differing: BTreeSet<_> = differing.map(|(name, _)| name.clone()).collect();
    let looked = looker.look(&audit, &differing, None).await?;
    let found = settle(looker, &audit, &part, listed, looked, write).await?;
    tracing::info!(audit_id = audit.audit_id, listed = listed.objects, differing = differing.len(), "compared objects");
    Ok(found)
}

/// The object as the listing has it. When it was written counts for nothing here: a difference is looked at again.
fn found(item: &ListedObject) -> audit::Found {
    audit::Found {
        size: item.size,
        etag: Some(item.etag.trim_matches('"').to_owned()),
        version_id: None,
        last_modified: Timestamp::UNIX_EPOCH,
    }
}
