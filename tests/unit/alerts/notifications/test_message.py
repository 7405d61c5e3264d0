"""What a message says is what is true when it is sent."""

import msgspec
import pytest

from bedrock_alerts.alerts.alert import Alert
from bedrock_alerts.alerts.describe import Details
from bedrock_alerts.alerts.events import Answer
from bedrock_alerts.alerts.found import Found
from bedrock_alerts.alerts.incidents.item import AlarmItem, Shown, View
from bedrock_alerts.alerts.incidents.learn import press
from bedrock_alerts.alerts.notifications.message import is_worth_a_notice, latency_ms, message
from bedrock_alerts.alerts.notifications.plan import Send, plan
from tests.support.facts import (
    ARN,
    POLICY,
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


def said(item: AlarmItem, at: float) -> Alert:
    """Return what an email says at a minute."""
    item = settled(item, at)
    send = plan(item, "email", "plain", POLICY, minute(at))
    assert isinstance(send, Send)
    found = message(item, item.view("email"), send, Found(), Details(), minute(at))
    assert found is not None
    return found


def test_a_firing_alarm_is_named_with_its_incident() -> None:
    alert = said(lived(("ALARM", 0)), 1)
    assert (alert.kind, alert.incident, alert.number) == ("firing", ARN, 1)
    assert (alert.opened_at, alert.severity) == (moment(0), "critical")


def test_an_end_that_was_not_announced_comes_late() -> None:
    alert = said(lived(("ALARM", 0), ("OK", 5)), 30)
    assert (alert.kind, alert.opened_at, alert.ended_at) == ("resolved", moment(0), moment(5))
    assert "late" in alert.headline


def test_an_end_that_a_person_made_names_the_person() -> None:
    item = with_view(lived(("ALARM", 0)), "email", shown=Shown(number=1, state="firing"))
    answer = Answer(
        kind="close",
        incident="",
        user="",
        name="ada",
        at=moment(5),
        number=1,
    )
    item, _ = press(item, answer, minute(6))
    alert = said(item, 7)
    assert (alert.label, alert.kind, alert.state) == ("Closed by ada", "resolved", "ALARM")
    assert alert.headline.endswith("lasted 5 min")
    assert alert.summary.startswith("ada closed this incident by hand.")


def test_an_alarm_without_ok_action_says_that_no_recovery_comes() -> None:
    inbox = event("ALARM", 0, transport="sns", has_ok_actions=False)
    assert "No recovery will be reported" in said(learn(empty(), inbox, now=0), 1).summary
    send = plan(learn(empty(), inbox, now=0), "email", "plain", POLICY, minute(1))
    assert isinstance(send, Send)
    item = learn(empty(), inbox, now=0)
    item = with_view(item, "email", shown=send.shows, last_noisy=minute(0))
    again = event("ALARM", 600, transport="sns", has_ok_actions=False, previous_state="OK")
    assert "has ended; the time is not known" in said(learn(item, again, now=600), 600).summary


def test_new_contributors_are_named_and_the_rest_counted() -> None:
    item = lived(("ALARM", 0))
    send = plan(item, "email", "plain", POLICY, minute(1))
    assert isinstance(send, Send)
    item = with_view(item, "email", shown=send.shows, last_noisy=minute(0))
    item = learn(item, *(series(f"c{number}", "ALARM", 2) for number in range(12)), now=2)
    alert = said(item, 3)
    (new,) = [fact.value for fact in alert.facts if fact.label == "New"]
    assert new.endswith("role/c9, 2 more")
    assert "c11" not in alert.headline  # it names none of many


def test_what_could_not_be_delivered_elsewhere_is_said() -> None:
    item = with_view(lived(("ALARM", 0)), "email", undelivered="slack: it is gone")
    assert ("Not delivered", "slack: it is gone") in [
        (fact.label, fact.value) for fact in said(item, 1).facts
    ]


def test_an_item_without_an_event_cannot_be_said() -> None:
    item = lived(("ALARM", 0))
    send = plan(item, "email", "plain", POLICY, minute(1))
    assert isinstance(send, Send)
    bare = msgspec.structs.replace(item, about=None)
    assert message(bare, View(), send, Found(), Details(), minute(1)) is None


def test_only_a_firing_has_a_latency() -> None:
    item = lived(("ALARM", 0))
    send = plan(item, "email", "plain", POLICY, minute(1))
    assert isinstance(send, Send)
    assert latency_ms(item, send, minute(1)) == 60_000
    assert latency_ms(item, send._replace(reason="still_firing"), minute(1)) is None


@pytest.mark.parametrize(
    ("changes", "is_worth"),
    [
        ({"operation": "delete"}, True),
        ({"operation": "update"}, False),
        ({"actions_enabled": False, "previous_actions_enabled": True}, True),
        ({"actions_enabled": False, "previous_actions_enabled": False}, False),
        ({"actions_enabled": True, "previous_actions_enabled": False}, False),
        ({"threshold": 9.0, "previous_threshold": 3.0}, True),
        ({"threshold": 9.0, "previous_threshold": None}, False),
    ],
)
def test_a_change_that_may_make_an_alarm_quieter_is_a_notice(
    changes: dict[str, object], *, is_worth: bool
) -> None:
    change = configured(**{"operation": "update", "at": 0, **changes})  # type: ignore[arg-type]
    assert is_worth_a_notice(change) is is_worth
