//! What came of a load.

use spillway_fake_aws::capacity::Counts;

#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Events that were recorded, in a second.
    pub events_per_second: f64,
    /// Of an event: reads and transactions, refused ones included.
    pub requests: f64,
    pub write_units: f64,
    pub read_units: f64,
    /// Transactions that met another one, or came after it.
    pub conflicts: f64,
    /// Transactions and reads that a partition had no room for.
    pub throttled: f64,
    /// The part of the time for which a transaction was at `__STATE__`.
    pub state_busy: f64,
    /// What keeps it from being more.
    pub cause: String,
    /// Batches that failed and came again.
    pub failed_batches: u64,
    pub redelivered: u64,
    /// The most deliveries that a message has had.
    pub most_deliveries: u32,
    /// Messages that went to the dead-letter queue, or that the queue has dropped.
    pub lost: u64,
    /// Messages that were still there at the end, and the seconds that the oldest one had waited.
    pub waiting: u64,
    pub oldest_seconds: f64,
    /// Whether the ledger's total and count are the sums of its rows, each record follows from the one before, and what the
    /// rows say is what happened (as far as nothing waits).
    pub is_exact: bool,
}

/// A part of all transactions: with more than this refused, the partition is what limits.
const REFUSED: f64 = 0.05;

/// Another part, of the time.
const BUSY: f64 = 0.75;

/// What limits, by what was counted.
pub fn cause(counts: &Counts, most_refused: Option<(&str, &str, u64)>, state_busy: f64) -> String {
    let asked = (counts.reads + counts.transactions).max(1) as f64;
    match most_refused {
        Some(("history", key, _)) if counts.throttled as f64 / asked > REFUSED => format!("HistoryTable, key `{key}`"),
        Some(("objects", key, _)) if counts.throttled as f64 / asked > REFUSED => format!("ObjectTable, `{key}`"),
        Some((index, key, _)) if counts.throttled as f64 / asked > REFUSED => format!("`{index}`, key `{key}`"),
        _ if state_busy > BUSY => "`__STATE__`".to_owned(),
        _ => "the trackers' own pace".to_owned(),
    }
}
