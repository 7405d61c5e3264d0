"""What versions before 0.2 have stored is taken over, so that what they showed is ended."""

import json
from typing import Any

from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.incidents.item import AlarmItem, Policy
from bedrock_alerts.alerts.incidents.settle import settle
from bedrock_alerts.alerts.notifications.plan import Send, plan
from bedrock_alerts.alerts.upgrade import OldRecord, upgraded

ARN = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:orders.Errors"
OPENED = "2026-11-20T08:00:00+00:00"
OPENED_SECONDS = 1795161600.0
POLICY = Policy()


def incident(key: str = ARN, **more: Any) -> OldRecord:
    data = {
        "key": key,
        "transitions": [{"at": OPENED, "state": "ALARM"}],
        "severity": "critical",
        "opened_at": OPENED,
        "told": [{"kind": "first", "opening": OPENED, "at": OPENED}],
        **more,
    }
    return OldRecord(incident_id(key), "incident", json.dumps(data))


def sent(
    channel: str, kind: str = "first", key: str = ARN, at: float = OPENED_SECONDS
) -> OldRecord:
    data = {"status": "sent", "kind": kind, "owner": "m", "at": at}
    return OldRecord(incident_id(key), f"sent#{channel}#{kind}", json.dumps(data))


def one(*records: OldRecord) -> AlarmItem:
    (item,) = upgraded(records, POLICY)
    return item


def test_what_was_shown_and_fires_is_shown_still() -> None:
    item = one(incident(), sent("email"), sent("slack"))
    assert item.incident is not None
    assert item.incident.since == OPENED_SECONDS
    assert {name: view.shown.state for name, view in item.views.items() if view.shown} == {
        "email": "firing",
        "slack": "firing",
    }


def test_an_alert_that_was_queued_only_was_not_shown() -> None:
    waiting = OldRecord(
        incident_id(ARN),
        "sent#email#first",
        json.dumps({"status": "waiting", "kind": "first", "owner": "m", "at": 0.0}),
    )
    assert one(incident(), waiting).views == {}


def test_the_end_goes_to_the_old_key_of_pagerduty_and_edits_the_old_message() -> None:
    thread = OldRecord(
        incident_id(ARN),
        "thread#slack",
        json.dumps({"channel_id": "C0EXAMPLE", "ts": "1.2", "root": "1.2"}),
    )
    transitions = [
        {"at": OPENED, "state": "ALARM"},
        {"at": "2026-11-20T08:30:00+00:00", "state": "OK"},
    ]
    item = one(incident(transitions=transitions), sent("pagerduty"), sent("slack"), thread)
    now = OPENED_SECONDS + 3600
    item = settle(item, now, POLICY)
    assert item.incident is None
    paged = plan(item, "pagerduty", "pagerduty", POLICY, now)
    assert isinstance(paged, Send)
    assert (paged.action, paged.key) == ("resolve", incident_id(ARN))
    edited = plan(item, "slack", "bot", POLICY, now)
    assert isinstance(edited, Send)
    assert (edited.reason, edited.action) == ("resolved", "edit")


def test_contributors_had_keys_of_their_own_and_all_are_ended() -> None:
    key = f"{ARN}#abc"
    item = one(
        incident(), sent("pagerduty"), incident(key), sent("pagerduty", key=key), sent("email")
    )
    assert set(item.views["pagerduty"].keys) == {incident_id(ARN), incident_id(key)}
    assert set(item.contributors) == {"abc"}


def test_what_was_shown_to_its_end_is_left_alone() -> None:
    ended = incident(ended_at="2026-11-20T08:30:00+00:00")
    resolved = sent("email", "resolved", at=OPENED_SECONDS + 1800)
    assert upgraded([ended, sent("email"), resolved], POLICY) == []


def test_an_acknowledgement_and_a_silence_stay() -> None:
    item = one(
        incident(
            acked_by="ada",
            acked_opening=OPENED,
            silenced_by="sam",
            silenced_until="2026-11-20T12:00:00+00:00",
        ),
        sent("email"),
    )
    assert item.incident is not None
    assert item.incident.acknowledged_by == "ada"
    assert item.silence is not None
    assert item.silence.by == "sam"


def test_what_cannot_be_read_is_left_out() -> None:
    broken = OldRecord(incident_id(ARN), "sent#email#first", "{")
    assert one(incident(), broken, sent("slack")).views.keys() == {"slack"}
    assert upgraded([OldRecord("pk", "incident", "not json")], POLICY) == []
