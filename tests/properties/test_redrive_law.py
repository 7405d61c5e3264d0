"""Redrive's law: whatever breaks off, repeating ends with exactly what was missing, and once.

A run may be killed before or after any call, an invocation may begin when its run is long gone,
two runs may meet, and the collector's log shows what was counted only minutes later.
"""

import contextlib
import gzip
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_alerts_cli.redriving.count_once import LOG_SECONDS
from bedrock_alerts_cli.redriving.redriver import Redriver
from tests.support.redrive_world import (
    Killed,
    Series,
    World,
    batch,
    failed,
    failed_stream,
    lines,
    log_key,
    object_message,
    taking_turns,
)

SETTLED = 1_000.0  # a claim is settled before so many seconds have passed


def gz(*messages: str) -> bytes:
    return gzip.compress("\n".join(messages).encode())


def filled() -> World:
    """Return a stack with failed batches of every kind, one of them stored twice."""
    world = World()
    twice = failed({"awslogs": {"data": batch(lines(0, 3))}})
    world.put("failed", "aws/lambda/async/collect-logs/1", twice)
    world.put("failed", "aws/lambda/async/collect-logs/2", twice)
    world.put(
        "failed",
        "aws/lambda/async/collect-logs/3",
        failed({"awslogs": {"data": batch(lines(3, 2))}}),
    )
    stream = failed_stream(batch(lines(5, 2)), batch(lines(7, 1)))
    world.put("failed", "aws/lambda/uuid/shard/4", stream)
    for number in (8, 9):
        (event,) = lines(number, 1)
        world.put("logs", log_key(number), gz(event["message"]))
        tag = world.objects["logs", log_key(number)][1].strip('"')
        world.send("objects-dlq", object_message(log_key(number), tag))
    world.send("objects-dlq", world.queues["objects-dlq"][0]["Body"])  # as S3 may say it twice
    return world


def missing() -> Counter[Series]:
    """Return what each thing adds when it is counted once."""
    world = World()
    for first, number in ((0, 3), (3, 2)):
        world.run("collect-logs", _event({"awslogs": {"data": batch(lines(first, number))}}))
    for first, number in ((5, 2), (7, 1)):
        record = {"kinesis": {"data": batch(lines(first, number)), "sequenceNumber": "1"}}
        world.run("collect-stream", _event({"Records": [record]}))
    for number in (8, 9):
        (event,) = lines(number, 1)
        world.put("logs", log_key(number), gz(event["message"]))
        message = {"messageId": "m", "receiptHandle": "r", "eventSource": "aws:sqs"}
        attributes = {"ApproximateReceiveCount": "1"}
        whole = {**message, "body": object_message(log_key(number)), "attributes": attributes}
        world.run("collect-objects", _event({"Records": [whole]}))
    return world.metrics()


def _event(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


EXPECTED = missing()


def run(world: World) -> None:
    redriver = Redriver(world.stack(), world.clock)
    for kind in ("batches", "objects"):
        for _ in redriver.redrive(kind):
            pass


def finish(world: World) -> None:
    """Run it again until nothing waits, with the pauses that it asks for."""
    world.fault = None
    for _ in range(4):
        world.wait(SETTLED)
        run(world)
    assert world.metrics() == EXPECTED
    assert world.left() == []
    assert world.queues["objects-dlq"] == []


def test_one_run_restores_exactly_what_is_missing_and_a_second_changes_nothing() -> None:
    world = filled()
    run(world)
    assert world.metrics() == EXPECTED
    assert (world.left(), world.queues["objects-dlq"]) == ([], [])
    invoked, log = world.invoked, list(world.log)
    run(world)
    assert (world.invoked, world.log) == (invoked, log)


def calls_of_a_run() -> int:
    world = filled()
    run(world)
    return world.calls


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("call", range(1, calls_of_a_run() + 1))
def test_whichever_call_is_the_last_repeating_ends_the_same(call: int, how: str) -> None:
    world = filled()
    world.log_delay = LOG_SECONDS / 2
    world.fault = (call, how)
    with pytest.raises(Killed):
        run(world)
    world.fault = None
    run(world)  # at once: what is unclear is left alone
    assert all(number <= EXPECTED[series] for series, number in world.metrics().items())
    finish(world)


@given(
    faults=st.lists(
        st.tuples(
            st.one_of(
                st.tuples(st.integers(1, 60), st.sampled_from(["before", "after"])),
                st.tuples(st.integers(1, 4), st.just("late")),
            ),
            st.floats(0, 3600),
            st.floats(0, 1500),
        ),
        max_size=5,
    ),
    delay=st.floats(0, LOG_SECONDS / 2),
)
@settings(max_examples=150)
def test_however_often_it_is_interrupted(
    faults: list[tuple[tuple[int, str], float, float]], delay: float
) -> None:
    world = filled()
    world.log_delay = delay
    for fault, lateness, pause in faults:
        world.calls = world.invocations = 0
        world.fault, world.lateness = fault, lateness
        with contextlib.suppress(Killed):
            run(world)
        world.wait(pause)
    finish(world)


@given(
    order=st.lists(st.integers(0, 1), min_size=40, max_size=200),
    calls=st.lists(
        st.tuples(st.integers(1, 100), st.sampled_from(["before", "after"])), max_size=1
    ),
)
@settings(max_examples=60)
def test_two_runs_at_once_count_nothing_twice(
    order: list[int], calls: list[tuple[int, str]]
) -> None:
    world = filled()
    world.fault = calls[0] if calls else None

    def one() -> None:
        with contextlib.suppress(Killed):
            run(world)

    with taking_turns(world, order, one, one):
        pass
    finish(world)


@pytest.mark.parametrize("pause", [0.0, SETTLED, 20 * 86_400.0])
def test_a_copy_that_is_stored_when_the_first_was_counted_is_not_counted(pause: float) -> None:
    world = filled()
    run(world)
    world.wait(pause)
    world.put("failed", "again", failed({"awslogs": {"data": batch(lines(0, 3))}}))
    run(world)
    assert world.metrics() == EXPECTED
    assert world.left() == ([] if pause < 14 * 86_400 else ["again"])


def test_what_an_interruption_leaves_is_not_in_the_bucket_of_failed_batches() -> None:
    for call in range(1, calls_of_a_run() + 1):
        world = filled()
        before = set(world.left())
        world.fault = (call, "after")
        with contextlib.suppress(Killed):
            run(world)
        assert set(world.left()) <= before


def test_every_claim_expires() -> None:
    world = filled()
    run(world)
    assert len(world.items) == 6
    expires = [int(item["expires"]["N"]) for item in world.items.values()]
    assert all(world.now + 29 * 86_400 < at < world.now + 31 * 86_400 for at in expires)
