"""Hours without metrics are filled with what the collector would have counted, and only once."""

import contextlib
import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_alerts_cli.backfilling import backfiller
from bedrock_alerts_cli.backfilling.backfiller import Backfiller
from bedrock_alerts_cli.backfilling.hours import OLDEST, Limits
from bedrock_alerts_cli.commands import backfill as command
from bedrock_alerts_cli.deployed import log_writer
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.log_bucket import LogBucket
from bedrock_alerts_cli.redriving.filled_objects import FilledObjects
from bedrock_alerts_cli.redriving.redriver import Redriver
from bedrock_alerts_cli.user_errors import CommandError, InputError
from tests.support.redrive_world import (
    NOW,
    Killed,
    World,
    batch,
    failed,
    lines,
    log_key,
    taking_turns,
)

HOUR = 3600.0
DAY = int(NOW - 30 * 3600) // 3600 * 3600  # an hour of yesterday
FROM, TO = (datetime.fromtimestamp(DAY + hours * 3600, UTC) for hours in (0, 4))
# What the hours after DAY hold: lines in the log, of which so many were counted.
HOURS = ((12, 0), (6, 6), (6, 2), (0, 0))


def key_of(hour: int) -> str:
    stamp = datetime.fromtimestamp(DAY + hour * 3600, UTC)
    return log_key(hour, f"{stamp:%Y/%m/%d/%H}")


def count(world: World, events: list[dict[str, Any]], number: int) -> None:
    """Let the collector count some lines, as an object of their own."""
    key = log_key(1000 + number)
    world.put("elsewhere", key, gzip.compress("\n".join(one["message"] for one in events).encode()))
    detail = {"bucket": {"name": "elsewhere"}, "object": {"key": key, "size": 1}}
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "eventSource": "aws:sqs",
        "attributes": {"ApproximateReceiveCount": "1"},
        "body": json.dumps({"detail-type": "Object Created", "detail": detail}),
    }
    world.run("collect-objects", json.dumps({"Records": [record]}).encode())


def filled(*, all_counted: bool = False) -> World:
    """Return a stack whose collector missed some of its log's objects."""
    world = World()
    world.now = DAY + 5 * HOUR
    for hour, (logged, counted) in enumerate(HOURS):
        events = [
            line
            for minute in range(logged)
            for line in lines(hour * 100 + minute, 1, DAY + hour * 3600 + minute * 60)
        ]
        if events:
            text = "\n".join(one["message"] for one in events)
            world.put("logs", key_of(hour), gzip.compress(text.encode()))
        if some := events[: logged if all_counted else counted]:
            count(world, some, hour)
    world.now = NOW
    return world


@pytest.fixture
def world() -> World:
    return filled()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], world: World) -> Run:
    monkeypatch.setattr(DeployedStack, "open", lambda *_: world.stack())
    monkeypatch.setattr(backfiller, "Backfiller", lambda stack: Backfiller(stack, world.clock))
    monkeypatch.setattr(command, "time", world)

    def run(*arguments: str) -> tuple[int, str, str]:
        times = ("--from", FROM.isoformat(), "--to", TO.isoformat())
        code = command.backfill.main([*times, *arguments], standalone_mode=False)
        printed = capsys.readouterr()
        return code or 0, printed.out, printed.err

    return run


def test_it_shows_what_each_hour_has_and_writes_nothing_in_a_dry_run(
    world: World, run: Run
) -> None:
    log = list(world.log)
    code, out, err = run("--dry-run")
    assert code == 0
    assert out.splitlines()[1:] == [
        f"{FROM:%Y-%m-%d %H:%M}          12        0   12 min",
        f"{datetime.fromtimestamp(DAY + 3600, UTC):%Y-%m-%d %H:%M}           6        6           has data: see --all-hours",
        f"{datetime.fromtimestamp(DAY + 7200, UTC):%Y-%m-%d %H:%M}           6        2           has data: see --all-hours",
        "1 hour without calls",
    ]
    assert "Would fill 1 hour of metrics (stack ours, account 111122223333, eu-west-1)" in err
    assert (world.log, world.streams) == (log, {})


