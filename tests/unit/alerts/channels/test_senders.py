"""Each sender does what its job says, once, and keeps what it needs to follow up."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest

from bedrock_alerts.alerts.channels.amazon_q.send import AmazonQSender
from bedrock_alerts.alerts.channels.email.send import EmailSender
from bedrock_alerts.alerts.channels.pagerduty.send import PAGERDUTY_URL, PagerDutySender
from bedrock_alerts.alerts.channels.slack.send import SlackBotSender
from bedrock_alerts.alerts.channels.slack.webhook_send import SlackWebhookSender
from bedrock_alerts.alerts.channels.teams.send import TeamsSender
from bedrock_alerts.alerts.channels.webhook.send import SIGNATURE_HEADER, WebhookSender
from bedrock_alerts.alerts.incidents.item import Reference
from bedrock_alerts.alerts.ports import Job
from bedrock_alerts.errors import BedrockAlertsError, EditError, MessageError, PermanentError
from bedrock_alerts_cli.notifier.in_memory import FixedSecret
from tests.support.alarm_alerts import alarm, recovery

REFERENCE: Final = Reference(number=1, channel_id="C0ALERTS", ts="1.1")
URL: Final = "https://example.com/hook"


class Outside:
    """Everything that a sender talks to; `errors` are raised by the next calls, None by none."""

    def __init__(self, *errors: BedrockAlertsError | None) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.errors = list(errors)

    def _take(self, name: str, what: Any) -> None:
        self.calls.append((name, what))
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    def send(self, subject: str, body: str, *, seconds: float) -> None:
        del seconds
        self._take("send", (subject, body))

    def publish(self, message: str, *, seconds: float) -> None:
        del seconds
        self._take("publish", message)

    def post_json(self, url: str, payload: Mapping[str, Any], *, seconds: float) -> None:
        del seconds
        self._take(url, payload)


class Endpoint(Outside):
    """Anybody's endpoint."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> None:
        del url, seconds
        self._take(headers[SIGNATURE_HEADER], body)


class Slack(Outside):
    """Slack's methods."""

    def post(
        self,
        token: str,
        channel: str,
        payload: Mapping[str, Any],
        *,
        thread_ts: str = "",
        broadcast: bool = False,
        seconds: float,
    ) -> str:
        del token, channel, seconds
        name = ("broadcast" if broadcast else "reply") if thread_ts else "post"
        self._take(name, payload)
        return f"2.{len(self.calls)}"

    def update(
        self, token: str, channel: str, ts: str, payload: Mapping[str, Any], *, seconds: float
    ) -> None:
        del token, channel, seconds
        self._take(f"edit {ts}", payload)

    def upload(self, *_given: Any, **_named: Any) -> None:
        """Take no picture."""


def job(action: Any, *alerts: Any, **changes: Any) -> Job:
    given: dict[str, Any] = {"number": 1, "key": "alarm-1", **changes}
    return Job(action=action, alerts=alerts or (alarm(),), **given)


def bot(slack: Slack, *, is_answered: bool = False) -> SlackBotSender:
    return SlackBotSender(slack, FixedSecret("xoxb-invented"), "C0ALERTS", is_answered=is_answered)


# ---- Slack's bot ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "calls", "ts"),
    [
        pytest.param(job("post"), ["post"], "2.1", id="a post"),
        pytest.param(job("edit"), ["post"], "2.1", id="nothing to edit"),
        pytest.param(
            job("edit", recovery(), reference=REFERENCE), ["edit 1.1", "reply"], "1.1", id="an edit"
        ),
        pytest.param(
            job("edit", alarm(kind="recovering"), reference=REFERENCE),
            ["edit 1.1"],
            "1.1",
            id="an edit that says it all",
        ),
        pytest.param(
            job("broadcast", alarm(kind="still_firing"), reference=REFERENCE),
            ["edit 1.1", "broadcast"],
            "1.1",
            id="a broadcast",
        ),
        pytest.param(job("reply", reference=REFERENCE), ["reply"], "1.1", id="a reply"),
        pytest.param(job("post", reference=REFERENCE), ["post"], "2.1", id="a new one"),
    ],
)
def test_the_bot_posts_edits_and_replies(given: Job, calls: list[str], ts: str) -> None:
    slack = Slack()
    found = bot(slack).send(given, 5.0).reference
    assert [name for name, _ in slack.calls] == calls
    assert found is not None
    assert (found.ts, found.number) == (ts, 1)


def test_a_message_that_is_gone_is_posted_anew() -> None:
    slack = Slack(EditError("message_not_found"))
    found = bot(slack).send(job("edit", recovery(), reference=REFERENCE), 5.0)
    assert [name for name, _ in slack.calls] == ["edit 1.1", "post"]
    assert found.reference is not None
    assert found.reference.ts == "2.2"


