"""The object events in a batch of queue messages: SQS body, SNS envelope, S3 notification."""

import json
from urllib.parse import unquote_plus

from environment import BUCKET, write_line


def read_batch(records):
    """The events of each message that can be read, and the answer that has the others delivered again."""
    messages, failures = [], []
    for record in records:
        try:
            messages.append((record["messageId"], read_message(record["body"])))
        except (KeyError, TypeError, ValueError) as error:
            text = "a message can't be read, so it goes to the dead-letter queue"
            write_line(text, level="ERROR", message_id=record["messageId"], error=repr(error))
            failures.append({"itemIdentifier": record["messageId"]})
    return messages, {"batchItemFailures": failures}


def read_message(body):
    message = json.loads(json.loads(body)["Message"])
    if message.get("Event") == "s3:TestEvent":
        return []
    events = [read_record(record) for record in message["Records"]]
    return [event for event in events if event]


def read_record(record):
    bucket, found = record["s3"]["bucket"]["name"], record["s3"]["object"]
    if bucket != BUCKET:
        raise ValueError(f"it is about the bucket {bucket}, but this is the ledger of {BUCKET}")
    kind = record["eventName"].partition(":")[0]
    if kind not in ("ObjectCreated", "ObjectRemoved", "LifecycleExpiration"):
        return None
    int(found["sequencer"], 16)
    created = kind == "ObjectCreated"
    return {
        "object_name": unquote_plus(found["key"], errors="strict"),
        "event_type": record["eventName"],
        "size": int(found["size"]) if created else None,
        "etag": found.get("eTag") if created else None,
        "sequencer": found["sequencer"],
        "event_time": record["eventTime"],
    }
