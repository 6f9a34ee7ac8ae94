//! What goes on, as server-sent events: all there is, then what changes.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use serde::Serialize;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt, iter};

use super::App;
use crate::watch::Change;

/// A browser that has fallen too far behind is left, comes back by itself, and gets all there is.
pub(super) async fn events(State(app): State<App>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (recording, trouble, changes) = app.shared.join();
    let all = [event("recording", &recording), event("trouble", &trouble)];
    let changes = BroadcastStream::new(changes).map_while(Result::ok).map(|change| told(&change));
    Sse::new(iter(all).chain(changes).map(Ok)).keep_alive(KeepAlive::default())
}

fn told(change: &Arc<Change>) -> Event {
    match &**change {
        Change::Records(records) => event("records", records),
        Change::Trouble(trouble) => event("trouble", trouble),
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).json_data(data).unwrap_or_default()
}
