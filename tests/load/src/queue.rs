//! The tracking queue, as `infra/template.yaml` has it: a message that was not deleted comes again.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::bucket::{Bucket, Happened};
use crate::run::Arrivals;

/// For how long nobody else receives a message, in seconds.
pub const VISIBILITY: f64 = 91.0;
/// After how many deliveries a message is a dead letter.
pub const DELIVERIES: u32 = 500;
/// After how many seconds a message is lost.
pub const RETENTION: f64 = 1_209_600.0;

#[derive(Debug)]
pub struct Queue {
    bucket: Bucket,
    arrivals: Arrivals,
    /// How many seconds each takes to come.
    delay: f64,
    /// How many have come.
    sent: u64,
    ready: VecDeque<Message>,
    /// Those that nobody receives for now, by the milliseconds at which somebody does.
    hidden: BinaryHeap<Reverse<(u64, Message)>>,
    pub deleted: u64,
    pub redelivered: u64,
    /// The most deliveries that a message has had.
    pub most_deliveries: u32,
    pub dead: u64,
    pub lost: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    pub happened: Happened,
    sent_ms: u64,
    deliveries: u32,
}

impl Queue {
    pub fn new(bucket: Bucket, arrivals: Arrivals) -> Self {
        let (ready, hidden) = (VecDeque::new(), BinaryHeap::new());
        Self {
            bucket,
            arrivals,
            delay: 0.0,
            sent: 0,
            ready,
            hidden,
            deleted: 0,
            redelivered: 0,
            most_deliveries: 0,
            dead: 0,
            lost: 0,
        }
    }

    /// Has messages take so long to come, in seconds.
    pub fn delays(&mut self, delay: f64) {
        self.delay = delay;
    }

    /// Sends a message about what happens to the bucket at `now`, in seconds.
    pub fn send<E>(&mut self, happens: impl FnOnce(&mut Bucket) -> Result<Happened, E>, now: f64) -> Result<(), E> {
        let message = Message { happened: happens(&mut self.bucket)?, sent_ms: milliseconds(now), deliveries: 0 };
        self.hidden.push(Reverse((milliseconds(now + self.delay), message)));
        Ok(())
    }

    /// How many can be received at `now`, in seconds, if as many are wanted.
    pub fn visible(&mut self, now: f64, wanted: usize) -> usize {
        let now_ms = milliseconds(now);
        while let Some(Reverse((at, message))) = self.hidden.peek().copied().filter(|Reverse((at, _))| *at <= now_ms) {
            debug_assert!(at <= now_ms);
            self.hidden.pop();
            self.ready.push_back(message);
        }
        let come = match self.arrivals {
            Arrivals::Backlog => self.sent + wanted.saturating_sub(self.ready.len()) as u64,
            Arrivals::PerSecond { rate, seconds } => (rate * (now - self.delay).min(seconds)) as u64,
        };
        while self.sent < come {
            self.sent += 1;
            let sent_ms = match self.arrivals {
                Arrivals::Backlog => now_ms,
                Arrivals::PerSecond { rate, .. } => milliseconds(self.sent as f64 / rate),
            };
            self.ready.push_back(Message { happened: self.bucket.happen(), sent_ms, deliveries: 0 });
        }
        self.ready.len()
    }

    /// Hands over as many as there are and fit.
    pub fn receive(&mut self, now: f64, most: usize) -> Vec<Message> {
        self.visible(now, most);
        let mut received = Vec::new();
        while received.len() < most
            && let Some(mut message) = self.ready.pop_front()
        {
            if now - message.sent_ms as f64 / 1e3 > RETENTION {
                self.lost += 1;
            } else if message.deliveries >= DELIVERIES {
                self.dead += 1;
            } else {
                message.deliveries += 1;
                self.redelivered += u64::from(message.deliveries > 1);
                self.most_deliveries = self.most_deliveries.max(message.deliveries);
                received.push(message);
            }
        }
        received
    }

    /// Has messages come again that were received at a moment.
    pub fn keep(&mut self, messages: Vec<Message>, received: f64) {
        let at = milliseconds(received + VISIBILITY);
        self.hidden.extend(messages.into_iter().map(|message| Reverse((at, message))));
    }

    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// How many wait, or are about to come again.
    pub fn waiting(&self) -> u64 {
        (self.ready.len() + self.hidden.len()) as u64
    }

    /// Since when the oldest one waits, in seconds.
    pub fn oldest(&self, now: f64) -> f64 {
        let all = self.ready.iter().chain(self.hidden.iter().map(|Reverse((_, message))| message));
        all.map(|message| now - message.sent_ms as f64 / 1e3).fold(0.0, f64::max)
    }

    /// Whether nothing is left and nothing comes any more.
    pub fn is_done(&self, now: f64) -> bool {
        let has_end = matches!(self.arrivals, Arrivals::PerSecond { seconds, .. } if now >= seconds);
        has_end && self.waiting() == 0
    }
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1e3) as u64
}
