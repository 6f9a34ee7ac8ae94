"""The ledger in DynamoDB: read, commit in one conditional transaction, query."""

import os
import random
import time
from decimal import Decimal

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from environment import BUCKET, client, now
from fold import STATE_KEY, fold, in_order, row_key

OBJECT_TABLE = os.environ["OBJECT_TABLE"]
HISTORY_TABLE = os.environ["HISTORY_TABLE"]
ATTEMPTS = 12
CONFLICTS = ("ConditionalCheckFailed", "TransactionConflict")
# One read's worth of rows, with the state's.
RECENT = 99

dynamodb = client("dynamodb")
serialize = TypeSerializer().serialize
deserialize = TypeDeserializer().deserialize


class Contended(Exception):
    """Others kept changing the same rows."""


def to_item(row):
    return {name: serialize(value) for name, value in row.items()}


def from_item(item):
    values = {name: deserialize(value) for name, value in item.items()}
    return {name: int(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def read(names=()):
    """The state and the rows of the objects, by their keys."""
    keys = [STATE_KEY, *{row_key(name) for name in names}]
    rows = {}
    for start in range(0, len(keys), 100):
        wanted = [{"object_name": {"S": key}} for key in keys[start : start + 100]]
        attempt, unread = 0, {OBJECT_TABLE: {"Keys": wanted, "ConsistentRead": True}}
        while unread:
            answer = dynamodb.batch_get_item(RequestItems=unread)
            rows.update((row["object_name"], row) for row in map(from_item, answer["Responses"].get(OBJECT_TABLE, [])))
            unread = answer.get("UnprocessedKeys")
            if unread:
                pause(attempt)
                attempt += 1
    return rows.pop(STATE_KEY, {}), rows


def apply(events, committed):
    """Applies the events, and hands each record to `committed` once it is durable. Says what that took."""
    names = {event["object_name"] for event in events}
    effort = {"reads": 1, "transactions": 0, "conflicts": 0}
    state, rows = read(names)
    events, attempt = in_order(events), 0
    while events:
        new_state, changed, records, rest = fold(state, rows, events, now())
        if not records:
            break
        if commit(state, new_state, rows, changed, records):
            effort["transactions"] += 1
            for record in records:
                committed(record)
            state, rows, events, attempt = new_state, {**rows, **changed}, rest, 0
        elif attempt + 1 == ATTEMPTS:
            raise Contended(f"the ledger was changed by others in each of {ATTEMPTS} attempts to commit")
        else:
            pause(attempt)
            state, rows = read(names)
            attempt += 1
            effort["reads"] += 1
            effort["conflicts"] += 1
    return effort


def commit(state, new_state, rows, changed, records):
    """Writes everything, or nothing if a row isn't any more what it was when it was read."""
    actions = [put_if(new_state, "version", state.get("version"))]
    actions += [put_row(row, rows.get(key)) for key, row in changed.items()]
    actions += [{"Put": {"TableName": HISTORY_TABLE, "Item": to_item(record)}} for record in records]
    try:
        dynamodb.transact_write_items(TransactItems=actions)
        return True
    except dynamodb.exceptions.TransactionCanceledException as error:
        if any(reason.get("Code") in CONFLICTS for reason in error.response["CancellationReasons"]):
            return False
        raise


def put_if(row, attribute, expected):
    put = {"TableName": OBJECT_TABLE, "Item": to_item(row)}
    if expected is None:
        return {"Put": {**put, "ConditionExpression": "attribute_not_exists(object_name)"}}
    condition = {
        "ConditionExpression": "#attribute = :expected",
        "ExpressionAttributeNames": {"#attribute": attribute},
        "ExpressionAttributeValues": {":expected": serialize(expected)},
    }
    return {"Put": {**put, **condition}}


def put_row(row, expected):
    """On the condition that the row is the one that was read: a change that keeps the sequencer shows in the size."""
    if expected is None:
        return put_if(row, "sequencer", None)
    is_live = "size" in expected
    condition = {
        "ConditionExpression": "#sequencer = :sequencer AND " + ("#size = :size" if is_live else "attribute_not_exists(#size)"),
        "ExpressionAttributeNames": {"#sequencer": "sequencer", "#size": "size"},
        "ExpressionAttributeValues": {
            ":sequencer": serialize(expected["sequencer"]),
            **({":size": serialize(expected["size"])} if is_live else {}),
        },
    }
    return {"Put": {"TableName": OBJECT_TABLE, "Item": to_item(row), **condition}}


def pause(attempt):
    """A random part of a pause that doubles, so that those in conflict don't meet again."""
    time.sleep(random.random() * min(1.5, 0.02 * 2**attempt))


def row(name):
    key = {"object_name": {"S": row_key(name)}}
    item = dynamodb.get_item(TableName=OBJECT_TABLE, Key=key, ConsistentRead=True).get("Item")
    return item and from_item(item)


def history(low, high=None, attributes=None):
    """The records after the key `low`, or between both keys, oldest first: whole, or only some of their attributes."""
    condition = "#bucket = :bucket AND " + ("#key > :low" if high is None else "#key BETWEEN :low AND :high")
    values = {":bucket": BUCKET, ":low": low or " ", **({":high": high} if high else {})}
    pages = dynamodb.get_paginator("query").paginate(
        TableName=HISTORY_TABLE,
        KeyConditionExpression=condition,
        ExpressionAttributeNames={"#bucket": "bucket_name", "#key": "event_key"},
        ExpressionAttributeValues=to_item(values),
        ConsistentRead=True,
        **({"ProjectionExpression": attributes} if attributes else {}),
    )
    return [from_item(item) for page in pages for item in page["Items"]]


def recently_changed():
    """The names of the objects in the newest records."""
    answer = dynamodb.query(
        TableName=HISTORY_TABLE,
        KeyConditionExpression="bucket_name = :bucket",
        ExpressionAttributeValues={":bucket": {"S": BUCKET}},
        ScanIndexForward=False,
        Limit=RECENT,
        ConsistentRead=True,
    )
    return {item["object_name"]["S"] for item in answer["Items"]}


def largest_objects():
    """Pages of the bucket's objects, largest first, as the index has them: a little behind the table."""
    request = {
        "TableName": OBJECT_TABLE,
        "IndexName": "by-size",
        "KeyConditionExpression": "bucket_name = :bucket AND #size > :nothing",
        "ExpressionAttributeNames": {"#size": "size"},
        "ExpressionAttributeValues": {":bucket": {"S": BUCKET}, ":nothing": {"N": "0"}},
        "ScanIndexForward": False,
    }
    answer = dynamodb.query(**request, Limit=100)
    while True:
        start = answer.get("LastEvaluatedKey")
        yield [from_item(item) for item in answer["Items"]], start is not None
        if start is None:
            return
        answer = dynamodb.query(**request, ExclusiveStartKey=start)
