"""Looks once whether the cleaner has deleted what a cycle expects."""

from environment import DeletionDeadlinePassed, UnexpectedDeletion, now, task, to_moment
from ledger import history


@task
def handle(request, context):
    cycle, records = request["cycle"], history(request["after_event_key"])
    deleted = [deletion(it) for it in records if not it["event_type"].startswith("ObjectCreated:")]
    names, expected = [it["object_name"] for it in deleted], cycle["expected_deletions"]
    if names != expected[: len(names)]:
        raise UnexpectedDeletion(
            f"cycle {cycle['number']} expects {expected} to be deleted, but the history shows {names}"
        )
    total = records[-1]["total_size"] if records else 0
    done = names == expected and total == cycle["expected_total_size"]
    if not done and now() >= to_moment(request["deadline"]):
        seen = f"the history shows {names} deleted and the total at {total}"
        raise DeletionDeadlinePassed(f"cycle {cycle['number']} expects {expected} to be deleted, but {seen}")
    return {
        "done": done,
        "deleted": deleted,
        "observed_totals": [record["total_size"] for record in records],
        "settled_at": records[-1]["committed_at"] if records else None,
    }


def deletion(record):
    fields = {field: record[field] for field in ("object_name", "size_delta", "total_size")}
    return {**fields, "deleted_at": record["event_time"]}
