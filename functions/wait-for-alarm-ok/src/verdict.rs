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

    #[track_caller]
    fn check(state: &str, state_since: &str, settled_at: Option<&str>, now: &str, expect: bool) {
        let at = |time: &str| format!("2026-08-01T10:00:{time}Z").parse().unwrap();
        let request = WaitForAlarmOkRequest {
            run_id: "r".into(),
            period_seconds: 10,
            settled_at: settled_at.map(at),
            deadline: at("59"),
        };
        assert_eq!(is_ok(state, at(state_since), &request, at(now)), expect);
    }

    #[test]
    fn an_ok_after_the_deletion_counts() {
        check("ALARM", "10", Some("12"), "15", false);
        check("OK", "20", Some("12"), "21", true);
    }

    #[test]
    fn an_ok_from_before_the_deletion_counts_once_the_alarm_had_time_to_change() {
        check("OK", "00", Some("08"), "09", false);
        check("OK", "00", Some("08"), "19", false);
        check("OK", "00", Some("08"), "20", true);
    }

    #[test]
    fn without_a_deletion_any_ok_counts() {
        check("OK", "00", None, "09", true);
        check("INSUFFICIENT_DATA", "00", None, "09", false);
    }
}
