"""Writes one structured log line for every S3 object event."""

from botocore.exceptions import BotoCoreError, ClientError

from environment import BUCKET, write_line
from fold import rank
from ledger import row
from notification import read_batch


def handle(batch, context):
    messages, answer = read_batch(batch["Records"])
    for message_id, events in messages:
        for event in events:
            write_line(
                f"{event['event_type']} of {event['object_name']}",
                request_id=context.aws_request_id,
                bucket_name=BUCKET,
                object_name=event["object_name"],
                event_type=event["event_type"],
                size_delta=size_delta(event, message_id),
                sequencer=event["sequencer"],
                event_time=event["event_time"],
                message_id=message_id,
            )
    return answer


def size_delta(event, message_id):
    """What the event changed the total by; None unless the row is the one that tracking made of this very event."""
    try:
        found = row(event["object_name"])
    except (BotoCoreError, ClientError) as error:
        text = "the ledger can't be read, so the size is unknown"
        write_line(text, level="WARN", message_id=message_id, error=str(error))
        return None
    if not found or rank(found["sequencer"]) != rank(event["sequencer"]):
        return None
    if "size" in found:
        return found["size_delta"]
    known = found["last_size"] is not None and found["size_delta"] == -found["last_size"]
    return found["size_delta"] if known else None
