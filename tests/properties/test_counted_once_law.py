"""The law of all commands that count what was missed: each call at most once, in the end once.

Redrive, backfill and `redrive log-objects` may be run in any order, each may be stopped at any
call, a batch may be stored again at any time, and CloudWatch shows old metrics two days later.
"""

import contextlib
import gzip
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bedrock_alerts_cli.backfilling.backfiller import Backfiller
from bedrock_alerts_cli.backfilling.hours import OLDEST, Limits
from bedrock_alerts_cli.redriving.redriver import Redriver
from bedrock_alerts_cli.user_errors import CommandError
from tests.support.redrive_world import (
    NOW,
    Killed,
    Series,
    World,
    batch,
    failed,
    lines,
    log_key,
    object_message,
)

HOUR = 3600.0
SETTLED = 1_000.0
BEGIN = int(NOW - 2 * 86_400) // 3600 * 3600  # two hours of the day before yesterday
# The first and the last minute of each thing's calls; the third has calls of both hours.
SPANS = ((0, 5), (20, 24), (55, 65), (80, 82), (100, 102))
Event = dict[str, Any]


def calls(number: int) -> list[Event]:
    """Return a thing's calls, each in its own minute."""
    return [
        line
        for minute in range(*SPANS[number])
        for line in lines(minute, 1, BEGIN + minute * 60 + 7)
    ]


def key_of(number: int) -> str:
    stored = datetime.fromtimestamp(BEGIN + SPANS[number][1] * 60, UTC)
    return log_key(number, f"{stored:%Y/%m/%d/%H}")


def as_message(world: World, number: int) -> str:
    return object_message(key_of(number), world.objects["logs", key_of(number)][1].strip('"'))


def count_object(world: World, number: int) -> None:
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "eventSource": "aws:sqs",
        "attributes": {"ApproximateReceiveCount": "1"},
        "body": as_message(world, number),
    }
    world.run("collect-objects", json.dumps({"Records": [record]}).encode())


def bucket_stack(counted: tuple[int, ...] = (0,), dead: tuple[int, ...] = (1,)) -> World:
    """Return a stack that reads a bucket, of whose objects some were counted, some not."""
    world = World()
    for name in [name for name in world.resources if "Logs" in name or "Stream" in name]:
        del world.resources[name]
    # The collector's log goes further back than the time that is looked at.
    world.now = BEGIN - HOUR
    world.put("logs", log_key(99, "2026/11/21/00"), gzip.compress(b""))
    known = object_message(log_key(99, "2026/11/21/00"), "0")
    world.run("collect-objects", json.dumps({"Records": [_record(known)]}).encode())
    for number, (_, last) in enumerate(SPANS):
        world.now = BEGIN + last * 60 + 30
        text = "\n".join(one["message"] for one in calls(number))
        world.put("logs", key_of(number), gzip.compress(text.encode()))
        if number in counted:
            count_object(world, number)
        if number in dead:
            world.send("objects-dlq", as_message(world, number))
    world.now = NOW
    return world


def _record(body: str) -> Event:
    return {
        "messageId": "m",
        "receiptHandle": "r",
        "eventSource": "aws:sqs",
        "attributes": {"ApproximateReceiveCount": "1"},
        "body": body,
    }


def group_stack(counted: tuple[int, ...] = (0,), stored: tuple[int, ...] = (1, 2)) -> World:
    """Return a stack that reads a log group, of whose batches some failed, and some were lost."""
    world = World()
    for name in [name for name in world.resources if "CollectO" in name or "Stream" in name]:
        del world.resources[name]
    world.parameters.clear()
    world.outputs["InvocationLogGroupName"] = "calls"
    for number, (_, last) in enumerate(SPANS):
        world.log += [("calls", one["timestamp"] / 1000, one["message"]) for one in calls(number)]
        world.now = BEGIN + last * 60 + 30
        if number in counted:
            world.run("collect-logs", json.dumps(event(number)).encode())
        if number in stored:
            store(world, number, 0)
    world.now = NOW
    return world


def event(number: int) -> Event:
    return {"awslogs": {"data": batch(calls(number))}}


def store(world: World, number: int, copy: int) -> None:
    world.put("failed", f"aws/lambda/async/collect-logs/{number}-{copy}", failed(event(number)))


# ---- what can be run -----------------------------------------------------------------------------


def redrive(world: World, _: int) -> None:
    redriver = Redriver(world.stack(), world.clock)
    for kind in ("batches", "objects"):
        if redriver.has(kind) and (
            kind == "batches" or "CollectObjectsFunction" in world.resources
        ):
            for _step in redriver.redrive(kind):
                pass