def test_the_numbers_are_those_that_the_collector_would_have_written(
    world: World, run: Run
) -> None:
    assert run("--all-hours", "--yes")[0] == 0
    assert world.metrics() == filled(all_counted=True).metrics()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PRICE_OVERRIDES": "s3://prices/gone.json"}, "PriceOverrides of the stack cannot be"),
        ({"PRICE_OVERRIDES": "{"}, "PriceOverrides: "),
    ],
)
def test_with_other_prices_than_the_collectors_nothing_is_counted(
    world: World, run: Run, variables: dict[str, str], said: str
) -> None:
    world.variables.update(variables)
    with pytest.raises(CommandError, match=said) as caught:
        run("--yes")
    assert "Nothing was counted" in str(caught.value)
    assert world.streams == {}


def test_which_objects_were_filled_is_known_without_prices(world: World, run: Run) -> None:
    assert run("--yes")[0] == 0
    world.wait(16 * 60)
    world.variables["PRICE_OVERRIDES"] = "s3://prices/gone.json"
    stack = world.stack()
    group = stack.resource("CollectLogsLogGroup")
    bucket = LogBucket.of(stack)
    found = {one.place.key: one for one in bucket.objects(FROM, TO)}
    filled_objects = FilledObjects(stack, group, world.clock)
    assert filled_objects.has(found[key_of(0)])
    assert not filled_objects.has(found[key_of(1)])


@pytest.mark.parametrize("shown_after", [0.0, 48 * HOUR])
def test_a_second_run_writes_nothing_even_before_cloudwatch_shows_the_first(
    world: World, run: Run, shown_after: float
) -> None:
    run("--yes")
    world.shown_after = shown_after
    log = list(world.log)
    code, out, err = run("--yes")
    assert (code, world.log) == (0, log)
    assert "was filled before" in out
    assert "Nothing is to be filled." in err


def test_only_hours_without_data_are_filled_by_default(world: World, run: Run) -> None:
    run("--yes")
    shown = {key: value for key, value in world.metrics().items() if key[0] == "RecordsReceived"}
    assert sum(shown.values()) == (12 + 6 + 2) * 1e9


def test_what_waits_has_to_be_redriven_first(world: World, run: Run) -> None:
    world.put("failed", "1", failed({"awslogs": {"data": batch(lines(0, 1))}}))
    with pytest.raises(CommandError, match=r"first run `bedrock-alerts redrive batches"):
        run("--yes")
    assert world.streams == {}


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        failed({"RequestType": "Create"}, "ours-configure-logging"),
        failed({"awslogs": {"data": batch(lines(0, 1, NOW - 15 * 86_400))}}),
    ],
)
def test_what_can_never_be_redriven_prevents_nothing(
    world: World, run: Run, content: bytes
) -> None:
    world.put("failed", "1", content)
    assert run("--yes")[0] == 0
    assert len(world.streams) == 1


@pytest.mark.parametrize(
    ("queue", "why"),
    [
        ("objects-dlq", "1 objects wait to be counted: first run `bedrock-alerts redrive objects"),
        ("objects", "1 objects are about to be counted"),
    ],
)
def test_what_is_in_a_queue_would_be_counted_twice(
    world: World, run: Run, queue: str, why: str
) -> None:
    world.send(queue, "{}")
    with pytest.raises(CommandError, match=why):
        run("--yes")
    assert world.streams == {}


def test_a_redrive_of_a_minute_ago_may_not_be_in_the_log_yet(world: World, run: Run) -> None:
    world.put("failed", "1", failed({"awslogs": {"data": batch(lines(0, 1))}}))
    for _ in Redriver(world.stack(), world.clock).redrive("batches"):
        pass
    with pytest.raises(CommandError, match=r"a redrive has just run.*again in 14 min"):
        run("--yes")
    world.wait(14 * 60)
    assert run("--yes")[0] == 0


@pytest.mark.parametrize(("outputs", "hours"), [({"InvocationLogGroupName": "calls"}, 7), ({}, 25)])
def test_the_youngest_hour_is_as_old_as_aws_tries(
    world: World, outputs: dict[str, str], hours: int
) -> None:
    world.outputs = outputs
    assert Backfiller(world.stack(), world.clock).tried_hours == hours


