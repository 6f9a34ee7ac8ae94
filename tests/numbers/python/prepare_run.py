"""Validates a run's input and empties the bucket of the driver's own leftovers."""

import os
from datetime import timedelta

from botocore.exceptions import ClientError

import alarm
from environment import (
    BUCKET,
    BucketNotEmpty,
    PreparationDeadlinePassed,
    client,
    now,
    status_of,
    task,
    to_moment,
    to_text,
)
from ledger import read
from scenario import play, with_defaults

MAX_DELETES = 0 if os.environ["DRY_RUN"] == "true" else int(os.environ["MAX_DELETES_PER_RUN"])
PROTECTED = tuple(prefix.strip() for prefix in os.environ["PROTECTED_PREFIXES"].split(",") if prefix.strip())

s3 = client("s3")


@task
def handle(request, context):
    found = alarm.describe()
    given = with_defaults(request["input"])
    cycles, timeline = play(given["cycles"], int(found["Threshold"]), MAX_DELETES, PROTECTED)
    waiting_for = waiting(remove_leftovers(), read()[0], found)
    seconds = given["deadline_seconds"]
    if waiting_for and now() >= to_moment(request["started_at"]) + timedelta(seconds=seconds):
        raise PreparationDeadlinePassed(f"after {seconds} s the run still waits: {waiting_for}")
    plan = {
        "run_id": request["run_id"],
        "started_at": to_text(now()),
        "threshold_bytes": int(found["Threshold"]),
        "period_seconds": found["Period"],
        "poll_seconds": max(found["Period"] // 10, 1),
        "deadline_seconds": seconds,
        "cycles": cycles,
        "expected_timeline": timeline,
    }
    return {"done": not waiting_for, "waiting_for": waiting_for, "plan": plan}


def remove_leftovers():
    """Deletes the objects that carry the driver's mark, and counts them; none if any lacks it."""
    leftovers = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for listed in page.get("Contents", []):
            try:
                found = s3.head_object(Bucket=BUCKET, Key=listed["Key"])
            except ClientError as error:
                if status_of(error) == 404:
                    continue
                raise
            if "spillway-run" not in found["Metadata"]:
                raise BucketNotEmpty(f"{BUCKET} holds {listed['Key']}, which no run has put there")
            leftovers.append((listed["Key"], found["ETag"]))
    for key, etag in leftovers:
        try:
            s3.delete_object(Bucket=BUCKET, Key=key, IfMatch=etag)
        except ClientError as error:
            if status_of(error) not in (404, 409, 412):
                raise
    return len(leftovers)


def waiting(leftovers, state, found):
    """What has to come to rest before the first upload; empty if nothing does."""
    if leftovers:
        return f"{leftovers} objects of earlier runs are being deleted"
    total, count = state.get("total_size", 0), state.get("object_count", 0)
    if total or count:
        return f"the bucket is empty, the ledger still counts {count} objects of {total} bytes"
    return f"the alarm {found['AlarmName']} is in ALARM" if found["StateValue"] == "ALARM" else ""
