"""What each kind of channel lacks: one row for each state of things."""

from typing import Any, Final

import msgspec
import pytest

from bedrock_alerts.alerts.incidents.item import (
    AlarmItem,
    Incident,
    Key,
    Reference,
    Rule,
    Shown,
    Silence,
)
from bedrock_alerts.alerts.notifications.plan import LookUp, Rotate, Send, Wait, pagerduty_key, plan
from bedrock_alerts.alerts.notifications.reasons import Kind
from bedrock_alerts.alerts.quiet_hours import QuietHours
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
    with_view,
)

FIRST: Final = Shown(number=1, state="firing", severity="critical")
REFERENCE: Final = Reference(number=1, channel_id="C0ALERTS", ts="1.1")
CHANNEL: Final[dict[Kind, str]] = {"plain": "email", "bot": "slack", "pagerduty": "pagerduty"}


def planned(item: AlarmItem, kind: Kind, at: float) -> Any:
    return plan(settled(item, at), CHANNEL[kind], kind, POLICY, minute(at))


def done(item: AlarmItem, kind: Kind, at: float) -> tuple[str, str]:
    """Return why something is sent and what is done, both empty for nothing."""
    found = planned(item, kind, at)
    return (found.reason, found.action) if isinstance(found, Send) else ("", "")


def shown(item: AlarmItem, state: Shown = FIRST) -> AlarmItem:
    """Let every channel show a state, as of minute 0."""
    for channel in CHANNEL.values():
        item = with_view(item, channel, shown=state, last_noisy=minute(0), last_looked=minute(0))
    key = pagerduty_key(item, state.number, 0)
    keys = {key: Key(number=state.number, state="open")}
    item = with_view(item, "pagerduty", keys=keys)
    return with_view(item, "slack", reference=REFERENCE)


def acknowledged(item: AlarmItem) -> AlarmItem:
    incident = item.incident or Incident(number=1, since=0, last_alarm=0, window=0)
    return msgspec.structs.replace(
        item, incident=msgspec.structs.replace(incident, acknowledged_by="ada")
    )


def silenced(item: AlarmItem) -> AlarmItem:
    until = Silence(until=minute(240), by="ada", severity="critical")
    return msgspec.structs.replace(item, silence=until)


FIRES: Final = lived(("ALARM", 0))
NOTHING: Final = ("", "")


@pytest.mark.parametrize(
    ("item", "at", "plain", "bot", "pagerduty"),
    [
        pytest.param(
            FIRES, 1, ("firing", "send"), ("firing", "post"), ("firing", "trigger"), id="fires"
        ),
        pytest.param(shown(FIRES), 1, NOTHING, NOTHING, NOTHING, id="all is shown"),
        pytest.param(silenced(FIRES), 1, NOTHING, NOTHING, NOTHING, id="silenced before it"),
        pytest.param(
            learn(empty(), event("ALARM", 0, suppressed_by="Alarm"), now=0),
            1,
            NOTHING,
            NOTHING,
            NOTHING,
            id="held back by CloudWatch",
        ),
        pytest.param(
            lived(("ALARM", 0), item=empty(None)), 1, NOTHING, NOTHING, NOTHING, id="no route"
        ),
        pytest.param(
            learn(shown(FIRES), series("a", "ALARM", 2), now=2),
            3,
            ("contributors", "send"),
            ("contributors", "broadcast"),
            NOTHING,
            id="a contributor",
        ),
        pytest.param(
            shown(FIRES, msgspec.structs.replace(FIRST, severity="warning")),
            1,
            ("escalated", "send"),
            ("escalated", "broadcast"),
            ("escalated", "trigger"),
            id="worse",
        ),
        pytest.param(
            acknowledged(shown(FIRES)),
            1,
            ("acknowledged", "send"),
            ("acknowledged", "edit"),
            ("acknowledged", "acknowledge"),
            id="acknowledged",
        ),
        pytest.param(
            silenced(shown(FIRES)),
            1,
            ("silenced", "send"),
            ("silenced", "edit"),
            ("silenced", "acknowledge"),
            id="silenced",
        ),
        pytest.param(
            lived(("OK", 5), item=shown(FIRES)),
            6,
            NOTHING,
            ("recovering", "edit"),
            NOTHING,
            id="OK",
        ),
        pytest.param(
            lived(("OK", 5), item=shown(FIRES)),
            15,
            ("resolved", "send"),
            ("resolved", "edit"),
            ("resolved", "resolve"),
            id="over",
        ),
        pytest.param(
            learn(shown(FIRES), configured("delete", 5), now=5),
            6,
            ("resolved", "send"),
            ("resolved", "edit"),
            ("resolved", "resolve"),
            id="deleted",
        ),
        pytest.param(
            lived(("NO DATA", 5), item=shown(FIRES)), 34, NOTHING, NOTHING, NOTHING, id="short gap"
        ),
        pytest.param(
            lived(("NO DATA", 5), item=shown(FIRES)),
            35,
            ("no_data", "send"),
            ("no_data", "broadcast"),
            ("no_data", ""),
            id="no data lasts",
        ),
        pytest.param(
            settled(lived(("OK", 1), item=FIRES), 60),
            60,
            ("resolved", "send"),
            ("resolved", "post"),
            NOTHING,
            id="over before it was shown",
        ),
        pytest.param(
            settled(lived(("OK", 1), item=FIRES), 1500),
            1500,
            NOTHING,
            NOTHING,
            NOTHING,
            id="over for a day before it was shown",
        ),
    ],
)
def test_a_channel_lacks_what_it_does_not_show(
    item: AlarmItem,
    at: float,
    plain: tuple[str, str],
    bot: tuple[str, str],
    pagerduty: tuple[str, str],
) -> None:
    assert done(item, "plain", at) == plain
    assert done(item, "bot", at) == bot
    assert done(item, "pagerduty", at) == pagerduty


