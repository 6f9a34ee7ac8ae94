//! Writes one structured log line for every S3 object event.
//!
//! A second delivery writes the line a second time; `sequencer` tells them apart from a second event.

mod delta;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use spillway_contracts::log_line::{Level, ObjectEventLine};
use spillway_lambda::request_id;
use spillway_ledger::ObjectEvent;
use spillway_ledger::event::read_message;
use spillway_ledger_store::Store;

#[derive(Debug)]
pub struct Deps {
    /// The ledger, which knows what a deleted object's size was.
    pub store: Store,
    pub now: fn() -> Timestamp,
}

/// Writes a line per event through `write`; a message that can't be read fails alone.
///
/// The ledger is read, but not needed: while it can't be, lines have a `size_delta` of null.
pub async fn handle(deps: &Deps, batch: SqsEvent, write: impl Fn(&ObjectEventLine)) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in batch.records {
        if let Err(item_identifier) = log_message(deps, message, &write).await {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = item_identifier;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// The error is the identifier of the message.
async fn log_message(deps: &Deps, message: SqsMessage, write: impl Fn(&ObjectEventLine)) -> Result<(), String> {
    let message_id = message.message_id.unwrap_or_default();
    let events =
        read_message(message.body.as_deref().unwrap_or_default(), deps.store.bucket_name()).map_err(|error| {
            tracing::error!(message_id, %error, "a message can't be read, so it goes to the dead-letter queue");
            message_id.clone()
        })?;
    for event in events {
        let size_delta = match deps.store.row(&event.object_name).await {
            Ok(row) => delta::size_delta(&event, row.as_ref()),
            Err(error) => {
                tracing::warn!(message_id, %error, "the ledger can't be read, so the size is unknown");
                None
            }
        };
        write(&line(event, size_delta, &message_id, (deps.now)()));
    }
    Ok(())
}

fn line(event: ObjectEvent, size_delta: Option<i64>, message_id: &str, now: Timestamp) -> ObjectEventLine {
    ObjectEventLine {
        timestamp: now,
        level: Level::Info,
        message: format!("{} of {}", event.event_type, event.object_name),
        request_id: request_id(),
        bucket_name: event.bucket_name,
        object_name: event.object_name,
        event_type: event.event_type,
        size_delta,
        sequencer: event.sequencer,
        event_time: event.event_time,
        message_id: message_id.into(),
    }
}
