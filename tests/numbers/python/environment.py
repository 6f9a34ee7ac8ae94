"""Where a function meets Lambda and AWS: clients, log lines, time, and the names of errors."""

import functools
import json
import os
from datetime import datetime, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

BUCKET = os.environ["TEST_BUCKET"]


class ServiceUnavailable(Exception):
    """A service did not answer, or was throttled."""


class Internal(Exception):
    """The function or the stack is at fault."""


def client(service):
    return boto3.client(service, config=Config(retries={"mode": "standard"}))


def named(handle):
    """Gives what goes wrong between a function and AWS one of the names of the vocabulary."""

    @functools.wraps(handle)
    def handling(event, context):
        try:
            return handle(event, context)
        except ClientError as error:
            temporary = status_of(error) >= 500 or "Throttl" in code_of(error) or "Exceeded" in code_of(error)
            raise (ServiceUnavailable if temporary else Internal)(str(error)) from error
        except BotoCoreError as error:
            raise ServiceUnavailable(str(error)) from error

    return handling


def code_of(error):
    return error.response["Error"]["Code"]


def status_of(error):
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def now():
    return datetime.now(timezone.utc)


def to_text(moment):
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def write_line(message, level="INFO", **fields):
    """Writes one flat JSON object on a line, and gives it."""
    line = {"timestamp": to_text(now()), "level": level, "message": message, **fields}
    print(json.dumps(line, ensure_ascii=False))
    return line
