//! A bucket behind the model, on tokio's clock.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpRequest;
use tokio::time::{Instant, sleep};

use crate::capacity::parameters::S3Parameters;
use crate::connector::{Answer, Reply, patient_http_client};
use crate::s3::persistent_s3_client;

/// An S3 that takes its time and has room for so many writes under one prefix.
#[derive(Clone)]
pub struct PacedS3(Arc<Mutex<State>>);

/// What was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct S3Counts {
    pub requests: u64,
    /// Those that S3 had no room for.
    pub slowed: u64,
    /// For how many seconds some request has been under way.
    pub busy: f64,
}

struct State {
    parameters: S3Parameters,
    /// Does what a request asks for.
    answers: Box<dyn FnMut(&HttpRequest) -> Reply + Send>,
    random: fastrand::Rng,
    counts: S3Counts,
    start: Instant,
    /// How many writes there is room for, and when that was so.
    room: (f64, f64),
    under_way: u32,
    /// Since when some request has been under way.
    busy_since: f64,
}

impl PacedS3 {
    pub fn new(
        parameters: S3Parameters,
        seed: u64,
        answers: impl FnMut(&HttpRequest) -> Reply + Send + 'static,
    ) -> Self {
        let state = State {
            room: (parameters.prefix_writes, 0.0),
            parameters,
            answers: Box::new(answers),
            random: fastrand::Rng::with_seed(seed),
            counts: S3Counts::default(),
            start: Instant::now(),
            under_way: 0,
            busy_since: 0.0,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// A client of the bucket, with the SDK's own retries.
    pub fn client(&self) -> Client {
        let paced = self.clone();
        persistent_s3_client(patient_http_client(move |request| {
            let paced = paced.clone();
            // Whoever asked may be gone before it is done.
            async move { tokio::spawn(async move { paced.answer(&request).await }).await.unwrap() }
        }))
    }

    pub fn counts(&self) -> S3Counts {
        let state = self.state();
        let busy = if state.under_way > 0 { state.start.elapsed().as_secs_f64() - state.busy_since } else { 0.0 };
        S3Counts { busy: state.counts.busy + busy, ..state.counts }
    }

    /// What is done is done half-way.
    async fn answer(&self, request: &HttpRequest) -> Answer {
        let (has_room, milliseconds) = self.state().begin(request.method() == "DELETE");
        sleep(Duration::from_millis(milliseconds / 2)).await;
        let reply = match has_room {
            true => (self.state().answers)(request),
            false => {
                (503, "<Error><Code>SlowDown</Code><Message>reduce your request rate</Message></Error>".to_owned())
                    .into()
            }
        };
        sleep(Duration::from_millis(milliseconds.div_ceil(2))).await;
        self.state().end();
        Ok(reply)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    /// Whether there is room for a request, and how many milliseconds it takes.
    fn begin(&mut self, is_write: bool) -> (bool, u64) {
        let now = self.start.elapsed().as_secs_f64();
        let rate = self.parameters.prefix_writes - self.parameters.others_writes;
        let (room, at) = self.room;
        self.room = ((room + rate * (now - at)).min(rate), now);
        let has_room = !is_write || self.room.0 >= 1.0;
        self.counts.requests += 1;
        match has_room {
            true if is_write => self.room.0 -= 1.0,
            true => {}
            false => self.counts.slowed += 1,
        }
        if self.under_way == 0 {
            self.busy_since = now;
        }
        self.under_way += 1;
        (has_room, self.parameters.latency.milliseconds(1, self.random.f64()) as u64)
    }

    fn end(&mut self) {
        self.under_way -= 1;
        if self.under_way == 0 {
            self.counts.busy += self.start.elapsed().as_secs_f64() - self.busy_since;
        }
    }
}
