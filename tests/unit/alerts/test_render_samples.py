"""Every channel's message for every kind of event and every notification, as it was read and approved.

A difference here is a message that reads otherwise: look at it as the person who is woken by it,
then renew the snapshot with `--snapshot-update`.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from syrupy.assertion import SnapshotAssertion

from bedrock_alerts.alerts.channels.amazon_q import render as amazon_q
from bedrock_alerts.alerts.channels.email import render as email
from bedrock_alerts.alerts.channels.pagerduty import render as pagerduty
from bedrock_alerts.alerts.channels.pagerduty.render import action_of
from bedrock_alerts.alerts.channels.slack import render as slack
from bedrock_alerts.alerts.channels.slack import thread as slack_thread
from bedrock_alerts.alerts.channels.teams import render as teams
from bedrock_alerts.alerts.channels.webhook import render as webhook
from bedrock_alerts.alerts.model import Alert
from bedrock_alerts_cli.fake_slack.blocks import payload_problem
from bedrock_alerts_cli.samples.alerts import BY_KIND, BY_REASON, FULL, NOTES

SAMPLES: Final = {**BY_KIND, **BY_REASON}


def _email(alert: Alert) -> str:
    subject, body = email.render(alert)
    return f"Subject: {subject}\n\n{body}"


def _json(payload: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(payload), indent=1).decode()


# The ids of Slack's buttons are long, and the same in all samples but the first.
CHANNELS: Final[dict[str, Callable[[Alert], str]]] = {
    "email": _email,
    "slack": lambda alert: _json(slack.render(alert, is_answered=True)),
    "teams": lambda alert: _json(teams.render(alert)),
    "pagerduty": lambda alert: _json(pagerduty.render(alert, "R0UT1NGKEY")),
    "webhook": lambda alert: _json(webhook.render(alert)),
    "amazon_q": lambda alert: _json(amazon_q.render(alert)),
}
WITH_NOTES: Final[dict[str, Callable[[Alert], str]]] = {
    "email": lambda alert: email.render(alert, NOTES).body,
    "slack": lambda alert: _json(slack.render(alert, ("here",), NOTES, has_thread=True)),
    "a note in slack": lambda alert: _json(slack_thread.render_note(alert, ("here",), NOTES)),
    "teams": lambda alert: _json(teams.render(alert, NOTES)),
    "pagerduty": lambda alert: _json(pagerduty.render(alert, "R0UT1NGKEY", NOTES)),
    "webhook": lambda alert: _json(webhook.render(alert, NOTES)),
    "amazon_q": lambda alert: _json(amazon_q.render(alert, NOTES)),
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("channel", CHANNELS)
def test_every_message_reads_as_approved(
    channel: str, name: str, snapshot: SnapshotAssertion
) -> None:
    assert CHANNELS[channel](SAMPLES[name]) == snapshot


@pytest.mark.parametrize("channel", WITH_NOTES)
def test_remarks_about_the_telling_stand_at_the_end(channel: str) -> None:
    shown = WITH_NOTES[channel](FULL)
    remark = shown.index(NOTES[0][:30])
    assert shown.index("14 prompt attacks") < remark


@pytest.mark.parametrize("name", BY_REASON)
def test_every_note_in_a_thread_reads_as_approved(name: str, snapshot: SnapshotAssertion) -> None:
    assert _json(slack_thread.render_note(BY_REASON[name], is_answered=True)) == snapshot


def test_the_evidence_in_the_thread_reads_as_approved(snapshot: SnapshotAssertion) -> None:
    assert _json(slack_thread.render_evidence(FULL)) == snapshot


@pytest.mark.parametrize("name", SAMPLES)
def test_slack_takes_every_message(name: str) -> None:
    alert = SAMPLES[name]
    for payload in (
        slack.render(alert, ("here",), NOTES, is_answered=True),
        slack.render_plainly(alert),
        slack_thread.render_note(alert, is_answered=True),
    ):
        assert payload_problem(payload) is None


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_message_says_what_has_happened_to_what(channel: str, name: str) -> None:
    alert = SAMPLES[name]
    shown = CHANNELS[channel](alert)
    is_known_there = channel == "pagerduty" and action_of(alert) != "trigger"
    assert (alert.label in shown) is not is_known_there
    assert (alert.headline[:60] in shown) is not is_known_there
    # A contributor is named in the headline.
    assert (alert.title.partition(": ")[0] in shown) is not is_known_there
