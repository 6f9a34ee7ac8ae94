//! When an OK counts.

use jiff::{SignedDuration, Timestamp};
use spillway_contracts::task::WaitForAlarmOkRequest;

/// Whether the alarm is OK and has seen the total that the cycle settled at.
///
/// After a deletion the alarm is in ALARM, and goes to OK once a period without a total at the threshold is over. But
/// where the cleaner was faster than the alarm (its schedule may be), the alarm is still OK from before, is about to go
/// to ALARM, and would not act on an upload meanwhile. So an OK from before counts only once the period after the one
/// in which the total settled is over, too.
pub fn is_ok(state: &str, state_since: Timestamp, request: &WaitForAlarmOkRequest, now: Timestamp) -> bool {
    if state != "OK" {
        return false;
    }
    let Some(settled_at) = request.settled_at else { return true };
    let period = i64::from(request.period_seconds.max(1));
    let settled_period = settled_at.as_second().div_euclid(period) * period;
    let evaluated = SignedDuration::from_secs(settled_period + 2 * period);
    state_since >= settled_at || now.as_duration() >= evaluated
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When things happened, in seconds after 10:00.
    #[derive(Clone, Copy)]
    struct Times {
        state_since: i64,
        settled_at: Option<i64>,
        now: i64,
    }

    #[track_caller]
    fn check(state: &str, Times { state_since, settled_at, now }: Times, expect: bool) {
        let at = |second: i64| Timestamp::from_second(1_785_578_400 + second).unwrap();
        let request = WaitForAlarmOkRequest {
            run_id: "r".into(),
            period_seconds: 10,
            settled_at: settled_at.map(at),
            deadline: at(59),
        };
        assert_eq!(is_ok(state, at(state_since), &request, at(now)), expect);
    }

    #[test]
    fn an_ok_after_the_deletion_counts() {
        check("ALARM", Times { state_since: 10, settled_at: Some(12), now: 15 }, false);
        check("OK", Times { state_since: 20, settled_at: Some(12), now: 21 }, true);
    }

    #[test]
    fn an_ok_from_before_the_deletion_counts_once_the_alarm_had_time_to_change() {
        check("OK", Times { state_since: 0, settled_at: Some(8), now: 9 }, false);
        check("OK", Times { state_since: 0, settled_at: Some(8), now: 19 }, false);
        check("OK", Times { state_since: 0, settled_at: Some(8), now: 20 }, true);
    }

    #[test]
    fn without_a_deletion_any_ok_counts() {
        check("OK", Times { state_since: 0, settled_at: None, now: 9 }, true);
        check("INSUFFICIENT_DATA", Times { state_since: 0, settled_at: None, now: 9 }, false);
    }
}
