"""Changed alarms, tampering and unknown events are put into words."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from bedrock_alerts.alerts.alert import (
    Alert,
    Fact,
    Notification,
)
from bedrock_alerts.alerts.describe import describe, without_memory
from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    News,
    Tampering,
)
from tests.support.alarms import ALARMS
from tests.support.changes import ARN, AT
from tests.support.events import alert_of, sample_body

CHANGED = ConfigurationChange(
    alarm_name="chat-blocks",
    alarm_arn=ARN,
    account_id="111122223333",
    region="eu-west-1",
    at=AT,
    operation="update",
    description="Calls fail.\nTeam: Chat",
)
CALL = Tampering(
    action="DeleteGuardrail",
    principal="user/sam",
    target="gr0example",
    account_id="111122223333",
    region="eu-west-1",
    at=AT,
    event_id="e-1",
)


def told(event: News, **fields: Any) -> Alert:
    event = msgspec.structs.replace(event, **fields)
    return describe(event, without_memory(event))


@pytest.mark.parametrize(
    ("fields", "tone", "status", "says"),
    [
        pytest.param(
            {"operation": "delete"},
            "warning",
            "ALARM DELETED",
            "What this alarm watched is no longer watched.",
            id="deleted",
        ),
        pytest.param(
            {"operation": "create"}, "info", "ALARM CREATED", "There is a new alarm.", id="new"
        ),
        pytest.param(
            {"previous_actions_enabled": True, "actions_enabled": False},
            "warning",
            "ALARM SWITCHED OFF",
            "Its actions were disabled: no notifications until they are enabled again.",
            id="actions disabled",
        ),
        pytest.param(
            {"previous_actions_enabled": False, "actions_enabled": True},
            "info",
            "ALARM SWITCHED ON",
            "Its actions were enabled again.",
            id="actions enabled",
        ),
        pytest.param(
            {"previous_threshold": 1.0, "threshold": 1000.0},
            "info",
            "ALARM CHANGED",
            "Its threshold was changed from 1 to 1,000.",
            id="another threshold",
        ),
        pytest.param(
            {"threshold": 5.0, "previous_threshold": 5.0, "actions_enabled": True},
            "info",
            "ALARM CHANGED",
            "Its configuration was changed (update).",
            id="anything else",
        ),
    ],
)
def test_a_changed_alarm_says_what_that_means(
    fields: dict[str, Any], tone: str, status: str, says: str
) -> None:
    alert = told(CHANGED, **fields)
    assert (alert.tone, alert.severity, alert.status) == (tone, tone, status)
    assert alert.summary == says
    assert alert.facts == (Fact("About", "Calls fail."), Fact("Team", "Chat"))
    assert alert.team == "Chat"
    assert "in CloudTrail" in alert.next_steps[0]


def test_a_deleted_alarm_has_no_page_any_more() -> None:
    assert told(CHANGED, operation="delete").links == ()
    assert [link.label for link in told(CHANGED).links] == ["chat-blocks"]


def test_an_alarm_that_is_deleted_while_it_stands_is_over() -> None:
    change = msgspec.structs.replace(CHANGED, operation="delete")
    began = change.at - timedelta(minutes=5)
    alert = describe(change, Notification(kind="notice", opened_at=began, ended_at=change.at))
    assert (alert.status, alert.tone) == ("ALARM DELETED", "warning")
    assert (alert.opened_at, alert.ended_at) == (began, change.at)
    assert "It was firing when it was deleted" in alert.summary
    assert "firing" not in told(CHANGED, operation="delete").summary


def test_switching_an_alarm_off_outweighs_another_threshold() -> None:
    alert = alert_of(sample_body("alarm_changed"))
    assert alert.status == "ALARM SWITCHED OFF"


@pytest.mark.parametrize(
    ("fields", "tone", "status", "says"),
    [
        pytest.param(
            {},
            "critical",
            "TAMPERING · critical",
            "sam deleted a guardrail.\n"
            "Calls that name it fail, or are not guarded once they stop naming it.",
            id="done",
        ),
        pytest.param(
            {"error_code": "AccessDenied"},
            "warning",
            "TAMPERING REFUSED · warning",
            "sam tried to delete a guardrail, and was refused (AccessDenied).",
            id="refused",
        ),
        pytest.param(
            {"action": "DoSomethingNew"},
            "critical",
            "TAMPERING · critical",
            "sam called DoSomethingNew.",
            id="something new",
        ),
        pytest.param(
            {"action": "DoSomethingNew", "error_code": "X"},
            "warning",
            "TAMPERING REFUSED · warning",
            "sam tried to call DoSomethingNew, and was refused (X).",
            id="something new, refused",
        ),
    ],
)
def test_tampering_says_who_did_what_and_whether_they_could(
    fields: dict[str, Any], tone: str, status: str, says: str
) -> None:
    alert = told(CALL, **fields)
    assert (alert.tone, alert.severity, alert.status, alert.summary) == (tone, tone, status, says)
    assert alert.facts == (Fact("What", "gr0example"), Fact("Call", alert.title))
    assert alert.who == "user/sam"
    assert alert.label == tone.capitalize()
    assert f"{alert.headline}." == says.splitlines()[0]
    assert ("undo it" in alert.next_steps[0]) is ("error_code" not in fields)


def test_tampering_is_linked_where_it_can_be() -> None:
    (link,) = told(CALL).links
    assert link.url.endswith("/cloudtrailv2/home?region=eu-west-1#/events/e-1")
    assert told(CALL, event_id="").links == told(CALL, region="EU (Ireland)").links == ()
    assert told(CALL, target="").facts == (Fact("Call", "DeleteGuardrail"),)


def test_two_calls_and_two_unknown_messages_are_told_apart() -> None:
    assert told(CALL).key != told(CALL, event_id="e-2").key
    assert told(CHANGED).key != told(CHANGED, operation="delete").key
    assert alert_of("one").key != alert_of("another").key


def test_an_unknown_event_is_told_plainly_and_without_its_content() -> None:
    alert = alert_of(ALARMS["an unknown event"])
    assert (alert.tone, alert.status) == ("unknown", "UNKNOWN EVENT")
    assert Fact("detail-type", "Something New") in alert.facts
    assert "prompt" not in repr(alert)


@pytest.mark.parametrize(
    ("fields", "headline"),
    [
        ({"operation": "delete"}, "Alarm deleted: chat-blocks"),
        (
            {"previous_threshold": 1.0, "threshold": 1000.0},
            "Alarm changed: chat-blocks, threshold 1 to 1,000",
        ),
        (
            {"alarm_name": "stack.PromptAttack", "operation": "create"},
            "Alarm created: PromptAttack",
        ),
    ],
)
def test_a_changed_alarm_has_a_headline(fields: dict[str, Any], headline: str) -> None:
    alert = told(CHANGED, **fields)
    assert f"{alert.label}: {alert.headline}" == headline
