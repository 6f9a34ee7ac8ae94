"""Says when the next alarm window opens."""

from datetime import timedelta

from environment import now, task, to_text
from ledger import read


@task
def handle(request, context):
    state, _ = read()
    opens = opens_at(now(), request["period_seconds"])
    return {"opens_at": to_text(opens), "after_event_key": state.get("last_event_key", "")}


def opens_at(now, period):
    """Now in the first half of a period, else the start of the next one."""
    into_period = now.timestamp() % period
    return now if into_period * 2 < period else now + timedelta(seconds=period - into_period)
