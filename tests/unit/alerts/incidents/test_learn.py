"""What an event, a look-up or a press adds to the facts."""

from typing import Any

import pytest

from bedrock_alerts.alerts.events import (
    Answer,
    incident_id,
)
from bedrock_alerts.alerts.incidents.item import (
    MAX_CONTRIBUTORS,
    MAX_TRANSITIONS,
    AlarmItem,
    firing_contributors,
    is_silenced,
    is_suppressed,
)
from bedrock_alerts.alerts.incidents.learn import LookedUp, learn_look_up, press
from tests.support.facts import (
    ARN,
    configured,
    empty,
    event,
    learn,
    lived,
    minute,
    moment,
    series,
    settled,
    with_view,
)


def pressed(kind: Any, at: float, **changes: Any) -> Answer:
    given: dict[str, Any] = {
        "kind": kind,
        "incident": incident_id(ARN),
        "user": "U0EXAMPLE",
        "name": "ada",
        "at": moment(at),
        "number": 1,
    }
    return Answer(**{**given, **changes})


def looked_up(item: AlarmItem, at: float, **found: Any) -> AlarmItem:
    return settled(learn_look_up(settled(item, at), LookedUp(**found), minute(at)), at)


# ---- states --------------------------------------------------------------------------------------


def test_a_time_from_the_future_is_cut() -> None:
    # H: nothing that comes after it may be history.
    item = learn(empty(), event("OK", 40_000_000), now=1)
    assert max(change.at for change in item.transitions) == minute(6)
    item = learn(item, event("ALARM", 7), now=7)
    assert item.incident is not None


@pytest.mark.parametrize(
    ("state", "before", "course"),
    [
        pytest.param("OK", "ALARM", ["ALARM", "OK"], id="an OK proves the ALARM before it"),
        pytest.param("ALARM", "OK", ["ALARM"], id="no end of what never began"),
        pytest.param("OK", "INSUFFICIENT_DATA", ["OK"], id="a new alarm"),
        pytest.param("OK", "SNOOZED", ["OK"], id="an unknown state proves nothing"),
    ],
)
def test_the_state_before_is_learned_too(state: str, before: str, course: list[str]) -> None:
    item = learn(empty(), event(state, 5, previous_state=before), now=5)
    assert [change.state for change in item.transitions] == course


def test_a_state_that_nobody_knows_counts_as_the_worse() -> None:
    assert learn(empty(), event("SNOOZED", 1), now=1).incident is not None


def test_only_the_last_transitions_are_kept_and_the_rest_is_history() -> None:
    item = empty()
    for number in range(60):
        item = lived(("ALARM", number), ("OK", number + 0.5), item=item)
    assert len(item.transitions) == MAX_TRANSITIONS
    assert item.horizon > minute(30)
    before = item.transitions
    assert learn(item, event("ALARM", 3), now=61).transitions == before
    assert item.incident is not None
    assert item.incident.since == minute(0)


def test_a_hundred_contributors_are_named_and_the_others_counted() -> None:
    item = learn(empty(), event("ALARM", 0), now=0)
    for number in range(MAX_CONTRIBUTORS + 7):
        item = learn(item, series(f"c{number}", "ALARM", 1), now=1)
    assert len(firing_contributors(item)) == MAX_CONTRIBUTORS
    assert item.contributors_left_out == 7


def test_contributors_that_ended_make_room() -> None:
    item = learn(empty(), event("ALARM", 0), now=0)
    for number in range(MAX_CONTRIBUTORS):
        item = learn(item, series(f"c{number}", "ALARM", 1), now=1)
    item = learn(item, series("c3", "OK", 2), series("late", "ALARM", 3), now=3)
    assert "late" in firing_contributors(item)
    assert "c3" not in item.contributors


# ---- held back -----------------------------------------------------------------------------------


def test_suppression_is_ordered_by_the_envelope() -> None:
    release = event("ALARM", 0, sent_at=moment(9))
    held = event("ALARM", 0, sent_at=moment(1), suppressed_by="Alarm")
    item = learn(empty(), release, held, now=10)
    assert not is_suppressed(item, minute(10))


