"""Looks once whether the alarm is back to OK."""

from datetime import timedelta

import alarm
from environment import AlarmDeadlinePassed, now, task, to_moment, to_text


@task
def handle(request, context):
    found = alarm.describe()
    state, since = found["StateValue"], found["StateUpdatedTimestamp"]
    done = is_ok(state, since, request)
    if not done and now() >= to_moment(request["deadline"]):
        reason = found.get("StateReason", "")
        raise AlarmDeadlinePassed(f"the alarm should be OK, but it is in {state} since {to_text(since)}: {reason}")
    return {"done": done, "state": state, "state_since": to_text(since)}


def is_ok(state, since, request):
    """An OK from before the total settled counts once the period after that one is over, too."""
    if state != "OK" or request["settled_at"] is None:
        return state == "OK"
    settled = to_moment(request["settled_at"])
    into_period = settled.timestamp() % request["period_seconds"]
    evaluated = settled + timedelta(seconds=2 * request["period_seconds"] - into_period)
    return since >= settled or now() >= evaluated
