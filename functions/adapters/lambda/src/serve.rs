//! Serving a function's requests: decode, handle, name what went wrong.

use std::pin::Pin;

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use spillway_contracts::{ErrorName, Failure};
use tracing::Instrument;

use crate::StartError;

#[derive(Clone, Default)]
struct Invocation {
    request_id: String,
    /// In milliseconds since the epoch.
    deadline: u64,
}

tokio::task_local! {
    static INVOCATION: Invocation;
}

fn invocation() -> Invocation {
    INVOCATION.try_with(Clone::clone).unwrap_or_default()
}

/// Lambda's identifier of the invocation that is being served; empty if none is.
pub fn request_id() -> String {
    invocation().request_id
}

/// When Lambda ends the invocation that is being served; the epoch if none is.
pub fn deadline() -> Timestamp {
    i64::try_from(invocation().deadline).ok().and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or_default()
}

/// Serves requests until Lambda ends the process.
///
/// A payload that breaks the request's contract never reaches `handle`: it fails with `InvalidInput` and the path of
/// the field.
pub async fn serve<Request, Response, Error>(
    handle: impl AsyncFn(Request) -> Result<Response, Error>,
) -> Result<(), StartError>
where
    Request: DeserializeOwned,
    Response: Serialize,
    Error: Into<Failure>,
{
    let handle = &handle;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let invocation = Invocation { request_id: event.context.request_id, deadline: event.context.deadline };
        let span =
            tracing::info_span!("invocation", request_id = invocation.request_id, run_id = run_id(&event.payload));
        // Boxed: the SDK's futures nest so deeply that the compiler gives up on the whole.
        let handled: Pin<Box<dyn Future<Output = Result<Response, Diagnostic>>>> = Box::pin(async move {
            let request = decode(event.payload).map_err(diagnostic)?;
            handle(request).await.map_err(|error| diagnostic(error.into()))
        });
        INVOCATION.scope(invocation, handled.instrument(span))
    }))
    .await
}

/// Reads a request; an error names the path of the field that is wrong.
pub fn decode<Request: DeserializeOwned>(payload: Value) -> Result<Request, Failure> {
    serde_path_to_error::deserialize(payload).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner();
        Failure {
            name: ErrorName::InvalidInput,
            message: if path == "." { reason.to_string() } else { format!("{path}: {reason}") },
        }
    })
}

/// What Lambda hears about a failure: `Retry` and `Catch` see the name, and nobody gets a message that was cut on its way.
fn diagnostic(failure: Failure) -> Diagnostic {
    let Failure { name, message } = failure.bounded();
    Diagnostic { error_type: name.to_string(), error_message: message }
}

/// The tasks of the state machine say which execution they work for.
fn run_id(payload: &Value) -> Option<&str> {
    payload.get("run_id")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use spillway_contracts::task::PrepareRunRequest;

    #[track_caller]
    fn check(input: Value, message: &str) {
        let payload = json!({ "run_id": "r", "started_at": "2026-08-01T10:00:00Z", "input": input });
        let failure = decode::<PrepareRunRequest>(payload).map(drop);
        assert_eq!(failure, Err(Failure { name: ErrorName::InvalidInput, message: message.into() }));
    }

    #[test]
    fn a_message_stays_short_whatever_the_payload() {
        let payload =
            json!({ "run_id": "r", "started_at": "2026-08-01T10:00:00Z", "input": { "x".repeat(200_000): 1 } });
        let failure = decode::<PrepareRunRequest>(payload).map(drop).unwrap_err();
        let Diagnostic { error_type, error_message } = diagnostic(failure);
        assert_eq!(error_type, "InvalidInput");
        assert!(error_message.starts_with("input.xxx"), "{error_message}");
        assert!(error_message.ends_with("expected `cycles` or `deadline_seconds`"), "{error_message}");
        assert!(error_message.len() < 5_000, "{} characters", error_message.len());
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        check(
            json!({ "cycles": [{ "upload": [{ "object_name": "", "size_bytes": 1 }] }] }),
            "input.cycles[0].upload[0].object_name: an object name must have 1 to 1024 bytes of UTF-8, this one has 0",
        );
        check(
            json!({ "cycles": [{ "upload": [{ "object_name": "a", "size_bytes": -1 }] }] }),
            "input.cycles[0].upload[0].size_bytes: invalid value: integer `-1`, expected u64",
        );
        check(
            json!({ "deadline_seconds": 0 }),
            "input.deadline_seconds: 0 is out of range: it must be 1 to 1800 seconds",
        );
        check(json!({ "cycle": [] }), "input.cycle: unknown field `cycle`, expected `cycles` or `deadline_seconds`");
    }
}
