"""`redrive` lists what waits, says what it would do, does it once, and says what was left."""

import gzip
import io
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import click
import pytest

from bedrock_alerts_cli.commands import redrive as command
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.redriving.dead_letters import DeadLetters
from bedrock_alerts_cli.redriving.redriver import Redriver
from bedrock_alerts_cli.user_errors import CommandError, InputError
from tests.support.redrive_world import (
    NOW,
    World,
    batch,
    failed,
    failed_stream,
    lines,
    log_key,
    object_message,
    refused,
)

BATCHES = 40
RECORDS = 10_000


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr(DeployedStack, "open", lambda *_: world.stack())
    monkeypatch.setattr(command, "Redriver", lambda stack: Redriver(stack, world.clock))

    def run(*arguments: str) -> Ran:
        code = command.redrive.main([*arguments], standalone_mode=False)
        printed = capsys.readouterr()
        return Ran(code or 0, printed.out, printed.err)

    return run


def awslogs(first: int, number: int, at: float = NOW - 600) -> dict[str, Any]:
    return {"awslogs": {"data": batch(lines(first, number, at))}}


def test_ten_thousand_failed_records_are_restored_exactly_and_a_second_run_changes_nothing(
    world: World, run: Run
) -> None:
    each = RECORDS // BATCHES
    spared = World()
    for number in range(BATCHES + 10):
        event = awslogs(number * each, each, NOW - 60 * number)
        spared.run("collect-logs", json.dumps(event).encode())
        if number < BATCHES:
            world.put("failed", f"aws/lambda/async/collect-logs/{number:03}", failed(event))
        else:
            world.run("collect-logs", json.dumps(event).encode())
    assert world.metrics() != spared.metrics()

    ran = run("batches", "--yes", "--json")
    assert ran.document == {"batches": {"counted": BATCHES, "lines": RECORDS}}
    assert ran.code == 0
    assert world.metrics() == spared.metrics()
    assert world.left() == []

    log = list(world.log)
    again = run("batches", "--yes", "--json")
    assert (again.code, world.log) == (0, log)
    assert again.document == {
        "batches": {"waiting": 0, "oldest": None, "newest": None, "errors": {}, "records": None}
    }


def test_without_a_kind_it_lists_and_changes_nothing(world: World, run: Run) -> None:
    world.put("failed", "aws/lambda/async/collect-logs/1", failed(awslogs(0, 3)))
    world.send("deliveries-dlq", "{}")
    ran = run()
    assert ran.code == 1
    assert ran.err == "stack ours, account 111122223333, eu-west-1\n"
    assert (
        "batches           1  2026-11-23 08:00  2026-11-23 08:00  MemoryError: no memory" in ran.out
    )
    again = "bedrock-alerts redrive batches deliveries --dry-run --stack ours --region eu-west-1"
    assert f"\nTry it: {again}\n" in ran.out
    assert (len(world.left()), world.invoked, len(world.queues["deliveries-dlq"])) == (1, 0, 1)
    assert all(one["hidden"] <= world.now for one in world.queues["deliveries-dlq"])


def test_a_stack_without_a_bucket_has_no_log_objects_and_says_what_it_reads(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Redriver, "has", lambda _self, kind: kind != "log-objects")
    world.outputs["InvocationLogGroupName"] = "calls"
    with pytest.raises(InputError, match="reads log group calls, not a bucket"):
        run("log-objects", "--from", "2026-11-23T08:00", "--dry-run")


def test_nothing_that_waits_is_fine(run: Run) -> None:
    assert run().code == 0
    assert run("all").code == 0


def test_a_dry_run_reads_everything_and_changes_nothing(world: World, run: Run) -> None:
    world.put("failed", "1", failed(awslogs(0, 3)))
    ran = run("all", "--dry-run")
    assert ran.code == 0
    assert "Would redrive 1 failed batch (stack ours, account 111122223333" in ran.err
    assert "batches: 3 lines of the log" in ran.out
    assert (world.left(), world.invoked) == (["1"], 0)


def test_without_a_terminal_it_asks_for_yes(world: World, run: Run) -> None:
    world.put("failed", "1", failed(awslogs(0, 3)))
    with pytest.raises(InputError, match="Give --yes"):
        run("batches")
    assert (world.left(), world.invoked) == (["1"], 0)


def test_dead_letters_go_back_to_their_queues(world: World, run: Run) -> None:
    world.send("alerts-dlq", *(f'{{"n": {number}}}' for number in range(23)))
    ran = run("alerts", "--yes")
    assert ran.out == "alerts: 23 sent back\n"
    assert sorted(one["Body"] for one in world.queues["alerts"]) == sorted(
        f'{{"n": {number}}}' for number in range(23)
    )
    assert world.queues["alerts-dlq"] == []


