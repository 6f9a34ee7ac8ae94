"""What a run should see: the timeline of totals that its cycles lead through."""

from choice import choose
from environment import InvalidInput

DEFAULT_CYCLES = [
    {
        "upload": [
            {"object_name": "assignment1.txt", "size_bytes": 18},
            {"object_name": "assignment2.txt", "size_bytes": 28},
        ],
        "expect": {"deleted": ["assignment2.txt"], "total_size": 18},
    },
    {
        "upload": [{"object_name": "assignment3.txt", "size_bytes": 2}],
        "expect": {"deleted": ["assignment1.txt"], "total_size": 2},
    },
]


def with_defaults(given):
    try:
        if not set(given) <= {"cycles", "deadline_seconds"}:
            raise InvalidInput(f"input: unknown fields in {sorted(given)}")
        cycles, seconds = given.get("cycles", DEFAULT_CYCLES), given.get("deadline_seconds", 900)
        check("deadline_seconds", seconds, 1, 1800)
        check("cycles", len(cycles), 1, 10)
        for cycle in cycles:
            check("upload", len(cycle["upload"]), 1, 20)
            for upload in cycle["upload"]:
                check("object_name", len(upload["object_name"].encode()), 1, 1024)
                check("size_bytes", upload["size_bytes"], 0, 16 * 1024 * 1024)
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidInput(f"input: {error!r}") from error
    return {"cycles": cycles, "deadline_seconds": seconds}


def check(field, value, least, most):
    if not least <= value <= most:
        raise InvalidInput(f"input: {field} is out of range: {value} is not {least} to {most}")


def play(cycles, threshold, max_deletes, protected):
    """Plays the cycles through on paper, from an empty bucket."""
    bucket, plans, timeline = {}, [], [0]
    for number, cycle in enumerate(cycles, start=1):
        for upload in cycle["upload"]:
            bucket[upload["object_name"]] = upload["size_bytes"]
            timeline.append(sum(bucket.values()))
        expect = cycle.get("expect")
        deletions = expect["deleted"] if expect else deleted_by_rule(bucket, threshold, max_deletes, protected)
        for name in deletions:
            if name not in bucket or name.startswith(protected):
                raise InvalidInput(f"input.cycles[{number - 1}].expect.deleted: {name} can't be deleted")
            del bucket[name]
            timeline.append(sum(bucket.values()))
        total = sum(bucket.values())
        if expect and expect["total_size"] != total:
            raise InvalidInput(f"input.cycles[{number - 1}].expect.total_size: {total} bytes are left")
        if total >= threshold or len(deletions) > max_deletes:
            raise InvalidInput(f"input.cycles[{number - 1}]: the cleaner leaves {total} bytes and more")
        plan = {"number": number, "upload": cycle["upload"], "expected_deletions": deletions}
        plans.append({**plan, "expected_total_size": total})
    return plans, timeline


def deleted_by_rule(bucket, threshold, max_deletes, protected):
    candidates = [{"object_name": name, "size": size} for name, size in bucket.items() if size > 0]
    chosen, _ = choose(sum(bucket.values()), threshold, max_deletes, protected, candidates, None)
    return [candidate["object_name"] for candidate in chosen]
