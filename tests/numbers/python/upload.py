"""Uploads a cycle's objects, one after the other, as the ledger records them."""

from botocore.exceptions import ClientError

from environment import BUCKET, UploadDeadlinePassed, client, now, status_of, task, to_moment
from ledger import history

MARK = "spillway-run"

s3 = client("s3")


@task
def handle(request, context):
    cycle = request["cycle"]
    uploaded = recorded(cycle["upload"], history(request["after_event_key"]))
    if len(uploaded) == len(cycle["upload"]):
        return {"done": True, "uploaded": uploaded}
    following = cycle["upload"][len(uploaded)]
    if now() >= to_moment(request["deadline"]):
        name, deadline = following["object_name"], request["deadline"]
        raise UploadDeadlinePassed(f"the ledger did not record the upload of {name} by {deadline}")
    upload_once(following, f"{request['run_id']}/{cycle['number']}/{len(uploaded)}")
    return {"done": False, "uploaded": uploaded}


def recorded(uploads, records):
    """The uploads that the history shows, in order, from the cycle's first on."""
    creations = iter([record for record in records if record["event_type"].startswith("ObjectCreated:")])
    uploaded = []
    for upload in uploads:
        record = next((record for record in creations if record["object_name"] == upload["object_name"]), None)
        if record is None:
            break
        fields = {field: record[field] for field in ("object_name", "size_delta", "total_size")}
        uploaded.append({**fields, "uploaded_at": record["event_time"]})
    return uploaded


def upload_once(upload, mark):
    """Uploads the object, unless one with this mark is there."""
    key = upload["object_name"]
    if mark_of(key) != mark:
        s3.put_object(Bucket=BUCKET, Key=key, Metadata={MARK: mark}, Body=b"." * upload["size_bytes"])


def mark_of(key):
    try:
        return s3.head_object(Bucket=BUCKET, Key=key)["Metadata"].get(MARK)
    except ClientError as error:
        if status_of(error) == 404:
            return None
        raise