def test_what_is_refused_is_not_deleted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.send("alerts-dlq", "{}")
    sqs = world.stack().client("sqs")
    refuse = {"Failed": [{"Id": "0", "Code": "InvalidMessageContents"}]}
    monkeypatch.setattr(sqs, "_send_message_batch", lambda **_: refuse, raising=False)
    with pytest.raises(CommandError, match=r"refused 1 messages \(InvalidMessageContents\)"):
        list(DeadLetters(sqs, "alerts-dlq").send_back("alerts"))
    assert len(world.queues["alerts-dlq"]) == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{}", "it is not a record of a failed invocation"),
        (b"\xff", "it is not a record of a failed invocation"),
        (b"[" * 100_000, "it is not a record of a failed invocation"),
        (
            failed({"RequestType": "Create"}, "ours-configure-logging"),
            "it is a request of CloudFormation, not a batch: delete it",
        ),
        (failed(awslogs(0, 1), "theirs-collect-logs"), "theirs-collect-logs is not one of this"),
        (failed(awslogs(0, 1, NOW - 15 * 86_400)), "its calls are more than 14 days old"),
        (failed({"awslogs": "?"}), "it does not hold a batch"),
    ],
)
def test_what_cannot_be_counted_is_left_and_said(
    world: World, run: Run, content: bytes, why: str
) -> None:
    world.put("failed", "1", content)
    ran = run("batches", "--yes")
    assert ran.code == 1
    assert f"left: 1: {why}" in ran.err
    assert (world.left(), world.invoked) == (["1"], 0)


def test_a_batch_that_fails_again_is_left_and_can_be_tried_at_once(world: World, run: Run) -> None:
    world.put("failed", "1", failed({"awslogs": {"data": "broken"}}))
    for _ in range(2):
        ran = run("batches", "--yes")
        assert (ran.code, ran.out) == (1, "batches: 1 failed\n")
        assert "failed: 1: BatchError: the batch" in ran.err
    assert (world.left(), world.invoked) == (["1"], 2)


def test_of_a_stream_only_the_record_that_cannot_be_read_is_left(world: World, run: Run) -> None:
    world.put("failed", "1", failed_stream(batch(lines(0, 2)), "broken"))
    first = run("batches", "--yes", "--json").document["batches"]
    again = run("batches", "--yes", "--json").document["batches"]
    assert first == {"counted": 1, "lines": 2, "failed": 1}
    assert again == {"counted before": 1, "failed": 1}
    assert world.metrics()["Invocations", (), int(NOW - 600)] == 2e9


@pytest.mark.parametrize(("status", "is_left"), [(429, False), (403, False), (500, True)])
def test_a_refused_call_gives_the_claim_up_and_an_unknown_one_does_not(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, status: int, *, is_left: bool
) -> None:
    world.put("failed", "1", failed(awslogs(0, 1)))

    def refuse(*_: Any) -> None:
        raise refused("Refused", "Invoke", status)

    monkeypatch.setattr(world, "run", refuse)
    with pytest.raises(CommandError, match="function collect-logs: AWS refused Invoke"):
        run("batches", "--yes")
    assert bool(world.items) is is_left
    monkeypatch.undo()


@pytest.mark.parametrize("kind", ["", "Sandbox.Timedout", "Runtime.ExitError"])
def test_a_function_that_was_ended_may_have_counted(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    world.put("failed", "1", failed(awslogs(0, 1)))
    real = world.run

    def ended(function: str, payload: bytes) -> dict[str, Any]:

        real(function, payload)
        said = {"errorType": kind, "errorMessage": "Task timed out after 60.00 seconds"}
        return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(said).encode())}

    monkeypatch.setattr(world, "run", ended)
    first = run("batches", "--yes")
    assert (first.code, first.out) == (1, "batches: 1 unclear\n")
    assert "timed out" in first.err
    second = run("batches", "--yes")
    assert (second.code, second.out) == (0, "batches: 1 counted before\n")
    assert (world.left(), world.invoked) == ([], 1)


def test_a_file_that_is_not_a_claim_is_named(world: World, run: Run) -> None:
    world.put("failed", "redrive/batches/x", b"?")
    world.put("failed", "1", failed(awslogs(0, 1)))
    with pytest.raises(CommandError, match="s3://failed/redrive/batches/x is not a claim"):
        run("batches", "--yes")


