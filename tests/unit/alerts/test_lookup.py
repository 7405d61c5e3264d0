"""What helps is looked up; what fails or takes too long is left out, and the alert goes on."""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bedrock_alerts.alerts.alert import (
    Alert,
    Fact,
    Notification,
    Reason,
)
from bedrock_alerts.alerts.describe import Details, Found, describe, without_memory
from bedrock_alerts.alerts.events import (
    AlarmDefinition,
    News,
)
from bedrock_alerts.alerts.evidence import Row
from bedrock_alerts.alerts.lookup import Ports, look_up
from tests.support.changes import AT, EVENT_LOG
from tests.support.events import change_of, event_of, sample_body

HOME = Details(event_logs=(EVENT_LOG,), dashboard="stack")
ROWS: Sequence[Row] = [{"principal": "role/bot", "model": "a", "calls": "4"}]
NOW = AT + timedelta(hours=3)
SET = AlarmDefinition(
    threshold=10.0,
    operator="GreaterThanThreshold",
    period=60,
    periods=5,
    to_alarm=3,
)


class Fake:
    """All of the ports at once; whatever is no text, definition or rows is raised or waited for."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"alias": "prod", "definition": SET, "ask": ROWS, **answers}
        self.asked: list[tuple[str, datetime, datetime]] = []
        self.deadlines: list[float] = []

    def _answer(self, name: str) -> Any:
        answer = self.answers[name]
        if isinstance(answer, threading.Event):
            answer.wait(30)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def alias(self) -> str:
        found: str = self._answer("alias")
        return found

    def definition(self, name: str) -> AlarmDefinition | None:
        assert name.startswith("bedrock-alerts.")
        found: AlarmDefinition | None = self._answer("definition")
        return found

    def ask(self, query: str, start: datetime, end: datetime, deadline: float) -> Sequence[Row]:
        self.asked.append((query, start, end))
        self.deadlines.append(deadline)
        found: Sequence[Row] = self._answer("ask")
        return found


def ports(fake: Fake, left_out: Callable[[str, str], None] = lambda _piece, _error: None) -> Ports:
    return Ports(
        details=HOME,
        alarms=fake,
        account=fake,
        event_lines=fake,
        left_out=left_out,
        clock=lambda: 0.0,
        now=lambda: NOW,
    )


def found(name: str, fake: Fake, kind: Reason | None = None, **more: Any) -> Found:
    event = event_of(sample_body(name))
    assert isinstance(event, News)
    notification = Notification(kind=kind) if kind else without_memory(event)
    return look_up(event, notification, ports(fake, **more), 4.0)


def described(event: News, fake: Fake) -> Alert:
    notification = without_memory(event)
    return describe(event, notification, HOME, look_up(event, notification, ports(fake), 4.0))


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Something to wait for in vain, until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_everything_that_can_be_found_out_is_in_the_message() -> None:
    alert = described(change_of(sample_body("throttling")), Fake())
    assert alert.account_alias == "prod"
    assert alert.evidence is not None
    assert alert.evidence.summary.startswith("4 calls throttled since ")
    assert alert.who == "bot 4"
    assert alert.facts == (
        Fact("Value", "12 in 1 min (threshold: 10)"),
        Fact("Recent", "0, 3, 12"),
        Fact("Metric", "BedrockAlerts Throttles (ModelId=a.model-v1), Sum over 1 min"),
        Fact("Before", "OK for 3 h"),
        Fact("Team", "platform"),
        Fact("Evaluated", "3 of 5 periods of 1 min"),
    )
    labels = [link.label for link in alert.links]
    assert labels == ["Runbook", "Calls", "Quotas", "Dashboard", "bedrock-alerts.Throttling"]


def test_both_days_are_asked_about_and_at_once() -> None:
    fake = Fake()
    change = change_of(sample_body("throttling"))
    found("throttling", fake)
    (one, other) = sorted(fake.asked, key=lambda item: item[1])
    assert (other[1] - one[1], other[2] - one[2]) == (timedelta(days=1),) * 2
    assert other[2] == change.at + timedelta(minutes=1)
    assert all("ThrottlingException" in query for query, _, _ in fake.asked)
    assert all(deadline < 4.0 for deadline in fake.deadlines)


@pytest.mark.parametrize(
    ("piece", "missing"),
    [
        ("alias", ["alias"]),
        ("definition", ["definition"]),
        ("ask", ["calls", "calls_of_the_day_before"]),
    ],
)
def test_a_piece_that_fails_is_left_out_and_the_others_are_not(
    piece: str, missing: list[str]
) -> None:
    said: list[tuple[str, str]] = []
    fake = Fake(**{piece: RuntimeError("the secret of somebody")})
    known = found("throttling", fake, left_out=lambda *what: said.append(what))
    assert said == [(name, "RuntimeError") for name in missing]
    assert bool(known.account_alias) is ("alias" not in missing)
    assert (known.definition is not None) is ("definition" not in missing)
    assert (known.evidence is not None) is ("calls" not in missing)


def test_a_piece_that_takes_too_long_is_not_waited_for(never: threading.Event) -> None:
    said: list[tuple[str, str]] = []
    event = change_of(sample_body("throttling"))
    slow = ports(Fake(alias=never), lambda *what: said.append(what))
    known = look_up(event, without_memory(event), slow, 0.3)
    assert said == [("alias", "NoTimeLeft")]
    assert known.account_alias == ""
    assert known.evidence is not None


def test_a_defect_of_ours_loses_no_alert() -> None:
    said: list[tuple[str, str]] = []
    fake = Fake(ask=[{"principal": 5, "calls": "1"}])
    assert found("throttling", fake, left_out=lambda *what: said.append(what)) == Found()
    assert said == [("everything", "AttributeError")]


@pytest.mark.parametrize("deadline", [0.0, -5.0])
def test_without_time_nothing_is_asked(deadline: float) -> None:
    fake = Fake()
    said: list[tuple[str, str]] = []
    event = change_of(sample_body("throttling"))
    asked = ports(fake, lambda *what: said.append(what))
    assert look_up(event, without_memory(event), asked, deadline) == Found()
    assert fake.asked == []
    assert {error for _, error in said} == {"NoTimeLeft"}


def test_what_is_elsewhere_is_not_looked_up_here() -> None:
    fake = Fake()
    event = msgspec.structs.replace(change_of(sample_body("throttling")), account_id="444455556666")
    assert look_up(event, without_memory(event), ports(fake), 4.0) == Found()
    assert fake.asked == []


@pytest.mark.parametrize("name", ["logging_deleted", "alarm_changed"])
def test_of_what_is_no_state_change_the_account_is_named(name: str) -> None:
    fake = Fake()
    assert found(name, fake) == Found(account_alias="prod")
    assert fake.asked == []


@pytest.mark.parametrize(
    ("kind", "is_asked"),
    [
        ("firing", True),
        ("escalated", True),
        ("still_firing", True),
        ("contributors", True),
        ("resolved", False),
        ("no_data", False),
        ("recovering", False),
        ("acknowledged", False),
    ],
)
def test_evidence_is_for_what_there_is_to_find_out(kind: Reason, *, is_asked: bool) -> None:
    fake = Fake()
    known = found("throttling", fake, kind)
    assert bool(fake.asked) is is_asked
    assert (known.evidence is not None) is is_asked


def test_a_reminder_asks_who_keeps_it_going() -> None:
    fake = Fake()
    found("throttling", fake, "still_firing")
    assert max(end for _, _, end in fake.asked) == NOW
    assert max(start for _, start, _ in fake.asked) == NOW - timedelta(hours=1)


def test_what_event_lines_cannot_tell_is_asked_of_usage_lines() -> None:
    fake = Fake()
    assert found("anomaly", fake).evidence is not None
    assert all('event = "usage"' in query for query, _, _ in fake.asked)


def test_what_the_event_does_not_say_comes_from_the_definition() -> None:
    event = msgspec.structs.replace(
        change_of(sample_body("many_series")), recent_values=(12.0,), previous_state=None
    )
    alert = described(event, Fake())
    assert alert.facts[0] == Fact("Value", "12 in 1 min (threshold: 10)")
    assert alert.headline == "12 calls of one caller blocked in 1 min"
    assert alert.threshold == 10.0
    assert '"threshold"' in alert.widget


def test_what_the_event_says_counts_more_than_the_definition() -> None:
    changed = msgspec.structs.replace(SET, threshold=99.0, operator="LessThanThreshold")
    alert = described(change_of(sample_body("throttling")), Fake(definition=changed))
    assert alert.facts[0] == Fact("Value", "12 in 1 min (threshold: 10)")
    assert alert.threshold == 10.0


def test_what_is_odd_about_an_alarm_is_said() -> None:
    odd = AlarmDefinition(actions_enabled=False, evaluation="PARTIAL_DATA")
    alert = described(change_of(sample_body("throttling")), Fake(definition=odd))
    labels = {fact.label: fact.value for fact in alert.facts}
    assert labels["Actions"] == "disabled on this alarm"
    assert labels["Evaluation"].startswith("partial data")
    assert "Evaluated" not in labels


def test_an_alarm_that_is_gone_has_no_definition() -> None:
    assert found("throttling", Fake(definition=None)).definition is None


def test_without_ports_nothing_is_found() -> None:
    event = change_of(sample_body("throttling"))
    soon = datetime.now(UTC).timestamp() + 4
    assert look_up(event, without_memory(event), Ports(details=HOME), soon) == Found()
