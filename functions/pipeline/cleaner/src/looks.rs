//! Looking again at a ledger that does not add up.

use std::time::Duration;

/// How many times the cleaner looks.
pub const LOOKS: u32 = 8;

/// The longest pause between two looks; the first one is a fiftieth of it.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Waits before it looks again.
pub async fn pause(look: u32) {
    tokio::time::sleep(LONGEST_PAUSE.min(LONGEST_PAUSE / 100 * 2_u32.pow(look))).await;
}