def test_a_mute_ends_by_itself() -> None:
    muted = event("ALARM", 0, muted_by="arn:rule", muted_until=moment(30))
    item = learn(empty(), muted, now=0)
    assert [is_suppressed(item, minute(at)) for at in (29, 31)] == [True, False]


def test_what_is_held_back_is_wanted_by_nobody() -> None:
    item = learn(empty(), event("ALARM", 0, suppressed_by="WaitPeriod"), now=0)
    assert item.incident is not None
    assert {view.wanted for view in item.views.values()} == {0}
    assert {view.wanted for view in lived(("ALARM", 0)).views.values()} == {1}


def test_a_deleted_alarm_is_forgotten_with_its_suppression() -> None:
    item = learn(empty(), event("ALARM", 0, suppressed_by="Alarm"), now=0)
    item = learn(item, configured("update", 1, actions_enabled=False), now=1)
    item = learn(item, configured("delete", 2), event("ALARM", 3), now=3)
    assert not is_suppressed(item, minute(3))


def test_a_worse_severity_ends_an_acknowledgement() -> None:
    item = learn(empty(), event("ALARM", 0, description="Severity: warning"), now=0)
    item, _ = press(item, pressed("acknowledge", 1), minute(1))
    item = learn(item, configured("update", 2, description="Severity: critical"), now=2)
    assert item.incident is not None
    assert item.incident.acknowledged_by == ""
    assert item.incident.escalated_at == minute(2)


# ---- look-ups ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "is_open"),
    [
        pytest.param({"state": "OK", "since": minute(20)}, False, id="it has ended"),
        pytest.param({"state": None}, False, id="it was deleted"),
        pytest.param({"state": "ALARM", "since": minute(0)}, True, id="it still fires"),
    ],
)
def test_a_look_up_ends_what_no_event_ended(found: dict[str, Any], *, is_open: bool) -> None:
    assert (looked_up(lived(("ALARM", 0)), 60, **found).incident is not None) is is_open


def test_a_look_up_that_says_alarm_opens_whatever_its_time() -> None:
    # ALARM 37, the query changed at 43 and no event said that it fires on.
    item = learn(empty(), series("a", "ALARM", 37), now=37)
    item = learn(item, configured("update", 43, is_query_changed=True), now=43)
    assert settled(item, 60).incident is None
    item = looked_up(item, 60, state="ALARM", since=minute(37))
    assert item.incident is not None
    assert item.incident.number == 2


def test_a_look_up_ends_contributors_that_it_does_not_name() -> None:
    item = learn(
        empty(), event("ALARM", 0), series("a", "ALARM", 1), series("b", "ALARM", 1), now=1
    )
    item = looked_up(item, 60, state="ALARM", since=minute(0), contributors={"b"})
    assert firing_contributors(item) == ("b",)


# ---- presses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("press_", "says", "acknowledged"),
    [
        (pressed("acknowledge", 1), "Acknowledged.", "ada"),
        (pressed("acknowledge", 1, number=0), "Acknowledged.", "ada"),
        (pressed("acknowledge", 1, number=2), "Nothing was changed", ""),
        (pressed("acknowledge", -1, number=0), "Nothing was changed", ""),
        (pressed("unacknowledge", 1), "taken back", ""),
        (pressed("silence", 1, number=2, seconds=3600), "Nothing was silenced", ""),
        (pressed("silence", 1, seconds=30), "would have ended", ""),
        (pressed("unsilence", 1), "Nothing is silenced", ""),
    ],
)
def test_a_press_is_bound_to_its_incident(press_: Answer, says: str, acknowledged: str) -> None:
    item, text = press(lived(("ALARM", 0)), press_, minute(2))
    assert says in text
    assert item.incident is not None
    assert item.incident.acknowledged_by == acknowledged
    assert item.silence is None


