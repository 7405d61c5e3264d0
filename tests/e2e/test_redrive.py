"""`redrive` against the deployed template: killed in the middle, and repeated until nothing waits."""

import json
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from tests.support.local_account import Account
from tests.support.redrive_world import Series, World, batch, failed, lines, summed

pytestmark = pytest.mark.e2e

COMMAND: Final = Path(sys.executable).with_name("bedrock-alerts")
ROOT: Final = Path(__file__).resolve().parents[2]
BATCHES: Final = 20
EACH: Final = 100


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def run(account: Account, *arguments: str) -> Ran:
    return command(account, "redrive", *arguments)


def command(account: Account, *arguments: str) -> Ran:
    """Run a command as a person does, without a terminal."""
    done = subprocess.run(
        [str(COMMAND), *arguments],
        env=environment(account),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def environment(account: Account) -> dict[str, str]:
    return {**account.engine.environment(), "AWS_ENDPOINT_URL": account.engine.url}


def written(account: Account, group: str) -> list[str]:
    pages = account.engine.client("logs").get_paginator("filter_log_events")
    return [
        event["message"] for page in pages.paginate(logGroupName=group) for event in page["events"]
    ]


def let_claims_settle(dynamodb: Any, table: str) -> None:
    """Let the time pass after which a claim that was left behind says nothing any more."""
    for item in dynamodb.scan(TableName=table)["Items"]:
        if item["pk"]["S"].startswith("redrive#"):
            claim = {**json.loads(item["data"]["S"]), "settled": 0.0}
            # As `Claims` writes it: it takes a claim only as it was read.
            data = msgspec.json.encode(claim).decode()
            settled = {"data": {"S": data}, "settled": {"N": "0"}}
            dynamodb.put_item(TableName=table, Item={**item, **settled})


def test_a_redrive_that_is_killed_is_repeated_and_restores_exactly_what_was_missing(
    account: Account,
) -> None:
    stack = account.deploy()
    s3, sqs = account.engine.client("s3"), account.engine.client("sqs")
    bucket, group = stack.resources["FailedBatchesBucket"], stack.resources["CollectLogsLogGroup"]
    function = stack.resources["CollectLogsFunction"]
    at, expected = time.time() - 600, World()
    expected.now = time.time()
    for number in range(BATCHES):
        event = {"awslogs": {"data": batch(lines(number * EACH, EACH, at))}}
        expected.run("collect-logs", json.dumps(event).encode())
        key = f"aws/lambda/async/{function}/2026/11/23/{number:02}"
        s3.put_object(Bucket=bucket, Key=key, Body=failed(event, function))
    dead = stack.resources["AlertsDeadLetterQueue"]
    sqs.send_message(QueueUrl=dead, MessageBody='{"bedrock_alerts": {"heartbeat": true}}')

    listed = run(account)
    assert listed.code == 1
    assert "stack bedrock-alerts, account 111122223333, eu-west-1" in listed.err
    assert "MemoryError: no memory" in listed.out
    tried = run(account, "all", "--dry-run")
    assert (tried.code, f"batches: {BATCHES * EACH:,} lines" in tried.out) == (0, True)
    assert "counted" not in "".join(written(account, group))

    victim = subprocess.Popen(
        [str(COMMAND), "redrive", "batches", "--yes"],
        env=environment(account),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while "batch_counted" not in "".join(written(account, group)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    victim.kill()
    assert victim.wait() != 0
    time.sleep(2)  # what it had begun ends
    let_claims_settle(account.engine.client("dynamodb"), stack.resources["IncidentsTable"])

    done = run(account, "all", "--yes", "--json")
    assert done.code == 0, done
    found = json.loads(done.out)
    assert found["alerts"] == {"counted": 1}
    assert 0 < found["batches"]["counted"] < BATCHES
    assert total(account, group) == essential(expected.metrics())
    assert s3.list_objects_v2(Bucket=bucket).get("KeyCount", 0) == 0

    log = written(account, group)
    again = run(account, "all", "--yes")
    assert (again.code, written(account, group)) == (0, log)


def test_a_log_is_replayed_and_counted_and_a_function_is_invoked_with_the_stacks_settings(
    account: Account,
) -> None:
    stack = account.deploy()
    group = stack.resources["CollectLogsLogGroup"]
    log = str(ROOT / "events" / "collect_logs" / "traffic.ndjson")
    played = command(
        account, "replay", log, "--stack", "bedrock-alerts", "--speed", "0", "--yes", "--json"
    )
    assert played.code == 0, played
    assert json.loads(played.out)["events"] == 12
    deadline = time.monotonic() + 60
    while True:
        found = total(account, group)
        if sum(value for key, value in found.items() if key[0] == "RecordsReceived") == 12e9:
            break
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    event = str(ROOT / "events" / "collect_logs" / "traffic.json")
    where = ("--stack", "bedrock-alerts", "--endpoint-url", account.engine.url)
    built = ("--build-dir", str(account.built.parent), "--json")
    invoked = command(account, "invoke", "collect-logs", "-e", event, *where, *built)
    assert invoked.code == 0, invoked
    assert json.loads(invoked.out)["answer"]["received"] == 12
    since = f"{datetime.now(UTC) - timedelta(hours=3):%Y-%m-%dT%H}"
    looked = command(account, "backfill", "--from", since, "--dry-run", "--json")
    assert looked.code == 0, looked
    hours = json.loads(looked.out)["hours"]
    assert sum(hour["logged"] for hour in hours) == 12
    assert {hour["state"] for hour in hours} <= {"too new", "no calls"}


def total(account: Account, group: str) -> Counter[Series]:
    return essential(summed(line for line in written(account, group) if '"_aws"' in line))


def essential(found: Counter[Series]) -> Counter[Series]:
    """Return the metrics that are published whatever the alarm set."""
    names = {"Invocations", "EstimatedCost", "RecordsReceived", "UnguardedInvocations"}
    return Counter({key: value for key, value in found.items() if key[0] in names and not key[1]})
