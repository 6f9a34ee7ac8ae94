"""Draws how the total moved, as a PNG."""

import base64
import json
import os
from datetime import datetime, timezone

from botocore.exceptions import BotoCoreError, ClientError

from chart import draw
from environment import BUCKET, client, now, to_moment, to_text
from ledger import history

PLOT_BUCKET = os.environ["PLOT_BUCKET"]
THRESHOLD = int(os.environ["SIZE_THRESHOLD"])
DRAWN = "object_name, event_type, size_delta, total_size, committed_at"

s3 = client("s3")


class BadParameter(Exception):
    """A query parameter that can't be read."""


def handle(request, context):
    try:
        return plot(request)
    except BadParameter as error:
        parameter, message = error.args
        return failure(400, "InvalidInput", message, parameter)
    except (BotoCoreError, ClientError) as error:
        return failure(503, "ServiceUnavailable", str(error), None)


def plot(request):
    query, called_at = request.get("queryStringParameters") or {}, now()
    start, end = moment(query, "from"), moment(query, "to") or called_at
    if start and start > end:
        raise BadParameter("from", f"from ({start}) must not be after to ({end})")
    records = history(to_text(start) if start else " ", to_text(end), DRAWN)
    png = draw(BUCKET, THRESHOLD, records, start, end)
    key = f"{BUCKET}/{to_text(called_at).replace(':', '-')}-{request['requestContext']['requestId']}.png"
    s3.put_object(Bucket=PLOT_BUCKET, Key=key, Body=png, ContentType="image/png")
    headers = {"content-type": "image/png", "x-spillway-plot-bucket": PLOT_BUCKET, "x-spillway-plot-key": key}
    body = base64.b64encode(png).decode()
    return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": True}


def moment(query, parameter):
    text = query.get(parameter)
    if text is None:
        return None
    try:
        return datetime.fromtimestamp(int(text), timezone.utc) if text.lstrip("-").isdigit() else to_moment(text)
    except ValueError as error:
        message = f"{parameter} must be a time in RFC 3339 or in seconds since the epoch, not {text!r}"
        raise BadParameter(parameter, message) from error


def failure(status, name, message, parameter):
    body = json.dumps({"error": name, "message": message, "parameter": parameter})
    headers = {"content-type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}