def log_objects(world: World, _: int) -> None:
    redriver = Redriver(world.stack(), world.clock)
    if "CollectObjectsFunction" in world.resources:
        looked = redriver.looked(at(0), at(240))
        for _step in redriver.redrive_log_objects(looked):
            pass


def backfill(world: World, minutes: int) -> None:
    backfilling = Backfiller(world.stack(), world.clock)
    oldest = world.now - OLDEST.total_seconds()
    newest = world.now - backfilling.tried_hours * HOUR
    hours = backfilling.look((), at(0), at(minutes), Limits(oldest, newest, all_hours=True))
    redriver = Redriver(world.stack(), world.clock)
    backfilling.refuse_if_something_waits(redriver.why_unclear)
    for _hour in backfilling.fill([hour for hour in hours if hour.is_filled]):
        pass


def copy(world: World, number: int) -> None:
    """Have a batch stored that was stored before, and may have been counted meanwhile."""
    if "InvocationLogGroupName" in world.outputs and number % 2:
        store(world, 1, number)


def at(minutes: float) -> datetime:
    return datetime.fromtimestamp(BEGIN + minutes * 60, UTC)


OPERATIONS: dict[str, Callable[[World, int], None]] = {
    "redrive": redrive,
    "log-objects": log_objects,
    "backfill": backfill,
    "copy": copy,
}


def finish(world: World) -> None:
    world.fault = None
    for _ in range(3):
        for operation in (redrive, log_objects, backfill):
            world.wait(SETTLED)
            operation(world, 120)


def expected(make: Callable[..., World]) -> Counter[Series]:
    everything = tuple(range(len(SPANS)))
    return make(everything, ()).metrics()


STACKS = {"bucket": bucket_stack, "group": group_stack}
EXPECTED = {name: expected(make) for name, make in STACKS.items()}
STEPS = st.tuples(
    st.sampled_from(list(OPERATIONS)),
    st.sampled_from([30, 60, 61, 119, 120]),
    st.one_of(
        st.just((0, "")),
        st.tuples(st.integers(1, 60), st.sampled_from(["before", "after"])),
        st.tuples(st.integers(1, 3), st.just("late")),
    ),
    st.sampled_from([0.0, 60.0, 700.0, SETTLED]),
)
Step = tuple[str, int, tuple[int, str], float]
WHOLE = (0, "")


@pytest.mark.parametrize("kind", list(STACKS))
@given(steps=st.lists(STEPS, max_size=6), delay=st.floats(0, 300))
@example(steps=[("redrive", 0, WHOLE, SETTLED), ("backfill", 120, WHOLE, 0.0)], delay=0.0)
@example(steps=[("redrive", 0, WHOLE, 0.0), ("backfill", 120, WHOLE, 0.0)], delay=300.0)
@example(
    steps=[
        ("redrive", 0, WHOLE, SETTLED),
        ("backfill", 120, WHOLE, SETTLED),
        ("log-objects", 0, WHOLE, 0.0),
    ],
    delay=0.0,
)
@example(
    steps=[
        ("redrive", 0, WHOLE, SETTLED),
        ("backfill", 60, (33, "after"), 60.0),
        ("log-objects", 0, WHOLE, 0.0),
    ],
    delay=0.0,
)
@example(steps=[("redrive", 0, WHOLE, SETTLED), ("backfill", 30, WHOLE, 0.0)], delay=0.0)
@example(
    steps=[
        ("redrive", 0, WHOLE, 0.0),
        ("copy", 61, WHOLE, 0.0),
        ("redrive", 0, WHOLE, 0.0),
        ("backfill", 120, WHOLE, SETTLED),
        ("copy", 119, WHOLE, 0.0),
    ],
    delay=0.0,
)
@settings(max_examples=80)
def test_in_whatever_order_they_are_run_each_call_is_counted_once(
    kind: str, steps: list[Step], delay: float
) -> None:
    world = STACKS[kind]()
    world.log_delay, world.shown_after = delay, 48 * HOUR
    for operation, argument, fault, pause in steps:
        world.calls = world.invocations = 0
        world.fault, world.lateness = (fault if fault[0] else None), 100.0
        with contextlib.suppress(Killed, CommandError):
            OPERATIONS[operation](world, argument)
        world.fault = None
        world.wait(pause)
        assert all(number <= EXPECTED[kind][series] for series, number in world.metrics().items())
    finish(world)
    assert world.metrics() == EXPECTED[kind]
    assert (world.left(), world.queues.get("objects-dlq", [])) == ([], [])