def test_a_silence_outlives_its_incident_and_its_undo_does_too() -> None:
    item, _ = press(lived(("ALARM", 0)), pressed("silence", 1, seconds=14_400), minute(1))
    item = lived(("OK", 2), ("ALARM", 60), item=item)
    assert is_silenced(item, minute(61))
    item, says = press(item, pressed("unsilence", 62), minute(62))
    assert (says, is_silenced(item, minute(62))) == ("The silence has ended.", False)


def test_what_is_worse_pierces_a_silence() -> None:
    item = learn(empty(), event("ALARM", 0, description="Severity: warning"), now=0)
    item, _ = press(item, pressed("silence", 1, seconds=14_400), minute(1))
    item = learn(item, event("ALARM", 2), now=2)
    assert not is_silenced(item, minute(2))


def test_whatever_is_learned_wakes_the_views_and_gives_a_parked_one_another_chance() -> None:
    item = with_view(lived(("ALARM", 0)), "email", is_parked=True, failures=3, due=None)
    view = learn(item, event("OK", 5), now=5).view("email")
    assert (view.is_parked, view.failures, view.due) == (False, 0, minute(5))


# ---- what only a terminal can say ----------------------------------------------------------------


def test_a_command_silences_an_alarm_that_does_not_fire() -> None:
    silence = pressed("silence", 1, seconds=3600, alarm_arn=ARN, number=0)
    item, text = press(lived(("OK", 0)), silence, minute(1))
    assert text == "Silenced."
    assert is_silenced(item, minute(60))
    item, text = press(lived(("OK", 0)), pressed("silence", 1, seconds=3600), minute(1))
    assert (item.silence, text[-21:]) == (None, "Nothing was silenced.")


def test_of_an_alarm_that_is_not_known_yet_nothing_pierces_the_silence() -> None:
    silence = pressed("silence", 1, seconds=3600, alarm_arn=ARN, number=0)
    item, _ = press(AlarmItem(arn=ARN), silence, minute(1))
    assert is_silenced(learn(item, event("ALARM", 2), now=2), minute(3))


def test_an_incident_closed_by_hand_ends_at_once_and_says_by_whom() -> None:
    item = learn(lived(("ALARM", 0)), series("a", "ALARM", 1), now=1)
    item, text = press(item, pressed("close", 5), minute(6))
    item = settled(item, 6)
    assert (text, item.incident) == ("Closed.", None)
    assert [(end.number, end.at, end.by) for end in item.ended] == [(1, minute(5), "ada")]
    assert firing_contributors(item) == ()


def test_an_alarm_that_fires_after_the_close_is_another_incident_however_late_it_is_learned() -> (
    None
):
    item, _ = press(lived(("ALARM", 0)), pressed("close", 5), minute(8))
    item = learn(settled(item, 8), event("ALARM", 6), now=30)
    assert item.incident is not None
    assert (item.incident.number, item.incident.since) == (2, minute(6))


def test_what_has_fired_again_since_the_press_is_not_closed() -> None:
    item, text = press(lived(("ALARM", 0), ("OK", 2), ("ALARM", 6)), pressed("close", 5), minute(8))
    assert text == "The alarm has fired again. Nothing was closed."
    assert settled(item, 8).incident is not None


def test_only_the_incident_that_is_meant_is_closed() -> None:
    item, text = press(lived(("ALARM", 0)), pressed("close", 5, number=7), minute(6))
    assert text == "The incident of this message is resolved. Nothing was changed."
    assert settled(item, 6).incident is not None


def test_what_was_given_up_is_due_again_on_the_channel_that_is_meant() -> None:
    item = lived(("ALARM", 0))
    for channel in ("email", "slack"):
        item = with_view(item, channel, is_parked=True, failures=3, due=None)
    item, _ = press(item, pressed("resend", 5, channel="slack"), minute(6))
    found = [(item.view(name).is_parked, item.view(name).due) for name in ("email", "slack")]
    assert found == [(True, None), (False, minute(6))]
    item, _ = press(item, pressed("resend", 7), minute(8))
    assert item.view("email").due == minute(8)
