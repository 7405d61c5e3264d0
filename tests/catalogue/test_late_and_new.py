"""Alarms fire when metrics are late, and none fires in the first hour of a stack."""

from collections.abc import Callable
from functools import cache
from typing import Final

import pytest

from bedrock_alerts_cli.simulator import Datapoint, Lateness, Timeline, simulate
from tests import records
from tests.catalogue.alarms import SOURCES, STACK, alarms, names, source_of
from tests.catalogue.proofs import PROOFS, attacks, calls
from tests.catalogue.traffic import (
    BEDROCK,
    END,
    HOUR,
    INCIDENT,
    MINUTE,
    NAMESPACE,
    START,
    counted,
    every,
    native,
    ordinary,
)

NAMES: Final = names()
LATE_MINUTES: Final = (3, 10, 15)
FIRST_HOUR: Final = START + HOUR


def fired_at(timeline: Timeline, name: str) -> list[float]:
    return [
        change.at.timestamp()
        for change in timeline.of(f"{STACK}.{name}")
        if change.to_state == "ALARM"
    ]


@cache
def late_story(name: str, minutes: int) -> Timeline:
    there = alarms(source_of(name))
    wanted = there.values() if name == "BedrockDegraded" else [there[name]]
    points = PROOFS[name].fires(list(ordinary()))
    return simulate(wanted, points, START, END, Lateness(minutes))


@pytest.mark.parametrize("minutes", LATE_MINUTES)
@pytest.mark.parametrize("name", NAMES)
def test_it_fires_once_although_its_metrics_are_late(name: str, minutes: int) -> None:
    (fired,) = fired_at(late_story(name, minutes), name)
    at_once = fired_at(late_story(name, 0), name)[0]
    assert INCIDENT < fired <= at_once + (minutes + 30) * MINUTE


@pytest.mark.parametrize("minutes", [0, *LATE_MINUTES])
def test_an_attack_of_some_minutes_fires_once_and_not_at_the_edge_of_each_period(
    minutes: int,
) -> None:
    attack = calls(*attacks(4), apart=60)
    timeline = simulate(
        [alarms("log group")["PromptAttack"]],
        [*ordinary(), *attack],
        START,
        END,
        Lateness(minutes),
    )
    assert len(fired_at(timeline, "PromptAttack")) == 1


@pytest.mark.parametrize("minutes", LATE_MINUTES)
@pytest.mark.parametrize("namespace", [None, NAMESPACE])
@pytest.mark.parametrize("source", SOURCES)
def test_late_metrics_of_ordinary_days_fire_nothing(
    source: str, namespace: str | None, minutes: int
) -> None:
    late = Lateness(minutes, namespace)
    timeline = simulate(alarms(source).values(), ordinary(), START, END, late)
    assert [c.alarm_name for c in timeline.changes if c.to_state == "ALARM"] == []


# ---- a new stack ---------------------------------------------------------------------------------


def beating(first: int) -> list[Datapoint]:
    """Return the heartbeats of an hour."""
    return [
        native("Heartbeat", at, 1.0, namespace=NAMESPACE)
        for at in every(5 * MINUTE, first, FIRST_HOUR)
    ]


def no_traffic() -> list[Datapoint]:
    return []


def light_traffic() -> list[Datapoint]:
    """Return a call every ten minutes, which the stack counts six minutes after it was made."""
    calls = every(10 * MINUTE, START - 2 * HOUR, FIRST_HOUR)
    seen = [(at, records.converse()) for at in calls if at >= START + 6 * MINUTE]
    return [*counted(seen), *(native("Invocations", at, 1.0, namespace=BEDROCK) for at in calls)]


def ordinary_traffic() -> list[Datapoint]:
    """Return the account's own history, of which the stack has counted nothing so far."""
    return [
        point
        for point in ordinary()
        if point.namespace != NAMESPACE or point.minute >= START + 6 * MINUTE
    ]


@pytest.mark.parametrize("minutes", [0, *LATE_MINUTES])
@pytest.mark.parametrize("traffic", [no_traffic, light_traffic, ordinary_traffic])
@pytest.mark.parametrize("source", SOURCES)
def test_no_alarm_fires_in_the_first_hour_of_a_stack(
    source: str, traffic: Callable[[], list[Datapoint]], minutes: int
) -> None:
    points = [*traffic(), *beating(START + 5 * MINUTE)]
    late = Lateness(minutes, NAMESPACE)
    timeline = simulate(alarms(source).values(), points, START, FIRST_HOUR, late)
    assert [c.alarm_name for c in timeline.changes if c.to_state == "ALARM"] == []
