"""Every alarm of the catalogue goes to ALARM and back to OK, and is quiet in ordinary times."""

from functools import cache
from typing import Final

import pytest

from bedrock_alerts_cli.simulator import MetricAlarm, Timeline, simulate
from bedrock_alerts_cli.simulator.alarm_definitions import Item
from tests import records
from tests.catalogue.alarms import SOURCES, STACK, alarms, names, source_of
from tests.catalogue.proofs import PROOFS, blocked, calls
from tests.catalogue.traffic import (
    END,
    INCIDENT,
    MINUTE,
    START,
    Story,
    adding,
    every,
    native,
    ordinary,
)

NAMES: Final = names()


def told(name: str, story: Story) -> Timeline:
    """Simulate an alarm, with those a composite looks at, through a story."""
    there = alarms(source_of(name))
    wanted = there.values() if name == "BedrockDegraded" else [there[name]]
    return simulate(wanted, story(list(ordinary())), START, END)


def parts(name: str) -> tuple[Item, ...]:
    """Return the metrics that an alarm adds up."""
    alarm = alarms(source_of(name))[name]
    assert isinstance(alarm, MetricAlarm)
    return tuple(item for item in alarm.items if item.signal is not None)


def fired(timeline: Timeline, name: str) -> bool:
    return "ALARM" in {change.to_state for change in timeline.of(f"{STACK}.{name}")}


def test_there_is_a_proof_for_every_alarm_and_for_no_other() -> None:
    assert sorted(PROOFS) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_fires_and_recovers(name: str) -> None:
    changes = told(name, PROOFS[name].fires).of(f"{STACK}.{name}")
    # An alarm that has no data yet becomes OK when it has some; a query without series has none.
    states = [change.to_state for change in changes if change.to_state != "INSUFFICIENT_DATA"]
    assert states in (["OK", "ALARM", "OK"], ["ALARM", "OK"])
    (fired,) = (change.at for change in changes if change.to_state == "ALARM")
    assert fired.timestamp() > INCIDENT


@pytest.mark.parametrize("name", NAMES)
def test_it_is_quiet_in_ordinary_times(name: str) -> None:
    for source in SOURCES:
        if name in alarms(source):
            timeline = ordinary_days(source)
            assert "ALARM" not in {c.to_state for c in timeline.of(f"{STACK}.{name}")}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_quiet_when_it_only_comes_close(name: str) -> None:
    changes = told(name, PROOFS[name].near_miss).changes
    assert "ALARM" not in {c.to_state for c in changes if c.alarm_name == f"{STACK}.{name}"}


@cache
def ordinary_days(source: str) -> Timeline:
    return simulate(alarms(source).values(), ordinary(), START, END)


@pytest.mark.parametrize(
    ("name", "item"),
    [
        (name, item.id)
        for name in ("PipelineMetricsRefused", "NotifierErrors")
        for item in parts(name)
    ],
)
def test_a_sum_fires_on_each_of_its_parts(name: str, item: str) -> None:
    (signal,) = (part.signal for part in parts(name) if part.id == item)
    assert signal is not None
    one = native(
        signal.metric, INCIDENT, 1.0, namespace=signal.namespace, **dict(signal.dimensions)
    )
    assert fired(told(name, adding([one])), name)


@pytest.mark.parametrize("action", ["BLOCKED", "ANONYMIZED", "NONE"])
def test_sensitive_data_counts_whatever_was_done_about_it(action: str) -> None:
    found = [
        calls(*blocked(40, records.pii(action, detected=True)), at=at, apart=1)
        for at in every(5 * MINUTE, INCIDENT, INCIDENT + 20 * MINUTE)
    ]
    assert fired(told("SensitiveData", adding(*found)), "SensitiveData")


@pytest.mark.parametrize("part", ["Throttling", "ClientErrors", "ServerErrors", "Latency"])
def test_the_composite_fires_with_each_of_its_parts(part: str) -> None:
    assert fired(told("BedrockDegraded", PROOFS[part].fires), "BedrockDegraded")


def test_the_message_about_a_repeat_offender_names_the_caller() -> None:
    changes = [
        change
        for change in told("RepeatOffender", PROOFS["RepeatOffender"].fires).changes
        if change.contributor is not None
    ]
    assert [change.to_state for change in changes] == ["ALARM", "OK"]
    (alarm, _) = changes
    assert alarm.contributor is not None
    assert dict(alarm.contributor.attributes) == {"Principal": "search-app"}
