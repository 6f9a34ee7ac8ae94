"""What a batch of events does to the rows that it touches."""

from datetime import timedelta

from environment import BUCKET, to_text

STATE_KEY = "__STATE__"
RESERVED = (STATE_KEY, "__RUN__")
TRANSACTION_ACTIONS = 100
# Longer than any copy of an older event can live in SQS.
TOMBSTONE_LIFE = timedelta(days=15)


def row_key(name):
    """Objects may be named like a row of the ledger's own; such names get a backslash in front."""
    return "\\" + name if name.lstrip("\\") in RESERVED else name


def row_name(key):
    return key[1:] if key.startswith("\\") and key.lstrip("\\") in RESERVED else key


def rank(sequencer):
    """Sequencers compare as texts of which the shorter is padded with zeros."""
    return sequencer.upper().rstrip("0")


def in_order(events):
    """Sorted by the time that S3 gives; the events of one object in the order of their sequencers."""
    events = sorted(events, key=lambda event: (event["event_time"], rank(event["sequencer"])))
    queues = {}
    for event in sorted(events, key=lambda event: rank(event["sequencer"])):
        queues.setdefault(event["object_name"], []).append(event)
    return [queues[event["object_name"]].pop(0) for event in events]


def fold(state, rows, events, now):
    """Folds as many events as fit into one transaction: the new state, rows and records, and the events that are left.

    An event that isn't newer than its object's row was applied before, or came too late to matter.
    """
    changed, records = {}, []
    for position, event in enumerate(events):
        key = row_key(event["object_name"])
        if 1 + len(changed.keys() | {key}) + len(records) + 1 > TRANSACTION_ACTIONS:
            return state, changed, records, events[position:]
        previous = changed.get(key) or rows.get(key) or {}
        if previous and rank(previous["sequencer"]) >= rank(event["sequencer"]):
            continue
        delta = (event["size"] or 0) - previous.get("size", 0)
        changed[key] = row(key, event, previous, delta, now)
        count = ("size" in changed[key]) - ("size" in previous)
        state = next_state(state, delta, count, now)
        records.append(record(state, event, delta))
    return state, changed, records, []


def row(key, event, previous, delta, now):
    common = {
        "object_name": key,
        "bucket_name": BUCKET,
        "size_delta": delta,
        "sequencer": event["sequencer"],
        "updated_at": to_text(now),
    }
    if event["size"] is not None:
        return {**common, "size": event["size"], "etag": event["etag"]}
    last_size = previous.get("size", previous.get("last_size"))
    return {**common, "last_size": last_size, "expires_at": int((now + TOMBSTONE_LIFE).timestamp())}


def next_state(state, delta, count, now):
    version = state.get("version", 0) + 1
    # Clocks of two trackers differ; keys must not go back.
    at = max(state.get("updated_at", ""), to_text(now))
    return {
        "object_name": STATE_KEY,
        "total_size": state.get("total_size", 0) + delta,
        "object_count": state.get("object_count", 0) + count,
        "version": version,
        "last_event_key": f"{at}#{version:020}",
        "updated_at": at,
    }


def record(state, event, delta):
    return {
        "bucket_name": BUCKET,
        "event_key": state["last_event_key"],
        "object_name": event["object_name"],
        "event_type": event["event_type"],
        "size_delta": delta,
        "total_size": state["total_size"],
        "size": event["size"],
        "etag": event["etag"],
        "sequencer": event["sequencer"],
        "event_time": event["event_time"],
        "committed_at": state["updated_at"],
    }
