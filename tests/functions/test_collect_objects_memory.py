"""An object of 300 MB is counted by a function that has 256 MB of memory."""

import gzip
import io
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import boto3
import pytest
from moto.server import ThreadedMotoServer

from bedrock_alerts_cli.local_stack import sample_traffic as traffic
from bedrock_alerts_cli.samples.function_events import BUCKET, log_key, object_created, sqs_event
from tests.support.collected import counted, event_requests
from tests.support.wall_clock import same_day

ROOT: Final = Path(__file__).resolve().parents[2]
MEGABYTE: Final = 2**20
OBJECT_BYTES: Final = 300 * MEGABYTE
# Of the 256 MB, Lambda's runtime needs some before it calls a function.
LIMIT_BYTES: Final = 200 * MEGABYTE
NOW: Final = datetime.now(UTC)

_CHILD: Final = """
import json, re, resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (256 * 2**20,) * 2)
from functions.collect_objects.handler import handler
answer = handler(json.load(sys.stdin), None)
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
print(json.dumps({"answer": answer, "peak": int(peak[1]) * 1024}), file=sys.stderr)
"""


def blocks() -> Iterator[list[str]]:
    """Return the minutes of the demo over and over; every call has a request id of its own."""
    start = NOW.replace(second=0, microsecond=0) - timedelta(minutes=30)
    base = [json.dumps(record) for _, records in traffic.story(start) for _, record in records]
    starts = [text.index('"requestId": "') + 14 for text in base]
    number = 0
    while True:
        block = []
        for text, at in zip(base, starts, strict=True):
            number += 1
            block.append(f"{text[:at]}{number:032x}{text[at + 32 :]}\n")
        yield block


def large_object() -> tuple[bytes, int]:
    """Return the object and how many calls are in it."""
    packed = io.BytesIO()
    calls = size = 0
    with gzip.open(packed, "wb", compresslevel=1) as file:
        for block in blocks():
            text = "".join(block).encode()
            file.write(text)
            calls += len(block)
            size += len(text)
            if size >= OBJECT_BYTES:
                break
    return packed.getvalue(), calls


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("event_lines", ["notable", "all"])
def test_an_object_of_300_mb_takes_less_than_200_mb_of_memory(event_lines: str) -> None:
    content, calls = large_object()
    key = log_key(NOW)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        urllib.request.urlopen(f"{endpoint}/moto-api/reset", b"").close()
        s3 = boto3.client("s3", endpoint_url=endpoint)
        where = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)  # type: ignore[arg-type]
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        done = subprocess.run(
            [sys.executable, "-c", same_day() + _CHILD],
            input=json.dumps(sqs_event("objects", [json.dumps(object_created(key, NOW))])),
            env={
                "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'shared'}",
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "METRICS_NAMESPACE": "BedrockAlerts",
                "EVENT_LINES": event_lines,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    finally:
        server.stop()
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stderr)
    assert report["answer"] == {"batchItemFailures": []}, done.stdout[-2000:]
    assert counted(done.stdout) == {
        "RecordsReceived": calls, "RecordsProcessed": calls, "Invocations": calls,
    }  # fmt: skip
    lines = len(event_requests(done.stdout))
    assert lines == calls if event_lines == "all" else calls / 100 < lines < calls / 10
    assert report["peak"] < LIMIT_BYTES