def test_an_end_inside_an_hour_is_the_end_of_the_hour(run: Run) -> None:
    end = datetime.fromtimestamp(DAY + 3600 + 120, UTC).isoformat()
    _, out, _ = run("--to", end, "--dry-run", "--json")
    found = [(hour["logged"], hour["counted"]) for hour in json.loads(out)["hours"]]
    assert found == [(12, 0), (6, 6)]


def test_what_may_still_be_counted_is_left(world: World, run: Run) -> None:
    world.now = DAY + 25 * HOUR
    _, out, err = run("--yes")
    assert "may still be counted" in out
    assert "Nothing is to be filled." in err


def test_what_is_older_than_two_weeks_is_refused_and_said(world: World, run: Run) -> None:
    world.now = DAY + 14 * 24 * HOUR
    _, out, _ = run("--dry-run")
    assert "older than two weeks" in out
    world.now += 24 * HOUR
    with pytest.raises(CommandError, match="no metrics older than two weeks"):
        run("--yes")


def test_a_time_without_lines_is_said(run: Run) -> None:
    with pytest.raises(InputError, match="no line of that time"):
        run("--from", "2026-11-20", "--to", "2026-11-21")
    with pytest.raises(click.UsageError, match="later than --from"):
        run("--to", "2026-11-01")


def test_the_log_can_come_from_files(world: World, run: Run, tmp_path: Path) -> None:
    for hour, (logged, _) in enumerate(HOURS):
        if logged:
            (tmp_path / f"{hour}.json.gz").write_bytes(world.objects["logs", key_of(hour)][0])
    world.parameters.clear()
    assert run(str(tmp_path), "--all-hours", "--yes")[0] == 0
    assert world.metrics() == filled(all_counted=True).metrics()


def test_json_is_alone_on_standard_output(run: Run) -> None:
    _, out, _ = run("--json", "--dry-run")
    document = json.loads(out)
    assert document["filled"] is False
    assert [hour["state"] for hour in document["hours"]] == [
        "fill",
        "counted",
        "counted",
        "no calls",
    ]


# ---- the law -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def _small_batches() -> Iterator[None]:
    """Let an hour take several requests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_writer, "_BATCH_EVENTS", 12)
        yield


def fill(world: World) -> None:
    limits = Limits(world.now - OLDEST.total_seconds(), world.now - 7 * HOUR, all_hours=True)
    filling = Backfiller(world.stack(), world.clock)
    wanted = [hour for hour in filling.look((), FROM, TO, limits) if hour.is_filled]
    for _ in filling.fill(wanted):
        pass


EXPECTED = filled(all_counted=True).metrics()


@pytest.mark.usefixtures("_small_batches")
@given(
    faults=st.lists(
        st.tuples(st.integers(1, 30), st.sampled_from(["before", "after"]), st.floats(0, 2000)),
        max_size=4,
    ),
    shown_after=st.sampled_from([0.0, 60.0, 48 * HOUR]),
)
@settings(max_examples=40)
def test_wherever_it_is_stopped_repeating_ends_with_each_metric_once(
    faults: list[tuple[int, str, float]], shown_after: float
) -> None:
    world = filled()
    world.shown_after = shown_after
    for call, how, pause in faults:
        world.calls, world.fault = 0, (call, how)
        with contextlib.suppress(Killed, CommandError):
            fill(world)
        world.wait(pause)
    world.fault = None
    world.wait(1000)
    fill(world)
    assert world.metrics() == EXPECTED
    log = list(world.log)
    fill(world)
    assert world.log == log


@pytest.mark.usefixtures("_small_batches")
@given(order=st.lists(st.integers(0, 1), min_size=20, max_size=60))
@settings(max_examples=15)
def test_two_runs_at_once_write_nothing_twice(order: list[int]) -> None:
    world = filled()

    def one() -> None:
        with contextlib.suppress(CommandError):
            fill(world)

    with taking_turns(world, order, one, one):
        pass
    world.wait(1000)
    fill(world)
    assert world.metrics() == EXPECTED
