//! When an OK counts.

use jiff::Timestamp;
use spillway_contracts::task::{WaitForAlarmOkRequest, WaitForAlarmOkResponse};

use crate::Error;

/// Judges what the alarm says: done, not yet, or too late.
///
/// After a deletion the alarm is in ALARM, and goes to OK once a period without a total at the threshold is over. An OK from
/// before the deletion says nothing: the alarm is about to go off, or it is deaf because no total reaches its metric. It would
/// still be OK then, and the schedule might have had the cleaner delete.
pub fn judge(
    request: &WaitForAlarmOkRequest,
    alarm: WaitForAlarmOkResponse,
    reason: &str,
    now: Timestamp,
) -> Result<WaitForAlarmOkResponse, Error> {
    let WaitForAlarmOkResponse { ref state, state_since, .. } = alarm;
    let stale = request.settled_at.filter(|settled_at| state != "ALARM" && state_since < *settled_at);
    if state == "OK" && stale.is_none() {
        return Ok(WaitForAlarmOkResponse { done: true, ..alarm });
    }
    if now < request.deadline {
        return Ok(alarm);
    }
    let (deadline, state) = (request.deadline, state.clone());
    Err(match stale {
        Some(settled_at) => Error::DidNotGoOff { deadline, settled_at, state, state_since },
        None => Error::Deadline { deadline, state, state_since, reason: reason.to_owned() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_contracts::{ErrorName, Failure};

    /// When things happened, in seconds after 10:00. The deadline is at 59.
    #[derive(Clone, Copy)]
    struct Times {
        state_since: i64,
        settled_at: Option<i64>,
        now: i64,
    }

    #[track_caller]
    fn check(state: &str, Times { state_since, settled_at, now }: Times, expect: Result<bool, ErrorName>) {
        let at = |second: i64| Timestamp::from_second(1_785_578_400 + second).unwrap();
        let (settled_at, deadline) = (settled_at.map(at), at(59));
        let request = WaitForAlarmOkRequest { run_id: "r".into(), settled_at, deadline };
        let alarm = WaitForAlarmOkResponse { done: false, state: state.into(), state_since: at(state_since) };
        let judged = judge(&request, alarm, "a reason", at(now));
        assert_eq!(judged.map(|alarm| alarm.done).map_err(|error| Failure::from(error).name), expect);
    }

    #[test]
    fn an_ok_after_the_deletion_counts() {
        check("ALARM", Times { state_since: 10, settled_at: Some(12), now: 15 }, Ok(false));
        check("OK", Times { state_since: 20, settled_at: Some(12), now: 21 }, Ok(true));
        check("OK", Times { state_since: 20, settled_at: Some(12), now: 60 }, Ok(true));
        check("ALARM", Times { state_since: 10, settled_at: Some(12), now: 59 }, Err(ErrorName::AlarmDeadlinePassed));
    }

    #[test]
    fn an_ok_from_before_the_deletion_never_counts() {
        check("OK", Times { state_since: 0, settled_at: Some(8), now: 9 }, Ok(false));
        check("OK", Times { state_since: 0, settled_at: Some(8), now: 58 }, Ok(false));
        check("OK", Times { state_since: 0, settled_at: Some(8), now: 59 }, Err(ErrorName::AlarmDidNotGoOff));
        let silent = Times { state_since: 0, settled_at: Some(8), now: 59 };
        check("INSUFFICIENT_DATA", silent, Err(ErrorName::AlarmDidNotGoOff));
    }

    #[test]
    fn without_a_deletion_any_ok_counts() {
        check("OK", Times { state_since: 0, settled_at: None, now: 9 }, Ok(true));
        check("INSUFFICIENT_DATA", Times { state_since: 0, settled_at: None, now: 9 }, Ok(false));
        let silent = Times { state_since: 0, settled_at: None, now: 59 };
        check("INSUFFICIENT_DATA", silent, Err(ErrorName::AlarmDeadlinePassed));
    }
}