@pytest.mark.parametrize(
    "given", [job("post"), job("edit", alarm(kind="recovering"), reference=REFERENCE)]
)
def test_what_slack_finds_fault_with_is_said_plainly(given: Job) -> None:
    slack = Slack(MessageError("invalid_blocks"))
    assert bot(slack).send(given, 5.0).defect == "invalid_blocks"
    assert "blocks" not in slack.calls[1][1] or slack.calls[1][1]["blocks"] == []


def test_a_digest_is_one_message_that_is_never_edited() -> None:
    slack = Slack()
    found = bot(slack).send(job("post", alarm(), recovery()), 5.0)
    assert [name for name, _ in slack.calls] == ["post"]
    assert found.reference is None


@pytest.mark.parametrize(
    ("kind", "actions"),
    [
        ("firing", ["acknowledge", "silence"]),
        ("acknowledged", ["unacknowledge", "silence"]),
        ("silenced", ["acknowledge", "unsilence"]),
        ("resolved", []),
    ],
)
def test_buttons_are_those_of_the_state(kind: str, actions: list[str]) -> None:
    slack = Slack()
    bot(slack, is_answered=True).send(job("post", alarm(kind=kind, number=1)), 5.0)
    found = [element.get("action_id", "") for element in _elements(slack.calls[0][1])]
    assert [name for name in found if name and not name.startswith("open-")] == actions


def _elements(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for one in value for found in _elements(one)]
    if not isinstance(value, dict):
        return []
    rest = [found for one in value.values() for found in _elements(one)]
    return [value, *rest] if "action_id" in value else rest


def test_a_target_of_the_bot_is_a_channel_s_id() -> None:
    with pytest.raises(PermanentError, match="a channel ID"):
        bot(Slack()).send(job("post", target="general"), 5.0)


# ---- the others ----------------------------------------------------------------------------------


def test_a_webhook_of_slack_says_it_plainly_where_it_must() -> None:
    outside = Outside(MessageError("invalid_blocks"))
    found = SlackWebhookSender(outside, FixedSecret(URL)).send(job("send"), 5.0)
    assert (found.defect, len(outside.calls)) == ("invalid_blocks", 2)


def test_a_digest_is_one_email() -> None:
    outside = Outside()
    EmailSender(outside).send(job("send", alarm(), recovery(title="other")), 5.0)
    ((_, (subject, body)),) = outside.calls
    assert "2 alerts" in subject
    assert "other" in body


@pytest.mark.parametrize("action", ["trigger", "acknowledge", "resolve"])
def test_pagerduty_gets_the_action_and_the_key_of_the_job(action: str) -> None:
    outside = Outside()
    PagerDutySender(outside, FixedSecret("R0EXAMPLE")).send(job(action), 5.0)
    ((url, payload),) = outside.calls
    assert url == PAGERDUTY_URL
    assert (payload["event_action"], payload["dedup_key"]) == (action, "alarm-1")
    assert ("payload" in payload) == (action == "trigger")


def test_a_change_pages_nobody() -> None:
    outside = Outside()
    PagerDutySender(outside, FixedSecret("R0EXAMPLE")).send(job("change"), 5.0)
    ((url, payload),) = outside.calls
    assert url.endswith("/v2/change/enqueue")
    assert "event_action" not in payload


def test_a_webhook_is_signed() -> None:
    outside = Endpoint()
    secret = FixedSecret(msgspec.json.encode({"url": URL, "secret": "s"}).decode())
    WebhookSender(outside, secret, lambda: 1000.9).send(job("send"), 5.0)
    ((header, body),) = outside.calls
    proof = hmac.new(b"s", b"1000." + body, hashlib.sha256).hexdigest()
    assert header == f"t=1000,v1={proof}"
    assert msgspec.json.decode(body)["specversion"] == "1.0"


def test_teams_and_amazon_q_take_a_digest() -> None:
    teams, topic = Outside(), Outside()
    TeamsSender(teams, FixedSecret(URL)).send(job("send", alarm(), recovery()), 5.0)
    AmazonQSender(topic).send(job("send", alarm(), recovery()), 5.0)
    assert [name for name, _ in teams.calls] == [URL]
    assert "2 alerts" in topic.calls[0][1]


@pytest.mark.parametrize("sender", [EmailSender(Outside()), AmazonQSender(Outside())])
def test_what_has_no_targets_refuses_one(sender: Any) -> None:
    with pytest.raises(PermanentError, match="no targets"):
        sender.send(job("send", target="payments"), 5.0)
