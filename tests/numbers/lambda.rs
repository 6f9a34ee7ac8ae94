//! A Lambda of one function: starts it, is its runtime API, and measures how long it takes and how large it gets.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use crate::http::{Answer, Server};

/// Longer than anything that is measured takes.
const DEADLINE: Duration = Duration::from_secs(900);

/// A function's process.
pub struct Lambda {
    process: Child,
    started: Instant,
    events: mpsc::UnboundedSender<Bytes>,
    calls: mpsc::UnboundedReceiver<Call>,
    _runtime_api: Server,
}

/// What the process asked of the runtime API.
enum Call {
    /// It wants an event.
    Next(Instant),
    /// It has an answer, or an error.
    Answer { at: Instant, kind: String, body: Bytes },
}

/// The runtime API's side.
struct Api {
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    calls: mpsc::UnboundedSender<Call>,
}

impl Lambda {
    /// Starts the function whose `bootstrap` this is, with these variables and no others.
    pub async fn start(bootstrap: &Path, variables: &BTreeMap<String, String>) -> Self {
        let (events, to_process) = mpsc::unbounded_channel();
        let (from_process, calls) = mpsc::unbounded_channel();
        let api = Arc::new(Api { events: Mutex::new(to_process), calls: from_process });
        let server = Server::start(move |request| api.clone().answer(request)).await;
        let mut command = Command::new(bootstrap);
        command.env_clear().envs(variables).env("AWS_LAMBDA_RUNTIME_API", &server.address).kill_on_drop(true);
        command.current_dir(bootstrap.parent().expect("a directory")).stdin(Stdio::null()).stdout(Stdio::null());
        let started = Instant::now();
        let process = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", bootstrap.display()));
        Self { process, started, events, calls, _runtime_api: server }
    }

    /// Waits until the function asks for an event; gives the time since its process was started.
    pub async fn first_poll(&mut self) -> Duration {
        loop {
            if let Call::Next(at) = self.next_call().await {
                return at - self.started;
            }
        }
    }

    /// Gives the function an event; gives when it has answered, and the answer.
    pub async fn invoke(&mut self, event: &Value) -> (Instant, Value) {
        self.events.send(Bytes::from(event.to_string())).expect("the runtime API runs");
        loop {
            if let Call::Answer { at, kind, body } = self.next_call().await {
                assert_eq!(kind, "response", "{}", String::from_utf8_lossy(&body));
                return (at, serde_json::from_slice(&body).expect("answers are JSON"));
            }
        }
    }

    /// When the process was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The most memory that the process has had so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let process = self.process.id().expect("the function runs");
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the kernel knows the process");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        1024 * peak.and_then(|peak| peak.parse::<u64>().ok()).expect("the peak of resident memory")
    }

    /// Ends the process.
    pub async fn stop(mut self) {
        self.process.kill().await.expect("a process can be killed");
    }

    async fn next_call(&mut self) -> Call {
        let call = timeout(DEADLINE, async {
            tokio::select! {
                call = self.calls.recv() => call.expect("the runtime API runs"),
                status = self.process.wait() => panic!("the function ended: {status:?}"),
            }
        });
        call.await.expect("the function answers in time")
    }
}

impl Api {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let at = Instant::now();
        let (parts, body) = request.into_parts();
        if parts.method == Method::POST {
            // `/2018-06-01/runtime/invocation/<request id>/<response or error>`
            let kind = parts.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
            let body = body.collect().await?.to_bytes();
            let _ = self.calls.send(Call::Answer { at, kind, body });
            return Ok(respond(202, Bytes::new()));
        }
        let _ = self.calls.send(Call::Next(at));
        let event = self.events.lock().await.recv().await;
        Ok(respond(200, event.unwrap_or_default()))
    }
}

fn respond(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:numbers")
        .header("lambda-runtime-deadline-ms", u64::from(u32::MAX) * 1000);
    response.body(Full::new(body)).expect("a response")
}
