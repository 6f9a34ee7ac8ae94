"""Deletes the largest objects until the bucket is under its threshold."""

import os

from botocore.exceptions import ClientError

from choice import choose
from environment import BUCKET, ServiceUnavailable, client, named, status_of, write_line
from fold import row_key, row_name
from ledger import largest_objects, read, recently_changed

THRESHOLD = int(os.environ["SIZE_THRESHOLD"])
MAX_DELETES = int(os.environ["MAX_DELETES_PER_RUN"])
PROTECTED = tuple(prefix.strip() for prefix in os.environ["PROTECTED_PREFIXES"].split(",") if prefix.strip())
DRY_RUN = os.environ["DRY_RUN"] == "true"
LOOKS = 20
NAMED = 20
GONE = ("Deleted", "AlreadyGone", "DryRun")

s3 = client("s3")


@named
def handle(event, context):
    total, chosen, stop = decide()
    errors, outcomes = [], []
    for candidate in chosen:
        outcomes.append(dispose_of(candidate, errors))
    line = write_line(**decision(event, total, chosen, stop, outcomes), request_id=context.aws_request_id)
    if errors:
        raise errors[-1]
    return line


def decide():
    """The total, and what has to go for it. That counts only if the total is still the same afterwards."""
    for _ in range(LOOKS):
        recent = recently_changed()
        state, rows = read(recent)
        total = state.get("total_size", 0)
        if total < THRESHOLD:
            return total, [], "Below"
        chosen, stop = choose_largest(total, {row_key(name) for name in recent}, rows)
        if read()[0] == state:
            return total, chosen, stop
    raise ServiceUnavailable(f"the ledger changed during each of {LOOKS} looks at it")


def choose_largest(total, recent, rows):
    """What changed lately is read from the table itself, because the index lags."""
    candidates = [row for row in rows.values() if row.get("size", 0) > 0]
    for page, more in largest_objects():
        known_above = page[-1]["size"] if more else None
        candidates += [row for row in page if row["object_name"] not in recent]
        named = [{**row, "object_name": row_name(row["object_name"])} for row in candidates]
        choice = choose(total, THRESHOLD, MAX_DELETES, PROTECTED, named, known_above)
        if choice:
            return choice


def dispose_of(candidate, errors):
    name, size, outcome = candidate["object_name"], candidate["size"], "DryRun"
    if not DRY_RUN:
        try:
            outcome = delete(candidate)
        except ClientError as error:
            write_line("an object was not deleted", level="ERROR", object_name=name, error=str(error))
            errors.append(error)
            outcome = "Failed"
    write_line("finished with an object", object_name=name, size=size, outcome=outcome)
    return outcome


def delete(candidate):
    condition = {"IfMatch": f'"{candidate["etag"]}"'} if candidate.get("etag") else {}
    try:
        s3.delete_object(Bucket=BUCKET, Key=candidate["object_name"], **condition)
        return "Deleted"
    except ClientError as error:
        outcome = {404: "AlreadyGone", 409: "Overwritten", 412: "Overwritten"}.get(status_of(error))
        if outcome is None:
            raise
        return outcome


def decision(event, total, chosen, stop, outcomes):
    named = [
        {"object_name": it["object_name"], "size": it["size"], "outcome": outcome}
        for it, outcome in zip(chosen, outcomes)
    ]
    projected = total - sum(it["size"] for it in named if it["outcome"] in GONE)
    excess = max(projected + 1 - THRESHOLD, 0)
    if not all(outcome in GONE for outcome in outcomes):
        verdict = "Incomplete"
    elif stop == "Below":
        verdict = "BroughtBelow" if chosen else "BelowThreshold"
    else:
        verdict = {"MaxDeletes": "MaxDeletesReached", "OnlyProtected": "OnlyProtectedLeft"}[stop]
    change = f"{total} bytes, {projected} without the largest ({len(chosen)})"
    return {
        "level": "ERROR" if excess else "INFO",
        "message": f"{verdict}: {change}; the threshold is {THRESHOLD}",
        "bucket_name": BUCKET,
        "invoked_by": "schedule" if "schedule" in event else "alarm",
        "dry_run": DRY_RUN,
        "verdict": verdict,
        "ledger_total_size": total,
        "threshold_bytes": THRESHOLD,
        "projected_total_size": projected,
        "excess_bytes": excess,
        "chosen_count": len(chosen),
        "chosen": named[:NAMED],
    }
