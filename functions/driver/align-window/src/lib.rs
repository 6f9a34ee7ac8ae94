//! Says when the next alarm window opens.
//!
//! Changes nothing; asked twice, it answers for the later moment.

use jiff::Timestamp;
use spillway_contracts::task::{AlignWindowRequest, AlignWindowResponse};
use spillway_ledger_store::{Store, StoreError};

#[derive(Debug)]
pub struct Deps {
    pub store: Store,
}

/// Says when to upload, and where the history stands before that.
pub async fn handle(
    deps: &Deps,
    request: AlignWindowRequest,
    now: Timestamp,
) -> Result<AlignWindowResponse, StoreError> {
    let state = deps.store.state().await?;
    Ok(AlignWindowResponse {
        opens_at: opens_at(now, request.period_seconds),
        after_event_key: state.map(|state| state.last_event_key).unwrap_or_default(),
    })
}

/// `now` in the first half of a period, otherwise the start of the next one.
///
/// CloudWatch's periods are aligned to the epoch. A cycle's totals should fall into one period, so that the alarm sees
/// the highest of them at that period's end; half of it is ample for that, and waiting for a whole one would add up to
/// a period to each cycle for nothing.
fn opens_at(now: Timestamp, period_seconds: u32) -> Timestamp {
    let period = i64::from(period_seconds.max(1)) * 1000;
    let into_period = now.as_millisecond().rem_euclid(period);
    if into_period * 2 < period {
        return now;
    }
    Timestamp::from_millisecond(now.as_millisecond() - into_period + period).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(now: &str, period_seconds: u32, expect: &str) {
        assert_eq!(opens_at(now.parse().unwrap(), period_seconds), expect.parse().unwrap());
    }

    #[test]
    fn the_first_half_of_a_period_is_open() {
        check("2026-08-01T10:00:00Z", 60, "2026-08-01T10:00:00Z");
        check("2026-08-01T10:00:29.999Z", 60, "2026-08-01T10:00:29.999Z");
        check("2026-08-01T10:00:14.5Z", 10, "2026-08-01T10:00:14.5Z");
    }

    #[test]
    fn from_its_middle_on_the_next_period_is_waited_for() {
        check("2026-08-01T10:00:30Z", 60, "2026-08-01T10:01:00Z");
        check("2026-08-01T10:59:59.9Z", 60, "2026-08-01T11:00:00Z");
        check("2026-08-01T10:00:15Z", 10, "2026-08-01T10:00:20Z");
    }
}
