//! Serves the page, live, on the loopback interface.

mod actions;
mod events;
mod guard;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::document;
use crate::stack::Stack;
use crate::watch::{Shared, Watch};

/// A page that is served until this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// What the answers are made of.
#[derive(Clone)]
struct App {
    shared: Arc<Shared>,
    actor: Arc<dyn actions::Actor>,
}

impl Server {
    /// Listens on a free port. What people do on the page is done to `stack`, which `watch` looks at.
    pub async fn listen(watch: &Watch, stack: Stack) -> io::Result<Self> {
        let actor = Arc::new(actions::OnStack::new(stack, watch.follower()));
        Self::with(App { shared: watch.shared(), actor }).await
    }

    async fn with(app: App) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = router(app, address.port());
        let task = tokio::spawn(async move {
            // It ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, task })
    }

    /// What to open in a browser.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(app: App, port: u16) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/events", get(events::events))
        .route("/validate", post(actions::validate))
        .route("/runs", post(actions::start))
        .route("/objects", post(actions::upload).delete(actions::delete))
        .route("/redrive", post(actions::redrive))
        .with_state(app)
        .layer(middleware::from_fn_with_state(port, guard::guard))
}

async fn page(State(_): State<App>) -> Response {
    let (page, policy) = document::live();
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    (headers, page).into_response()
}

#[cfg(test)]
mod tests;
