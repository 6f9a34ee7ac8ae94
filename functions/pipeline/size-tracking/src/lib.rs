//! Applies S3 object events to the ledger and writes the running total.
//!
//! A second delivery of a message changes nothing: its events are no newer than the rows that they made. The total is
//! then written once more, because the first delivery may have ended between the commit and its line.
//!
//! A message that can't be applied, now or ever, fails alone, and after a few deliveries is given to the dead-letter queue by
//! the function itself. The queue's own count is for what fails because DynamoDB does: an overload may last for hours.

mod dead_letters;

pub use dead_letters::DeadLetters;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spillway_contracts::audit::AuditedRow;
use spillway_contracts::ledger::StateRow;
use spillway_contracts::log_line::{AuditAgeLine, Level, TotalSizeLine};
use spillway_contracts::rule::fill_percent;
use spillway_contracts::{ErrorName, Failure};
use spillway_lambda::request_id;
use spillway_ledger::ObjectEvent;
use spillway_ledger::event::read_message;
use spillway_ledger_store::{Applied, Effort, Store, StoreError, apply};

/// What invokes the function: a batch of the tracking queue, or the schedule that wants the total repeated.
#[derive(Clone, Debug, Deserialize)]
pub struct Request {
    #[serde(default, rename = "Records")]
    pub records: Vec<SqsMessage>,
    /// Whether to repeat the ledger's total.
    #[serde(default)]
    pub heartbeat: bool,
}

/// What the function writes for metric filters to read.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum Line<'a> {
    Total(&'a TotalSizeLine),
    AuditAge(&'a AuditAgeLine),
}

#[derive(Debug)]
pub struct Deps {
    pub store: Store,
    /// Where messages go that can't be applied.
    pub dead_letters: DeadLetters,
    /// The threshold of the total, in bytes, for what the lines say.
    pub threshold_bytes: u64,
    pub now: fn() -> Timestamp,
}

/// Why a batch fails as a whole. SQS delivers it again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is nothing to do: expected `Records` from SQS, or `heartbeat: true`")]
    Empty,
    /// The ledger can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Empty => Self { name: ErrorName::InvalidInput, message: error.to_string() },
            Error::Store(error) => error.into(),
        }
    }
}

/// Applies a batch and writes one line per applied event through `write`; a message that can't be applied fails alone.
pub async fn handle(deps: &Deps, request: Request, write: impl Fn(Line<'_>)) -> Result<SqsBatchResponse, Error> {
    if request.records.is_empty() && !request.heartbeat {
        return Err(Error::Empty);
    }
    let mut response = SqsBatchResponse::default();
    let mut messages = Vec::new();
    let mut events = Vec::new();
    for message in request.records {
        match read_message(message.body.as_deref().unwrap_or_default(), deps.store.bucket_name()) {
            Ok(read) => {
                events.extend(read.clone());
                messages.push((message, read));
            }
            Err(error) => give_up(deps, message, &error.to_string(), &mut response).await,
        }
    }
    let delivered = events.len();
    let mut applied = 0;
    if delivered > 0 {
        let Applied { effort, too_old } = apply(&deps.store, events, deps.now, |record| {
            write(Line::Total(&TotalSizeLine::of(record, deps.threshold_bytes, request_id(), (deps.now)())));
            applied += 1;
        })
        .await?;
        let Effort { reads, transactions, conflicts, throttled } = effort;
        tracing::info!(delivered, applied, reads, transactions, conflicts, throttled, "applied a batch");
        for (message, read) in messages {
            if let Some(event) = read.iter().find(|event| too_old.contains(event)) {
                give_up(deps, message, &too_old_to_count(event), &mut response).await;
            }
        }
    }
    if applied == 0 && (delivered > 0 || request.heartbeat) {
        let (state, audited) = deps.store.audited().await?;
        let (bucket_name, now) = (deps.store.bucket_name(), (deps.now)());
        write(Line::Total(&heartbeat_line(deps, state, now)));
        if let Some(audited) = audited {
            write(Line::AuditAge(&audit_age_line(bucket_name, &audited, now)));
        }
    }
    Ok(response)
}

/// Why an event is not applied that is older than tombstones live, of an object that has no row.
fn too_old_to_count(event: &ObjectEvent) -> String {
    format!(
        "CreationTooOld: {} of {} happened at {}, so long ago that the ledger can't know whether the object was deleted since",
        event.event_type, event.object_name, event.event_time
    )
}

/// A message that can't be applied is delivered again, and after some deliveries given to the dead-letter queue.
async fn give_up(deps: &Deps, message: SqsMessage, error: &str, response: &mut SqsBatchResponse) {
    let message_id = message.message_id.clone().unwrap_or_default();
    tracing::error!(message_id, error, "a message can't be applied, so it goes to the dead-letter queue");
    if !deps.dead_letters.take(&message).await {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = message_id;
        response.batch_item_failures.push(failure);
    }
}

fn heartbeat_line(deps: &Deps, state: Option<StateRow>, now: Timestamp) -> TotalSizeLine {
    let total = state.as_ref().map_or(0, |state| state.total_size);
    TotalSizeLine {
        timestamp: now,
        level: Level::Info,
        message: format!("the total is still {total} bytes"),
        request_id: request_id(),
        bucket_name: deps.store.bucket_name().into(),
        total_size: total,
        fill_percent: fill_percent(total, deps.threshold_bytes),
        size_delta: 0,
        event_type: "Heartbeat".into(),
        object_name: None,
        event_key: state.map(|state| state.last_event_key).unwrap_or_default(),
    }
}

fn audit_age_line(bucket_name: &str, audited: &AuditedRow, now: Timestamp) -> AuditAgeLine {
    let seconds = now.duration_since(audited.audited_at).as_secs().max(0).cast_unsigned();
    AuditAgeLine {
        timestamp: now,
        level: Level::Info,
        message: format!("the last audit that ended well started {seconds} s ago"),
        request_id: request_id(),
        bucket_name: bucket_name.into(),
        audit_age_seconds: seconds,
    }
}