# ---- claims that were left over ------------------------------------------------------------------


def test_what_was_perhaps_shown_is_ended_as_if_it_had_been() -> None:
    # D: accepted, then dead, then over.
    item = with_view(FIRES, "email", sending=FIRST, sending_reason="firing", claim="x")
    item = with_view(item, "slack", sending=FIRST, sending_reason="firing", lost=1)
    key = pagerduty_key(item, 1, 0)
    item = with_view(item, "pagerduty", keys={key: Key(number=1, state="perhaps")})
    item = lived(("OK", 5), item=item)
    assert done(item, "plain", 20) == ("resolved", "send")
    assert done(item, "bot", 20) == ("resolved", "post")
    assert done(item, "pagerduty", 20) == ("resolved", "resolve")


def test_what_was_perhaps_shown_is_sent_again_while_it_fires() -> None:
    item = with_view(FIRES, "email", sending=FIRST, sending_reason="firing")
    assert done(item, "plain", 3) == ("firing", "send")


def test_a_resolve_that_was_perhaps_sent_is_sent_again() -> None:
    ended = msgspec.structs.replace(FIRST, state="resolved")
    item = settled(lived(("OK", 5), item=shown(FIRES)), 20)
    item = with_view(item, "email", sending=ended, sending_reason="resolved")
    assert done(item, "plain", 22) == ("resolved", "send")


def test_an_end_is_posted_where_a_post_may_have_lost_its_reference() -> None:
    item = with_view(shown(FIRES), "slack", lost=1)
    assert done(lived(("OK", 5), item=item), "bot", 20) == ("resolved", "post")


# ---- PagerDuty's keys ----------------------------------------------------------------------------


def test_an_alarm_after_no_data_gets_a_new_key_and_the_old_one_is_resolved() -> None:
    item = shown(FIRES)
    resolved = {pagerduty_key(item, 1, 0): Key(number=1, state="resolved")}
    item = with_view(item, "pagerduty", keys=resolved)
    assert isinstance(planned(item, "pagerduty", 5), Rotate)
    item = with_view(item, "pagerduty", rotation=1)
    found = planned(item, "pagerduty", 5)
    assert (found.action, found.key) == ("trigger", pagerduty_key(item, 1, 1))


def test_an_end_resolves_every_key_of_its_incident() -> None:
    # G: one was triggered without the table.
    item = shown(FIRES)
    keys = dict(item.view("pagerduty").keys) | {"other": Key(number=1, state="open")}
    item = lived(("OK", 5), item=with_view(item, "pagerduty", keys=keys))
    first = planned(item, "pagerduty", 20)
    left = {name: key for name, key in keys.items() if name != first.key}
    second = planned(with_view(item, "pagerduty", keys=left), "pagerduty", 20)
    assert {first.action, second.action} == {"resolve"}
    assert {first.key, second.key} == set(keys)


