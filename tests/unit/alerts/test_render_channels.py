"""Every channel shows any alert within its limits, and nothing in it has any power there."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.alert import (
    Alert,
    Evidence,
    Fact,
    Link,
    Table,
)
from bedrock_alerts.alerts.channels.amazon_q import render as amazon_q
from bedrock_alerts.alerts.channels.pagerduty import render as pagerduty
from bedrock_alerts.alerts.channels.slack import render as slack
from bedrock_alerts.alerts.channels.slack import thread as slack_thread
from bedrock_alerts.alerts.channels.teams import render as teams
from bedrock_alerts.alerts.channels.webhook import render as webhook
from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.limits import SNS_MESSAGE_BYTES, TEAMS_CARD_BYTES
from bedrock_alerts.text import clean_lines
from tests.support.alarm_alerts import ARN, ENDED, OPENED, alarm, recovery
from tests.support.alarms import HOSTILE
from tests.support.alerts import ALERTS

FULL = alarm(
    facts=(Fact("Value", "12 (threshold 10)"),),
    reason="Threshold crossed.",
    links=(Link("Open alarm", "https://console.example.com/a"),),
    next_steps=("Look at the callers.",),
    team="Chat",
    recent_values=(4.0, 12.0),
    threshold=10.0,
    evidence=Evidence(
        summary="9 calls", tables=(Table(title="Callers", columns=("Who",), rows=(("a",),)),)
    ),
)
HOSTILE_ALERT = msgspec.structs.replace(
    FULL,
    title=HOSTILE,
    summary=HOSTILE,
    reason=HOSTILE,
    team=HOSTILE,
    facts=(Fact(HOSTILE, HOSTILE),),
    next_steps=(HOSTILE,),
    evidence=Evidence(
        summary=HOSTILE,
        tables=(Table(title=HOSTILE, columns=(HOSTILE,), rows=((HOSTILE,),)),),
    ),
)


def cleaned(alert: Alert) -> Alert:
    """Return the alert as the steps before let it through: no half characters."""
    return msgspec.convert(_clean(msgspec.to_builtins(alert)), Alert)


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return clean_lines(value, 100_000) if isinstance(value, str) else value


CLEAN_ALERTS = ALERTS.map(cleaned)


def texts(value: Any) -> list[str]:
    """Return every text in a message."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


# ---- webhook -------------------------------------------------------------------------------------


def test_an_event_says_everything_that_is_known() -> None:
    event = json.loads(msgspec.json.encode(webhook.render(FULL, ("the routes cannot be read",))))
    assert {key: value for key, value in event.items() if key != "data"} == {
        "specversion": "1.0",
        "id": "opening",
        "source": "urn:bedrock-alerts:111122223333:eu-west-1",
        "type": "bedrock-alerts.firing",
        "datacontenttype": "application/json",
        "dataschema": "urn:bedrock-alerts:alert:2",
        "subject": "chat-blocks",
        "time": "2026-11-23T08:00:00Z",
    }
    assert event["data"] == {
        "kind": "firing",
        "status": "ALARM · critical",
        "state": "ALARM",
        "severity": "critical",
        "headline": "ALARM · critical: chat-blocks",
        "title": "chat-blocks",
        "summary": "A guardrail blocked calls.",
        "reason": "Threshold crossed.",
        "account_id": "111122223333",
        "account_alias": None,
        "region": "eu-west-1",
        "team": "Chat",
        "alarm_arn": ARN,
        "incident": incident_id(ARN),
        "at": "2026-11-23T08:00:00Z",
        "opened_at": "2026-11-23T08:00:00Z",
        "ended_at": None,
        "threshold": 10.0,
        "recent_values": [4.0, 12.0],
        "facts": [{"label": "Value", "value": "12 (threshold 10)"}],
        "links": [{"label": "Open alarm", "url": "https://console.example.com/a"}],
        "next_steps": ["Look at the callers."],
        "who": None,
        "evidence": {
            "summary": "9 calls",
            "tables": [{"title": "Callers", "columns": ["Who"], "rows": [["a"]]}],
        },
        "notes": ["the routes cannot be read"],
    }


def test_an_event_of_something_unknown_is_a_whole_event_too() -> None:
    alert = Alert(
        key="k", tone="unknown", status="S", title="", summary="", account_id="", region="", at=None
    )
    event = webhook.render(alert)
    assert (event["source"], event["subject"]) == ("urn:bedrock-alerts", "S")
    assert "time" not in event
    assert event["data"]["incident"] is None


