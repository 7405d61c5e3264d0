"""What has opened, recovered and closed: a close is made once, and never undone."""

from typing import Final

import pytest

from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.incidents.settle import effective, on_and_off
from tests.support.facts import (
    POLICY,
    configured,
    empty,
    event,
    learn,
    lived,
    minute,
    series,
    settled,
)

FIRING: Final = ("ALARM", 0.0)


def numbers(item: AlarmItem) -> tuple[int, ...]:
    """Return the incidents that are closed."""
    return tuple(end.number for end in item.ended)


@pytest.mark.parametrize(
    ("course", "at", "state"),
    [
        pytest.param([FIRING], 60, "firing", id="fires"),
        pytest.param([FIRING, ("OK", 5)], 14, "recovering", id="within the window"),
        pytest.param([FIRING, ("OK", 5)], 15, "", id="at the end of the window"),
        pytest.param([FIRING, ("OK", 5), ("ALARM", 14)], 14, "firing", id="again in the window"),
        pytest.param([FIRING, ("OK", 5), ("NO DATA", 9)], 15, "", id="no data stops no window"),
        pytest.param([FIRING, ("NO DATA", 5)], 500, "no_data", id="no data is no end"),
        pytest.param([FIRING, ("NO DATA", 5), ("OK", 9)], 18, "recovering", id="OK after that"),
        pytest.param([("NO DATA", 0), ("OK", 5)], 9, "", id="nothing ever fired"),
        pytest.param([("OK", 0), FIRING], 9, "firing", id="both at one time"),
    ],
)
def test_an_incident_is_open_until_its_window_is_over(
    course: list[tuple[str, float]], at: float, state: str
) -> None:
    incident = settled(lived(*course), at).incident
    assert (incident.state if incident else "") == state


def test_the_end_is_that_of_the_recovery_whenever_it_is_written() -> None:
    item = settled(lived(FIRING, ("OK", 5)), 300)
    assert [(end.since, end.at) for end in item.ended] == [(minute(0), minute(5))]
    assert item.closed_at == minute(5)


def test_an_alarm_that_arrives_late_but_fires_after_the_end_is_another_incident() -> None:
    # ALARM 22, OK 67; closed at 78; ALARM 75 arrives at 100.
    item = settled(lived(("ALARM", 22), ("OK", 67)), 78)
    item = learn(item, event("ALARM", 75), now=100)
    assert item.incident is not None
    assert (item.incident.number, numbers(item)) == (2, (1,))


def test_what_is_closed_never_opens_again() -> None:
    # B: ALARM 25, OK 71 arrives at 83, ALARM 77 arrives at 102.
    item = learn(empty(), event("ALARM", 25), now=25)
    item = learn(item, event("OK", 71), now=83)
    assert item.incident is None
    item = learn(item, event("ALARM", 77), now=102)
    assert item.incident is not None
    assert item.incident.number == 2


def test_an_earlier_alarm_moves_the_beginning_and_never_the_number() -> None:
    # A: the last of ALARM 22, OK 23, ALARM 24 arrives first.
    item = learn(empty(), event("ALARM", 24), now=24.8)
    item = learn(item, event("ALARM", 22), now=33.9)
    item = learn(item, event("OK", 23), now=34)
    assert item.incident is not None
    assert (item.incident.number, item.incident.since) == (1, minute(22))
    assert item.incident.state == "firing"


def test_an_end_that_is_older_than_the_last_alarm_closes_nothing() -> None:
    item = learn(empty(), event("ALARM", 28), now=28)
    item = learn(item, configured("delete", 25), now=37)
    assert item.incident is not None
    assert item.incident.state == "firing"


def test_an_old_end_is_closed_with_the_new_beginning() -> None:
    item = learn(lived(FIRING), event("ALARM", 600, previous_state="OK"), now=600)
    assert numbers(item) == (1,)
    assert item.incident is not None
    assert item.incident.number == 2


def test_an_old_recovery_that_comes_late_does_not_split_what_was_one() -> None:
    item = learn(lived(FIRING, ("ALARM", 30)), event("OK", 10), now=31)
    assert numbers(item) == ()
    item = learn(lived(FIRING, ("ALARM", 30), ("OK", 40)), event("OK", 10), now=41)
    assert numbers(item) == ()


def test_the_window_doubles_with_each_recent_end_up_to_an_hour() -> None:
    windows, item, at = [], empty(), 0.0
    for _ in range(5):
        item = lived(("ALARM", at), ("OK", at + 1), item=item)
        assert item.incident is not None
        windows.append(item.incident.window / 60)
        at += 1 + windows[-1]
        item = settled(item, at)
    assert windows[:4] == [10, 20, 40, 60]


@pytest.mark.parametrize(("at", "lasts"), [(34, False), (35, True)])
def test_no_data_lasts_after_half_an_hour(at: float, *, lasts: bool) -> None:
    item = settled(lived(FIRING, ("NO DATA", 5)), at)
    assert item.incident is not None
    assert item.incident.no_data_lasts is lasts


def test_a_deletion_ends_at_once_and_counts_as_the_end_of_its_second() -> None:
    item = learn(lived(("ALARM", 40.01)), configured("delete", 40), now=40.1)
    assert item.incident is None
    assert [end.is_deleted for end in item.ended] == [True]


@pytest.mark.parametrize(
    ("events", "fires"),
    [
        pytest.param([series("a", "ALARM", 1)], True, id="a contributor without its parent"),
        pytest.param([event("ALARM", 0), series("a", "OK", 2)], True, id="the parent decides"),
        pytest.param([series("a", "ALARM", 1), event("OK", 2)], False, id="the parent's OK"),
        pytest.param(
            [event("ALARM", 0), series("a", "ALARM", 1), event("NO DATA", 2)], False, id="no data"
        ),
        pytest.param([event("OK", 0), series("a", "ALARM", 1)], True, id="later than the OK"),
        pytest.param(
            [series("a", "ALARM", 1), series("b", "ALARM", 1), series("a", "OK", 2)],
            True,
            id="another one is left",
        ),
        pytest.param(
            [series("a", "ALARM", 1), configured("update", 2, is_query_changed=True)],
            False,
            id="another query",
        ),
        pytest.param(
            [
                event("ALARM", 0),
                series("a", "ALARM", 1),
                configured("update", 2, is_query_changed=True),
            ],
            True,
            id="another query, and the parent still in ALARM",
        ),
    ],
)
def test_an_alarm_fires_while_it_or_a_newer_contributor_does(
    events: list[object], *, fires: bool
) -> None:
    item = learn(empty(), *events, now=3)  # type: ignore[arg-type] # of either kind
    assert (item.incident is not None and item.incident.state == "firing") is fires


def test_equal_states_are_one_transition() -> None:
    item = learn(empty(), event("ALARM", 1), event("ALARM", 1.001), event("OK", 2), now=3)
    assert [change.state for change in effective(item)] == ["ALARM", "OK"]


def test_on_and_off_says_how_often_and_for_what_share() -> None:
    item = lived(FIRING, ("OK", 4), ("ALARM", 5), ("OK", 9))
    times, share = on_and_off(item, minute(0), minute(10))
    assert times == 2
    assert share == pytest.approx(0.8)


def test_settling_again_changes_nothing() -> None:
    item = settled(lived(FIRING, ("OK", 5)), 40)
    assert settled(item, 40) == item
    assert POLICY.window == 600