def test_an_old_incident_is_resolved_before_a_new_one_is_triggered() -> None:
    item = lived(("OK", 5), ("ALARM", 60), item=shown(FIRES))
    found = planned(item, "pagerduty", 60)
    assert (found.action, found.key) == ("resolve", pagerduty_key(item, 1, 0))


# ---- reminders -----------------------------------------------------------------------------------


def test_a_reminder_is_looked_up_first() -> None:
    assert isinstance(planned(shown(FIRES), "plain", 61), LookUp)
    item = with_view(shown(FIRES), "email", last_looked=minute(61))
    assert done(item, "plain", 61) == ("still_firing", "send")


def test_it_is_looked_up_also_where_the_reminder_is_held_back() -> None:
    item = acknowledged(shown(FIRES, msgspec.structs.replace(FIRST, acknowledged_by="ada")))
    assert isinstance(planned(item, "plain", 61), LookUp)
    item = with_view(item, "email", last_looked=minute(61))
    assert planned(item, "plain", 61) == Wait(minute(120))


@pytest.mark.parametrize(
    "changes", [{"reports_no_end": True}, {"is_long_window": True}], ids=["no OK action", "long"]
)
def test_what_cannot_be_known_or_is_old_is_not_reminded_of(changes: dict[str, bool]) -> None:
    item = with_view(shown(FIRES), "email", last_looked=minute(61))
    assert done(msgspec.structs.replace(item, **changes), "plain", 61) == NOTHING


def test_no_data_is_reminded_of_once_a_day() -> None:
    no_data = msgspec.structs.replace(FIRST, state="no_data")
    item = with_view(
        shown(lived(("NO DATA", 5), item=FIRES), no_data), "email", last_looked=minute(1441)
    )
    assert done(item, "plain", 600) == NOTHING
    assert done(item, "plain", 1441) == ("no_data", "send")


# ---- quiet hours, digests, urgency ---------------------------------------------------------------


def test_quiet_hours_hold_back_news_and_no_silent_end() -> None:
    rule = Rule(quiet_hours=(QuietHours(begin="07:00", to="09:00"),))
    item = learn(empty(rule), event("ALARM", 0, description="Severity: warning"), now=0)
    assert planned(item, "plain", 1) == Wait(minute(60))
    assert planned(item, "pagerduty", 1) == Wait(minute(60))
    item = shown(item, msgspec.structs.replace(FIRST, severity="warning"))
    item = learn(item, event("OK", 5, description="Severity: warning"), now=5)
    assert done(item, "bot", 20) == ("resolved", "edit")
    assert done(item, "pagerduty", 20) == ("resolved", "resolve")
    assert planned(item, "plain", 20) == Wait(minute(60))


def test_a_route_s_digest_collects_what_is_not_critical() -> None:
    rule = Rule(digest_seconds=3600)
    item = learn(empty(rule), event("ALARM", 0, description="Severity: warning"), now=0)
    assert planned(item, "plain", 1) == Wait(minute(60), collects=True)
    assert done(lived(("ALARM", 0), item=empty(rule)), "plain", 1) == ("firing", "send")


def test_only_a_first_critical_firing_an_hour_is_urgent() -> None:
    assert planned(FIRES, "plain", 1).is_urgent
    assert not planned(with_view(FIRES, "email", last_urgent=minute(-30)), "plain", 1).is_urgent
    assert planned(with_view(FIRES, "email", last_urgent=minute(-60)), "plain", 1).is_urgent
    warning = learn(empty(), event("ALARM", 0, description="Severity: warning"), now=0)
    assert not planned(warning, "plain", 1).is_urgent


def test_an_old_end_and_a_new_beginning_are_one_message() -> None:
    item = learn(shown(FIRES), event("ALARM", 600, previous_state="OK"), now=600)
    found = planned(item, "plain", 600)
    assert (found.reason, found.ended and found.ended.number) == ("firing", 1)
    assert found.shows.number == 2
