//! What a task found, and what it does about it.

use std::fmt::Write;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use spillway_contracts::audit::{Audit, AuditFindings, AuditsPartition, Difference, Found, Tally};
use spillway_contracts::ledger::{AUDIT_ADDED, AUDIT_CORRECTED};
use spillway_contracts::log_line::TotalSizeLine;
use spillway_lambda::request_id;
use spillway_ledger::ObjectEvent;
use spillway_ledger::audit::Finding;
use spillway_ledger::fold::{TOMBSTONE_LIFE, TRANSACTION_ACTIONS};
use spillway_ledger_store::apply;

use crate::look::Looked;
use crate::{Error, Looker};

/// How many repairs are made after one reading: as many as a transaction holds. While others commit all the time, the rows of
/// more can't be read between two commits.
const AT_ONCE: usize = (TRANSACTION_ACTIONS - 1) / 2;

/// How many examples of what differs a task leaves.
const EXAMPLES: usize = 3;

/// Keeps what was found, and then repairs it if the audit is to. `part` tells the task's part of the audit from all others.
///
/// It is kept first, so that an attempt that ends half-way has said what there was: the next one finds less.
pub async fn settle(
    looker: &Looker,
    audit: &Audit,
    part: &str,
    listed: Tally,
    looked: Vec<Looked>,
    write: impl Fn(&TotalSizeLine),
) -> Result<Found, Error> {
    let now = (looker.now)();
    let mut found = Found { listed, ..Found::default() };
    let mut examples = Vec::new();
    let mut repairs = Vec::new();
    for Looked { difference, finding } in looked {
        match finding {
            Finding::Agrees => {}
            Finding::UnderWay => found.under_way += 1,
            Finding::Drift(repair) => {
                *kind_of(&mut found, &repair) += Tally::of(bytes(&difference));
                repairs.push(repair);
                if examples.len() < EXAMPLES {
                    examples.push(difference);
                }
            }
        }
    }
    looker.store.keep_findings(&record(audit, part, found, examples, now)).await?;
    if audit.repair {
        for repairs in repairs.chunks(AT_ONCE) {
            apply(&looker.store, repairs.to_vec(), looker.now, |record| {
                write(&TotalSizeLine::of(record, looker.threshold_bytes, request_id(), (looker.now)()));
            })
            .await?;
        }
    }
    Ok(found)
}

fn kind_of<'a>(found: &'a mut Found, repair: &ObjectEvent) -> &'a mut Tally {
    match repair.event_type.as_str() {
        AUDIT_ADDED => &mut found.added,
        AUDIT_CORRECTED => &mut found.corrected,
        _ => &mut found.removed,
    }
}

/// By how much the total is wrong for it.
fn bytes(difference: &Difference) -> u64 {
    difference.ledger_size.unwrap_or_default().abs_diff(difference.bucket_size.unwrap_or_default())
}

fn record(audit: &Audit, part: &str, found: Found, examples: Vec<Difference>, now: Timestamp) -> AuditFindings {
    AuditFindings {
        bucket_name: AuditsPartition::Audits,
        event_key: format!("{}#{part}", audit.audit_id),
        found,
        examples,
        expires_at: (now + TOMBSTONE_LIFE).as_second(),
    }
}

/// A short name of a part that begins with this object: a key alone may be longer than DynamoDB's are.
pub fn part_from(kind: &str, first: &str) -> String {
    let digest = Sha256::digest(first);
    digest.iter().fold(format!("{kind}#"), |mut text, byte| {
        // Writing into a string doesn't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
