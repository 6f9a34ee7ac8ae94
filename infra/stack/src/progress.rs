//! What happens between a command and its result, as it is told to whoever watches.

use std::fmt;
use std::sync::Arc;

/// Tells somebody about progress. Cloning it tells the same one.
#[derive(Clone)]
pub struct Reporter(Arc<dyn Fn(Progress) + Send + Sync>);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A step began.
    Began(Step),
    /// A step goes on; what it is at.
    Detail(Step, String),
    /// A step goes on, and says so too often for anything but a live display.
    Glimpse(Step, String),
    /// A step is done; what came of it.
    Done(Step, String),
    /// The execution entered a state.
    State(String),
    /// The ledger's total changed; in bytes.
    Total(u64),
    /// The alarm's state changed, such as to `ALARM`.
    Alarm(String),
    /// Something of the stack isn't what it should be.
    Problem(String),
}

/// A step on the way to a result; its name says what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Step(pub &'static str);

impl Step {
    /// Run a scenario.
    pub const RUN: Self = Self("run");
    /// Audit the ledger.
    pub const AUDIT: Self = Self("audit");
    /// Serve the page.
    pub const PAGE: Self = Self("page");
}

impl Reporter {
    /// Tells `listener`.
    pub fn new(listener: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listener))
    }

    /// Tells nobody.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// Tells that `progress` was made.
    pub fn tell(&self, progress: Progress) {
        (self.0)(progress);
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter")
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