def test_all_that_an_event_holds_is_written_down() -> None:
    page = (Path(__file__).parents[3] / "docs" / "webhook.md").read_text()
    event = webhook.render(FULL)
    missing = [key for key in (*event, *event["data"]) if f"`{key}`" not in page]
    assert missing == ["specversion", "datacontenttype", "data"][: len(missing)]


@given(CLEAN_ALERTS)
def test_any_alert_is_an_event(alert: Alert) -> None:
    event = json.loads(msgspec.json.encode(webhook.render(alert)))
    assert event["id"] == "k"
    assert event["subject"]


# ---- PagerDuty -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alert", "action"),
    [
        (alarm(), "trigger"),
        (alarm(kind="escalated"), "trigger"),
        (alarm(kind="still_firing"), "trigger"),
        (alarm(kind="no_data", tone="unknown"), "trigger"),
        (alarm(kind="notice", tone="unknown"), "trigger"),
        (alarm(kind="acknowledged"), "acknowledge"),
        (alarm(kind="silenced"), "acknowledge"),
        (recovery(), "resolve"),
        (alarm(kind="notice", ended_at=ENDED), "resolve"),
        (alarm(kind="notice", ended_at=None), "trigger"),
    ],
)
def test_a_reason_triggers_acknowledges_or_resolves(alert: Alert, action: str) -> None:
    event = pagerduty.render(alert, "key")
    assert event["event_action"] == action
    assert event["dedup_key"] == incident_id(ARN)
    assert ("payload" in event) == (action == "trigger")


def test_a_trigger_says_what_and_where() -> None:
    event = pagerduty.render(FULL, "key", ("a note",))
    payload = event["payload"]
    assert payload["summary"] == "ALARM · critical: chat-blocks · 111122223333 eu-west-1"
    assert payload["source"] == "111122223333 · eu-west-1"
    assert (payload["severity"], payload["timestamp"]) == ("critical", OPENED.isoformat())
    assert payload["custom_details"]["Value"] == "12 (threshold 10)"
    assert payload["custom_details"]["Notes"] == ["a note"]
    assert event["links"] == [{"href": "https://console.example.com/a", "text": "Open alarm"}]


def test_what_has_no_incident_is_known_by_its_key() -> None:
    assert pagerduty.render(alarm(incident=""), "key")["dedup_key"] == incident_id("opening")


@given(CLEAN_ALERTS)
def test_any_alert_fits_pagerduty(alert: Alert) -> None:
    event = pagerduty.render(alert, "key")
    assert len(event["dedup_key"]) <= 255
    if event["event_action"] == "trigger":
        assert 1 <= len(event["payload"]["summary"]) <= 1024
        assert event["payload"]["source"]
    assert len(msgspec.json.encode(event)) <= 512 * 1024


def test_a_change_of_an_alarm_has_a_key_of_its_own_that_is_closed() -> None:
    change = alarm(kind="notice", state="", incident=ARN)
    event = pagerduty.render(change, "key")
    assert (event["event_action"], event["dedup_key"]) == ("resolve", incident_id("opening"))
    noted = pagerduty.change_event(change, "key", ("a note",))
    assert set(noted) == {"routing_key", "payload", "links"}
    assert noted["payload"]["summary"] == "ALARM · critical: chat-blocks · 111122223333 eu-west-1"
    assert noted["payload"]["custom_details"]["Notes"] == ["a note"]


# ---- Teams ---------------------------------------------------------------------------------------


def card(alert: Alert) -> dict[str, Any]:
    found: dict[str, Any] = teams.render(alert)["attachments"][0]["content"]
    return found


def test_a_card_says_what_where_and_since_when() -> None:
    shown = texts(card(FULL))
    for text in (
        "ALARM · critical: chat-blocks",
        " · 111122223333 eu-west-1",
        "2026-11-23 08:00 UTC",
        "1. Look at the",
    ):
        assert any(found.startswith(text) for found in shown), text
    assert card(FULL)["actions"][0]["url"] == "https://console.example.com/a"
    assert card(FULL)["body"][0]["style"] == "attention"


def test_outside_text_stands_where_markup_means_nothing() -> None:
    head, *body = card(HOSTILE_ALERT)["body"]
    assert head["type"] == "Container"
    for block in (*head["items"], *body):
        assert block["type"] == "RichTextBlock"
        assert {run["type"] for run in block["inlines"]} == {"TextRun"}


@given(CLEAN_ALERTS)
def test_any_card_fits_teams(alert: Alert) -> None:
    assert len(msgspec.json.encode(teams.render(alert))) <= TEAMS_CARD_BYTES