def test_an_item_that_is_not_a_claim_is_named(world: World, run: Run) -> None:
    world.put("failed", "1", failed(awslogs(0, 1)))
    run("batches", "--yes")
    ((pk, sk),) = world.items
    world.items[pk, sk]["data"] = {"S": "?"}
    world.put("failed", "1", failed(awslogs(0, 1)))
    with pytest.raises(CommandError, match=f"redrive#batches, {sk} in table incidents is not a"):
        run("batches", "--yes")


@pytest.mark.parametrize("state", ["running", "counted"])
def test_the_claims_of_the_version_before_are_moved_out_of_the_bucket(
    world: World, run: Run, state: str
) -> None:
    world.put("failed", "1", failed(awslogs(0, 1)))
    run("batches", "--yes")
    ((_, name),) = world.items
    log = list(world.log)
    world.items.clear()
    claim = {"state": state, "since": world.now - 5, "until": world.now, "settled": world.now}
    world.put("failed", f"redrive/batches/{name}", json.dumps(claim).encode())
    world.put("failed", "1", failed(awslogs(0, 1)))
    assert "batches           1  " in run().out
    assert run("batches", "--yes").out == "batches: 1 counted before\n"
    assert (world.log, world.left()) == (log, [])
    world.put("failed", "redrive/batches/gone", json.dumps(claim).encode())
    assert run("batches", "--yes").code == 0  # nothing waits, and it is moved all the same
    assert world.left() == []


def test_messages_about_no_object_are_counted_one_by_one(world: World, run: Run) -> None:
    world.send("objects-dlq", '{"Event": "s3:TestEvent"}', '{"Event": "other"}')
    assert run("objects", "--yes").out == "objects: 2 counted\n"
    assert world.invoked == 2


def test_an_older_collector_is_noticed(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("failed", "1", failed(awslogs(0, 1)))

    monkeypatch.setattr(
        world, "run", lambda *_: {"Payload": io.BytesIO(b'{"received": 1, "processed": 1}')}
    )
    with pytest.raises(CommandError, match="collect-logs is older than this command"):
        run("batches", "--yes")


# ---- log objects -----------------------------------------------------------------------------------


def stored(world: World, number: int) -> str:
    """Store a log object, and return the message about it."""
    (event,) = lines(number, 1)
    world.put("logs", log_key(number), gzip.compress(event["message"].encode()))
    return object_message(log_key(number), world.objects["logs", log_key(number)][1].strip('"'))


def counted(world: World, message: str) -> None:
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "eventSource": "aws:sqs",
        "attributes": {"ApproximateReceiveCount": "1"},
        "body": message,
    }
    world.run("collect-objects", json.dumps({"Records": [record]}).encode())


def test_a_log_object_that_was_never_counted_is_found_and_counted_once(
    world: World, run: Run
) -> None:
    world.now = NOW - 3600
    counted(world, stored(world, 1))
    stored(world, 2)
    world.now = NOW
    listed = run(
        "log-objects", "--from", "2026-11-23T06:00", "--to", "2026-11-23T08:00", "--dry-run"
    )
    assert "log-objects: 2 in that time, 1 never counted" in listed.out
    arguments = ("log-objects", "--from", "2026-11-23T06:00", "--to", "2026-11-23T08:00", "--yes")
    assert run(*arguments).out == "log-objects: 1 counted\n"
    assert run(*arguments).code == 0
    assert world.invoked == 2
    assert world.left() == []


def test_without_a_line_of_the_collector_nothing_is_taken_to_be_uncounted(
    world: World, run: Run
) -> None:
    world.now = NOW - 3600
    stored(world, 1)
    world.now = NOW
    ran = run("log-objects", "--from", "2026-11-23T06:00", "--to", "2026-11-23T08:00", "--dry-run")
    assert "0 never counted" in ran.out
    assert "use backfill instead" in ran.out


def test_an_outage_from_the_first_second_on_is_found(world: World, run: Run) -> None:
    world.now = NOW - 7200
    counted(world, stored(world, 1))
    world.now = NOW - 3600  # the outage begins, and nothing is counted since
    stored(world, 2)
    world.now = NOW
    times = ("--from", "2026-11-23T06:50", "--to", "2026-11-23T08:00")
    listed = run("log-objects", *times, "--dry-run")
    assert "log-objects: 1 in that time, 1 never counted" in listed.out
    assert run("log-objects", *times, "--yes").out == "log-objects: 1 counted\n"


def test_log_objects_and_a_time_belong_together(run: Run) -> None:

    for arguments in (("log-objects",), ("batches", "--from", "2026-11-23")):
        with pytest.raises(click.UsageError, match="belong together"):
            run(*arguments)
