//! The server's answers, without a stack.

use std::sync::Mutex;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_contracts::run::Upload;
use tower::ServiceExt;

use super::*;
use crate::watch::tests::nothing;

/// Notes what it is asked for.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn note<T>(&self, text: String, answer: Result<T, CallError>) -> Result<T, CallError> {
        self.0.lock().unwrap().push(text);
        answer
    }
}

type Answer<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

impl actions::Actor for Notes {
    fn start<'a>(&'a self, input: &'a str) -> Answer<'a, String> {
        Box::pin(async move { self.note(format!("start {input}"), Ok("arn:run".to_owned())) })
    }
    fn upload<'a>(&'a self, upload: &'a Upload) -> Answer<'a, ()> {
        let text = format!("upload {} {}", upload.object_name.as_str(), upload.size_bytes.bytes());
        Box::pin(async move { self.note(text, Ok(())) })
    }
    fn delete<'a>(&'a self, object_name: &'a ObjectName) -> Answer<'a, ()> {
        let text = format!("delete {}", object_name.as_str());
        Box::pin(async move { self.note(text, Err(CallError::unanswered("DeleteObject"))) })
    }
    fn redrive<'a>(&'a self, from: &'a str, to: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { self.note(format!("redrive {from} {to}"), Ok(())) })
    }
}

/// Asks as the page would, and gives the status, the answer and what the stack was asked for.
async fn ask(method: Method, path: &str, body: &str) -> (StatusCode, Value, Vec<String>) {
    let notes = Arc::new(Notes::default());
    let app = App { shared: Arc::new(Shared::new(nothing())), actor: notes.clone() };
    let request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:4000");
    let request = request.header("origin", "http://127.0.0.1:4000").body(Body::from(body.to_owned())).unwrap();
    let response = router(app, 4000).oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let notes = notes.0.lock().unwrap().clone();
    (status, serde_json::from_slice(&body).unwrap_or_default(), notes)
}

#[tokio::test]
async fn a_scenario_is_read_by_its_contract_before_a_run_starts() {
    let valid = r#"{"cycles":[{"upload":[{"object_name":"a","size_bytes":1}]}]}"#;
    assert_eq!(ask(Method::POST, "/validate", valid).await, (StatusCode::OK, json!({"result": "valid"}), vec![]));
    let started = (StatusCode::OK, json!({"result": "arn:run"}), vec![format!("start {valid}")]);
    assert_eq!(ask(Method::POST, "/runs", valid).await, started);
    let invalid = valid.replace(":1", ":-1");
    let field = "cycles[0].upload[0].size_bytes";
    let breach = json!({"field": field, "reason": "invalid value: integer `-1`, expected u64"});
    for path in ["/validate", "/runs"] {
        assert_eq!(ask(Method::POST, path, &invalid).await, (StatusCode::UNPROCESSABLE_ENTITY, breach.clone(), vec![]));
    }
    let (status, breach, _) = ask(Method::POST, "/validate", "{").await;
    let expect = json!({"field": "", "reason": "This is not JSON: EOF while parsing an object at line 1 column 1"});
    assert_eq!((status, breach), (StatusCode::UNPROCESSABLE_ENTITY, expect));
}

#[tokio::test]
async fn objects_are_uploaded_and_deleted_by_their_names() {
    let name = "<img onerror=…>";
    let body = json!({"object_name": name, "size_bytes": 7}).to_string();
    let (status, _, asked) = ask(Method::POST, "/objects", &body).await;
    assert_eq!((status, asked), (StatusCode::OK, vec![format!("upload {name} 7")]));
    let (status, answer, asked) = ask(Method::DELETE, "/objects", &json!({"object_name": name}).to_string()).await;
    let reason = json!({"reason": "DeleteObject failed: there was no answer in time"});
    assert_eq!((status, answer, asked), (StatusCode::BAD_GATEWAY, reason, vec![format!("delete {name}")]));
}

#[tokio::test]
async fn dead_letters_go_back_to_where_they_came_from() {
    let (_, answer, asked) = ask(Method::POST, "/redrive", r#"{"queue":"TrackingDlq"}"#).await;
    assert_eq!((answer, asked), (json!({"result": "done"}), vec!["redrive TrackingDlq TrackingQueue".to_owned()]));
    let (status, breach, asked) = ask(Method::POST, "/redrive", r#"{"queue":"TrackingQueue"}"#).await;
    let expect = json!({"field": "queue", "reason": "it must be TrackingDlq or LoggingDlq"});
    assert_eq!((status, breach, asked), (StatusCode::UNPROCESSABLE_ENTITY, expect, vec![]));
}

#[tokio::test]
async fn other_sites_are_refused_on_every_way_in() {
    for (method, path) in [(Method::GET, "/"), (Method::GET, "/events"), (Method::POST, "/runs")] {
        let app = App { shared: Arc::new(Shared::new(nothing())), actor: Arc::new(Notes::default()) };
        let request = Request::builder().method(method).uri(path).header("host", "evil.example:4000");
        let response = router(app, 4000).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
    }
}
