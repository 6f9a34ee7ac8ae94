//! Stands between Lambda and a function, and keeps a copy of everything that passes.
//!
//! Deployed as `bootstrap` beside a `tap.json`, it starts the function that the file names, with itself for Lambda's runtime
//! API. An invocation's event and what the function answers are written to the directory that the file names, as
//! `<function>/<request id>.<event|response|error>.json`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::process::Command;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// What `tap.json` says.
#[derive(Deserialize)]
struct Settings {
    program: PathBuf,
    /// Where the copies go.
    directory: PathBuf,
}

struct Tap {
    runtime_api: String,
    directory: PathBuf,
    client: Client<HttpConnector, Full<Bytes>>,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Error> {
    let beside = std::env::current_exe()?.with_file_name("tap.json");
    let settings: Settings = serde_json::from_slice(&std::fs::read(beside)?)?;
    let directory = settings.directory.join(std::env::var("AWS_LAMBDA_FUNCTION_NAME")?);
    std::fs::create_dir_all(&directory)?;
    let runtime_api = std::env::var("AWS_LAMBDA_RUNTIME_API")?;
    let tap = Arc::new(Tap { runtime_api, directory, client: Client::builder(TokioExecutor::new()).build_http() });

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    // If Lambda kills this process, the function finds its runtime API gone, and ends.
    let mut function =
        Command::new(settings.program).env("AWS_LAMBDA_RUNTIME_API", address).kill_on_drop(true).spawn()?;
    loop {
        tokio::select! {
            status = function.wait() => return Ok(if status?.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
            connection = listener.accept() => {
                let (stream, _) = connection?;
                let tap = tap.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| tap.pass(request));
                    // A function that ends breaks its connection; its status says more.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        }
    }
}

impl Tap {
    async fn pass(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Error> {
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        if parts.method == Method::POST {
            // `/2018-06-01/runtime/invocation/<request id>/<response or error>`
            let mut path = parts.uri.path().rsplit('/');
            if let (Some(kind), Some(request_id)) = (path.next(), path.next()) {
                self.keep(request_id, kind, &body)?;
            }
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("http://{}{path}", self.runtime_api).parse()?;
        let answer = self.client.request(Request::from_parts(parts, Full::new(body))).await?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        if let Some(request_id) = parts.headers.get("lambda-runtime-aws-request-id") {
            self.keep(request_id.to_str()?, "event", &body)?;
        }
        Ok(Response::from_parts(parts, Full::new(body)))
    }

    fn keep(&self, request_id: &str, kind: &str, body: &[u8]) -> Result<(), Error> {
        std::fs::write(self.directory.join(format!("{request_id}.{kind}.json")), body)?;
        Ok(())
    }
}
