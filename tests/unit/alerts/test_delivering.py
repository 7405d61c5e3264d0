"""What to do about one alert on one channel."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.delivering import (
    ended_in,
    judge_claim,
    judge_recovery,
    pause_before_retry,
    told_late,
)
from bedrock_alerts.alerts.model import LedgerEntry
from bedrock_alerts.errors import PostponedError, TransientError
from tests.support.delivering import ENDED, NOW, OPENED, alarm, recovery

END = recovery()


def entry(status: Any, *, age: float = 0.0, **changes: Any) -> LedgerEntry:
    given: dict[str, Any] = {"kind": "first", "owner": "a", "opened_at": OPENED, **changes}
    return LedgerEntry(status=status, at=NOW - age, **given)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        pytest.param(entry("sent"), "skip", id="sent"),
        pytest.param(entry("failed"), "go", id="given back"),
        pytest.param(entry("waiting"), "go", id="its turn has not come"),
        pytest.param(entry("sending", owner="b"), "wait", id="somebody sends it"),
        pytest.param(entry("sending", owner="b", age=359), "wait", id="and may still live"),
        pytest.param(entry("sending", owner="b", age=360), "go", id="and is dead"),
        pytest.param(entry("sending", age=89), "wait", id="we send it, in another life"),
        pytest.param(entry("sending", age=90), "go", id="which has ended"),
    ],
)
def test_a_claim_is_judged(found: LedgerEntry, verdict: str) -> None:
    assert judge_claim(found, "a", NOW) == verdict


@pytest.mark.parametrize(
    ("entries", "verdict"),
    [
        pytest.param([], "skip", id="nobody was told"),
        pytest.param([entry("sent")], "go", id="somebody was told"),
        pytest.param([entry("sent", kind="late")], "skip", id="told as over already"),
        pytest.param([entry("sent", kind="late"), entry("sent")], "go", id="told before that"),
        pytest.param([entry("failed")], "skip", id="the alarm has failed so far"),
        pytest.param([entry("waiting")], "skip", id="its turn has not come"),
        pytest.param([entry("sending")], "wait", id="it is being sent"),
        pytest.param([entry("sending", age=360)], "go", id="who sent it has died"),
        pytest.param([entry("sending"), entry("sent")], "go", id="told, and told again"),
        pytest.param([entry("sent", opened_at=ENDED)], "skip", id="told of another opening"),
        pytest.param([entry("sent", kind="resolved")], "skip", id="only of its end"),
        pytest.param([entry("sent", kind="reminder")], "go", id="reminded of it"),
        pytest.param([entry("sent", kind="flapping")], "go", id="told that it flaps"),
    ],
)
def test_an_end_is_told_to_who_has_heard_of_the_beginning(
    entries: list[LedgerEntry], verdict: str
) -> None:
    assert judge_recovery(entries, END, NOW) == verdict


def test_an_end_that_nobody_remembers_the_beginning_of_is_told() -> None:
    assert judge_recovery([], recovery(opened_at=None), NOW) == "go"


@pytest.mark.parametrize(
    ("entries", "is_over"),
    [
        ([], False),
        ([entry("sent")], False),
        ([entry("failed", kind="resolved", ended_at=ENDED)], True),
        ([entry("waiting", kind="resolved", ended_at=ENDED)], True),
        ([entry("sent", kind="resolved", ended_at=ENDED)], False),
        ([entry("failed", kind="resolved", ended_at=ENDED, opened_at=ENDED)], False),
        ([entry("failed", kind="resolved")], False),
    ],
)
def test_an_end_that_was_withheld_is_found(entries: list[LedgerEntry], *, is_over: bool) -> None:
    assert ended_in(entries, alarm()) == (ENDED if is_over else None)
    assert ended_in(entries, alarm(opened_at=None)) is None


def test_one_message_says_that_an_alarm_came_and_went() -> None:
    told = told_late(alarm(), ENDED)
    assert (told.kind, told.tone, told.ended_at) == ("late", "ok", ENDED)
    assert told.status == "ALARM · critical → RESOLVED"
    assert told.summary.splitlines() == [
        "This alarm is over already; it could not be told in time.",
        "A guardrail blocked calls.",
    ]
    assert told.key == alarm().key


@pytest.mark.parametrize(
    ("attempt", "retry_after", "seconds"),
    [
        pytest.param(1, None, 5, id="a short pause first"),
        pytest.param(2, None, 15, id="then three times as long"),
        pytest.param(5, None, 405, id="and again"),
        pytest.param(6, None, 900, id="up to a quarter of an hour"),
        pytest.param(1000, None, 900, id="however often"),
        pytest.param(1, 30.0, 30, id="as long as the other side asks for"),
        pytest.param(1, 0.0, 5, id="never shorter than we would wait ourselves"),
        pytest.param(3, 1.5, 45, id="nor after several attempts"),
        pytest.param(1, 1e9, 900, id="and never for ever"),
    ],
)
def test_the_pause_grows_and_is_bounded(
    attempt: int, retry_after: float | None, seconds: float
) -> None:
    pause = pause_before_retry(TransientError("…", retry_after=retry_after), attempt)
    assert seconds <= pause <= seconds * 1.2


def test_what_is_too_early_is_paused_for_alike() -> None:
    assert 15 <= pause_before_retry(PostponedError("…", seconds=0), 2) <= 18


@given(st.integers(0, 1000), st.none() | st.floats(0, allow_infinity=False))
def test_no_pause_is_too_short_or_too_long(attempt: int, retry_after: float | None) -> None:
    pause = pause_before_retry(TransientError("…", retry_after=retry_after), attempt)
    assert 1 <= pause <= 1080


def test_alerts_of_a_storm_do_not_come_back_as_one() -> None:
    assert len({pause_before_retry(TransientError("…"), 1) for _ in range(20)}) > 1
