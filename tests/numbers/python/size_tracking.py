"""Applies S3 object events to the ledger and writes the running total."""

from environment import BUCKET, write_line
from ledger import apply, read
from notification import read_batch


def handle(event, context):
    messages, answer = read_batch(event.get("Records", []))
    events = [event for _, events in messages for event in events]
    applied = []
    if events:

        def committed(record):
            write_total(record, context.aws_request_id)
            applied.append(record)

        effort = apply(events, committed)
        write_line("applied a batch", delivered=len(events), applied=len(applied), **effort)
    if not applied and (events or event.get("heartbeat")):
        write_heartbeat(context.aws_request_id)
    return answer


def write_total(record, request_id):
    name, delta, total = record["object_name"], record["size_delta"], record["total_size"]
    write_line(
        f"{record['event_type']} of {name} changed the total by {delta} to {total} bytes",
        request_id=request_id,
        bucket_name=BUCKET,
        total_size=total,
        size_delta=delta,
        event_type=record["event_type"],
        object_name=name,
        event_key=record["event_key"],
    )


def write_heartbeat(request_id):
    state, _ = read()
    total = state.get("total_size", 0)
    write_line(
        f"the total is still {total} bytes",
        request_id=request_id,
        bucket_name=BUCKET,
        total_size=total,
        size_delta=0,
        event_type="Heartbeat",
        object_name=None,
        event_key=state.get("last_event_key", ""),
    )
