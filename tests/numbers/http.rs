//! A server for what is measured to talk to.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// An answer, or that its request was broken off.
pub type Answer = Result<Response<Full<Bytes>>, hyper::Error>;

/// A server on a free port of the loopback interface, which runs until it is dropped.
pub struct Server {
    /// Its host and port.
    pub address: String,
    _task: JoinSet<()>,
}

impl Server {
    /// Answers every request with `answer`.
    pub async fn start<A>(answer: impl Fn(Request<Incoming>) -> A + Clone + Send + 'static) -> Self
    where
        A: Future<Output = Answer> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let answer = answer.clone();
                // A function that ends breaks its connection.
                connections.spawn(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
                });
            }
        });
        Self { address, _task: task }
    }
}
