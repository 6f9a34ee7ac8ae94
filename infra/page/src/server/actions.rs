//! What one can do on the page.

use std::pin::Pin;

use aws_sdk_s3::primitives::ByteStream;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_contracts::run::{RunInput, Upload};
use tokio::try_join;

use super::App;
use crate::stack::Stack;

/// Where messages of dead-letter queues come from, by their names in the template.
const SOURCES: [(&str, &str); 2] = [("TrackingDlq", "TrackingQueue"), ("LoggingDlq", "LoggingQueue")];

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

/// Does what people ask for.
pub(super) trait Actor: Send + Sync {
    /// Starts a run with this scenario, and gives the execution's ARN.
    fn start<'a>(&'a self, input: &'a str) -> Answer<'a, String>;
    fn upload<'a>(&'a self, upload: &'a Upload) -> Answer<'a, ()>;
    fn delete<'a>(&'a self, object_name: &'a ObjectName) -> Answer<'a, ()>;
    /// Has the messages of the queue `from` moved to the queue `to`.
    fn redrive<'a>(&'a self, from: &'a str, to: &'a str) -> Answer<'a, ()>;
}

/// On a deployed stack.
pub(super) struct OnStack {
    stack: Stack,
    follow: Box<dyn Fn(String) + Send + Sync>,
}

impl OnStack {
    pub(super) fn new(stack: Stack, follow: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self { stack, follow: Box::new(follow) }
    }
}

impl Actor for OnStack {
    fn start<'a>(&'a self, input: &'a str) -> Answer<'a, String> {
        Box::pin(async move {
            let execution = self.stack.start(input).await?;
            (self.follow)(execution.clone());
            Ok(execution)
        })
    }

    fn upload<'a>(&'a self, upload: &'a Upload) -> Answer<'a, ()> {
        Box::pin(async move {
            let size = usize::try_from(upload.size_bytes.bytes()).unwrap_or(usize::MAX);
            let request = self.stack.s3.put_object().bucket(self.stack.bucket()).key(upload.object_name.as_str());
            let sent = request.body(ByteStream::from(vec![b'x'; size])).send().await;
            sent.map(drop).map_err(CallError::of("PutObject"))
        })
    }

    fn delete<'a>(&'a self, object_name: &'a ObjectName) -> Answer<'a, ()> {
        Box::pin(async move {
            let request = self.stack.s3.delete_object().bucket(self.stack.bucket()).key(object_name.as_str());
            request.send().await.map(drop).map_err(CallError::of("DeleteObject"))
        })
    }

    fn redrive<'a>(&'a self, from: &'a str, to: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            // Functions have sent some messages there themselves: SQS does not know where those came from.
            let (from, to) = try_join!(self.stack.queue_arn(from), self.stack.queue_arn(to))?;
            let request = self.stack.sqs.start_message_move_task().source_arn(from).destination_arn(to);
            request.send().await.map(drop).map_err(CallError::of("StartMessageMoveTask"))
        })
    }
}

/// An answer to a form.
enum Reply {
    Done(Value),
    /// What was asked for breaks its contract.
    Invalid(Breach),
    /// The stack refuses, or doesn't answer.
    Failed(CallError),
}

/// Where a document breaks its contract, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Breach {
    /// Such as `cycles[0].upload[0].size_bytes`; empty if it is the document as a whole.
    field: String,
    reason: String,
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        match self {
            Self::Done(answer) => Json(answer).into_response(),
            Self::Invalid(breach) => (StatusCode::UNPROCESSABLE_ENTITY, Json(breach)).into_response(),
            Self::Failed(error) => {
                (StatusCode::BAD_GATEWAY, Json(json!({ "reason": error.to_string() }))).into_response()
            }
        }
    }
}

impl<T> From<Result<T, CallError>> for Reply
where
    Value: From<T>,
{
    fn from(result: Result<T, CallError>) -> Self {
        match result {
            Ok(value) => Self::Done(json!({ "result": Value::from(value) })),
            Err(error) => Self::Failed(error),
        }
    }
}

/// Reads `text` by its contract.
fn read<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, Breach> {
    let breach =
        |field: String, reason: String| Breach { field: if field == "." { String::new() } else { field }, reason };
    let json: Value =
        serde_json::from_str(text).map_err(|error| breach(String::new(), format!("This is not JSON: {error}")))?;
    serde_path_to_error::deserialize(json).map_err(|error| breach(error.path().to_string(), error.inner().to_string()))
}

/// Says whether a text is a scenario.
pub(super) async fn validate(text: String) -> Response {
    match read::<RunInput>(&text) {
        Ok(_) => Json(json!({ "result": "valid" })).into_response(),
        Err(breach) => Reply::Invalid(breach).into_response(),
    }
}

pub(super) async fn start(State(app): State<App>, text: String) -> Response {
    match read::<RunInput>(&text) {
        Ok(_) => Reply::from(app.actor.start(&text).await).into_response(),
        Err(breach) => Reply::Invalid(breach).into_response(),
    }
}

pub(super) async fn upload(State(app): State<App>, text: String) -> Response {
    match read::<Upload>(&text) {
        Ok(upload) => done(app.actor.upload(&upload).await).into_response(),
        Err(breach) => Reply::Invalid(breach).into_response(),
    }
}

/// Which object to delete.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deletion {
    object_name: ObjectName,
}

pub(super) async fn delete(State(app): State<App>, text: String) -> Response {
    match read::<Deletion>(&text) {
        Ok(deletion) => done(app.actor.delete(&deletion.object_name).await).into_response(),
        Err(breach) => Reply::Invalid(breach).into_response(),
    }
}

/// Which dead letters to deliver again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redrive {
    queue: String,
}

pub(super) async fn redrive(State(app): State<App>, text: String) -> Response {
    let queue = match read::<Redrive>(&text) {
        Ok(Redrive { queue }) => queue,
        Err(breach) => return Reply::Invalid(breach).into_response(),
    };
    let Some((from, to)) = SOURCES.iter().find(|(from, _)| *from == queue) else {
        let names = SOURCES.map(|(from, _)| from).join(" or ");
        return Reply::Invalid(Breach { field: "queue".to_owned(), reason: format!("it must be {names}") })
            .into_response();
    };
    done(app.actor.redrive(from, to).await).into_response()
}

fn done(result: Result<(), CallError>) -> Reply {
    Reply::from(result.map(|()| "done"))
}