def test_a_card_that_is_cut_still_says_what_it_is_about() -> None:
    long = alarm(facts=tuple(Fact(f"f{n}", "🚨" * 900) for n in range(40)), summary="🚨" * 9000)
    shown = texts(card(long))
    assert "ALARM · critical: chat-blocks" in shown


# ---- Amazon Q ------------------------------------------------------------------------------------


def test_a_notification_says_it_in_the_documented_shape() -> None:
    found = amazon_q.render(FULL, ("a note",))
    assert (found["version"], found["source"], found["id"]) == ("1.0", "custom", "opening")
    content = found["content"]
    assert content["textType"] == "client-markdown"
    assert content["title"] == (
        ":rotating_light: ALARM · critical: chat-blocks · 111122223333 eu-west-1"
    )
    assert "*Value*: 12 (threshold 10)" in content["description"]
    assert content["description"].endswith("\n\nNote: a note")
    assert content["nextSteps"] == [
        "Look at the callers.",
        "Open alarm: https://console.example.com/a",
    ]
    assert found["metadata"]["threadId"] == incident_id(ARN)
    assert found["metadata"]["relatedResources"] == [ARN]


def test_outside_text_has_no_markup_in_a_notification() -> None:
    content = amazon_q.render(HOSTILE_ALERT)["content"]
    for text in (content["title"], *content["nextSteps"][:1]):
        assert not set(text.removeprefix(":rotating_light: ")) & set("<>[]`*@")
    assert not set(content["description"]) & set("<>[]`@")


@given(CLEAN_ALERTS)
def test_any_notification_fits(alert: Alert) -> None:
    found = amazon_q.render(alert)
    assert len(found["content"]["title"]) <= 250
    assert len(found["content"]["description"]) <= 4000
    assert len(msgspec.json.encode(found)) <= SNS_MESSAGE_BYTES


# ---- Slack: what is new beside the message --------------------------------------------------------


@pytest.mark.parametrize(
    ("mentions", "written"),
    [
        ((), ""),
        (("here",), "<!here> "),
        (("channel", "everyone"), "<!channel> <!everyone> "),
        (("U012AB3CD", "W012AB3CD"), "<@U012AB3CD> <@W012AB3CD> "),
        (("S012AB3CD",), "<!subteam^S012AB3CD> "),
        (("<!channel>", "nobody", "U1", "", "u012ab3cd", "U012AB3CD|x"), ""),
        (("here",) * 50, "<!here> " * 10),
    ],
)
def test_only_whom_a_route_names_is_called(mentions: tuple[str, ...], written: str) -> None:
    assert slack.mention(mentions) == written
    message = slack.render(alarm(), mentions)
    assert message["text"].startswith(f"{written}ALARM · critical: chat-blocks")
    assert message["blocks"][0]["text"]["text"].startswith(f"{written}:rotating_light: *ALARM")
    assert slack_thread.render_note(alarm(), mentions)["text"].startswith(f"{written}:rotating")


def test_notes_stand_last() -> None:
    last = slack.render(alarm(), (), ("the routes cannot be read", ""))["blocks"][-1]
    assert [item["text"] for item in last["elements"]] == ["the routes cannot be read"]


@given(CLEAN_ALERTS)
def test_plain_words_and_notes_call_nobody_and_fit(alert: Alert) -> None:
    for payload in (slack.render_plainly(alert), slack_thread.render_note(alert, (), ("<!here>",))):
        assert "<" not in payload["text"]
        assert len(payload["text"]) <= 4000


TABLES = st.builds(
    Table,
    title=st.text(),
    columns=st.lists(st.text(), max_size=6).map(tuple),
    rows=st.lists(st.lists(st.text(), max_size=8).map(tuple), max_size=30).map(tuple),
)


@given(st.builds(Evidence, summary=st.text(), tables=st.lists(TABLES, max_size=9).map(tuple)))
def test_any_evidence_fits_and_stays_inside_its_code(evidence: Evidence) -> None:
    payload = slack_thread.render_evidence(alarm(evidence=evidence))
    if payload is None:
        assert not evidence.summary
        assert not evidence.tables
        return
    blocks = payload["attachments"][0]["blocks"]
    assert sum(len(block["text"]["text"]) for block in blocks) <= 13_000
    for block in blocks:
        assert 0 < len(block["text"]["text"]) <= 3000
        assert "<" not in block["text"]["text"]
        if block["text"]["type"] == "mrkdwn":
            title, _, code = block["text"]["text"].partition("\n```")
            assert "`" not in title + code.removesuffix("```")
