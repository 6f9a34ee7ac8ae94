"""Calls the plot API with a signed request and checks that a PNG came back."""

import os
from urllib.parse import urlencode, urlsplit

import urllib3
from boto3 import Session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from environment import PlotRejected, ServiceUnavailable, task

URL = os.environ["PLOT_API_URL"]
BUCKET_HEADER, KEY_HEADER = "x-spillway-plot-bucket", "x-spillway-plot-key"

credentials = Session().get_credentials()
http = urllib3.PoolManager(timeout=35, retries=False)


@task
def handle(request, context):
    url = f"{URL}?{urlencode({'from': request['from']})}"
    headers = {"host": urlsplit(url).netloc}
    signed = AWSRequest(method="GET", url=url, headers=headers)
    SigV4Auth(credentials, "execute-api", os.environ["AWS_REGION"]).add_auth(signed)
    try:
        answer = http.request("GET", reachable(url), headers=dict(signed.headers))
    except urllib3.exceptions.HTTPError as error:
        raise ServiceUnavailable(f"the plot API did not answer: {error}") from error
    return read(answer)


def reachable(url):
    """Names under localhost are loopback, says RFC 6761; not every system's resolver does."""
    host = urlsplit(url).hostname
    return url.replace(host, "127.0.0.1", 1) if host.endswith(".localhost") else url


def read(answer):
    if answer.status == 429 or answer.status >= 500:
        raise ServiceUnavailable(f"the plot API answered {answer.status}: {answer.data[:300]}")
    if answer.status != 200 or not answer.data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise PlotRejected(f"the plot API's answer is not a plot: {answer.status}, {answer.data[:300]}")
    return {
        "bucket_name": answer.headers[BUCKET_HEADER],
        "object_name": answer.headers[KEY_HEADER],
        "content_type": answer.headers["content-type"],
        "size_bytes": len(answer.data),
    }
