//! Uploads a cycle's objects, one after the other, as the ledger records them.
//!
//! One upload waits for the record of the one before, because events of different objects have no order: so the
//! timeline of a run is always the same. Asked again, it uploads nothing twice: an object of this cycle is known by
//! its mark.

mod bucket;

use jiff::Timestamp;
use spillway_aws::CallError;
use spillway_contracts::ledger::HistoryRecord;
use spillway_contracts::report::UploadedObject;
use spillway_contracts::run::Upload;
use spillway_contracts::run_mark::run_mark;
use spillway_contracts::task::{UploadRequest, UploadResponse};
use spillway_contracts::{ErrorName, Failure};
use spillway_ledger_store::{Store, StoreError};

#[derive(Debug)]
pub struct Deps {
    pub store: Store,
    pub s3: aws_sdk_s3::Client,
}

/// Why the uploads can't go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the ledger did not record the upload of {object_name} by {deadline}; {recorded} of {expected} are recorded"
    )]
    Deadline {
        /// The object that isn't recorded.
        object_name: String,
        /// When the run gave up.
        deadline: Timestamp,
        /// How many uploads of the cycle are recorded.
        recorded: usize,
        expected: usize,
    },
    /// The ledger can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket refuses.
    #[error(transparent)]
    Bucket(#[from] CallError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let name = match &error {
            Error::Deadline { .. } => ErrorName::UploadDeadlinePassed,
            Error::Store(error) => error.name(),
            Error::Bucket(error) => error.name(),
        };
        Self { name, message: error.to_string() }
    }
}

/// Uploads the first object that the ledger has not recorded, unless it is uploaded already.
pub async fn handle(deps: &Deps, request: UploadRequest, now: Timestamp) -> Result<UploadResponse, Error> {
    let history = deps.store.history_after(&request.after_event_key).await?;
    let uploaded = recorded(&request.cycle.upload, &history);
    let Some(next) = request.cycle.upload.get(uploaded.len()) else {
        return Ok(UploadResponse { done: true, uploaded });
    };
    if now >= request.deadline {
        return Err(Error::Deadline {
            object_name: next.object_name.to_string(),
            deadline: request.deadline,
            recorded: uploaded.len(),
            expected: request.cycle.upload.len(),
        });
    }
    let mark = run_mark(&request.run_id, request.cycle.number, uploaded.len(), &next.object_name);
    bucket::upload_once(&deps.s3, deps.store.bucket_name(), next, &mark).await?;
    Ok(UploadResponse { done: false, uploaded })
}

/// The uploads that the history shows, in order, from the cycle's first on.
fn recorded(uploads: &[Upload], history: &[HistoryRecord]) -> Vec<UploadedObject> {
    let mut creations = history.iter().filter(|record| !record.is_deletion());
    let record = |upload: &Upload| creations.find(|record| record.object_name == upload.object_name);
    uploads
        .iter()
        .map_while(record)
        .map(|record| UploadedObject {
            object_name: record.object_name.clone(),
            size_delta: record.size_delta,
            total_size: record.total_size,
            uploaded_at: record.event_time,
        })
        .collect()
}
