"""The receiver answers a bot like Slack's Web API, and the page shows edits, threads, pictures."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bedrock_alerts.adapters.slack_api import SlackWeb
from bedrock_alerts.errors import BedrockAlertsError, CredentialError, EditError, MessageError
from bedrock_alerts_cli.fake_slack.server import Receiver
from bedrock_alerts_cli.fake_slack.slack_methods import BOT_TOKEN, CHANNEL_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\ninvented"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(clock=lambda: NOW) as running:
        yield running


@pytest.fixture
def bot(receiver: Receiver) -> SlackWeb:
    return SlackWeb(receiver.api_url, allow_loopback=True)


def page(receiver: Receiver) -> str:
    with urllib.request.urlopen(receiver.url) as answer:
        text: str = answer.read().decode()
        return text


def test_a_message_is_taken_and_has_a_timestamp(receiver: Receiver, bot: SlackWeb) -> None:
    ts = bot.post(BOT_TOKEN, CHANNEL_ID, {"text": "hello"})
    (message,) = receiver.messages()
    assert (message.ts, message.payload["text"]) == (ts, "hello")


def test_an_edited_message_shows_what_it_says_now(receiver: Receiver, bot: SlackWeb) -> None:
    ts = bot.post(BOT_TOKEN, CHANNEL_ID, {"text": "ALARM"})
    bot.update(BOT_TOKEN, CHANNEL_ID, ts, {"text": "RESOLVED"})
    (message,) = receiver.messages()
    assert (message.payload["text"], message.edited) == ("RESOLVED", True)
    assert "(edited)" in page(receiver)
    assert "ALARM" not in page(receiver)
    # What was said is remembered as it came.
    assert [arrival.text for arrival in receiver.arrivals()] == ["ALARM"]


def test_a_reply_stands_below_what_it_answers(receiver: Receiver, bot: SlackWeb) -> None:
    first = bot.post(BOT_TOKEN, CHANNEL_ID, {"text": "the first alarm"})
    bot.post(BOT_TOKEN, CHANNEL_ID, {"text": "the second alarm"})
    bot.post(BOT_TOKEN, CHANNEL_ID, {"text": "about the first"}, thread_ts=first)
    bot.post(BOT_TOKEN, CHANNEL_ID, {"text": "heard"}, thread_ts=first, broadcast=True)
    html = page(receiver)
    texts = ("the first alarm", "about the first", "heard", "the second alarm")
    places = [html.index(f">{text}<") for text in texts]
    assert places == sorted(places)
    assert html.count("replied in the thread") == 2
    assert html.count("and in the channel") == 1


def test_a_picture_is_shown_in_its_thread(receiver: Receiver, bot: SlackWeb) -> None:
    ts = bot.post(BOT_TOKEN, CHANNEL_ID, {"text": "an alarm"})
    bot.upload(BOT_TOKEN, CHANNEL_ID, ts, PNG, title="the metric")
    _, reply = receiver.messages()
    assert reply.thread_ts == ts
    assert reply.picture.startswith("data:image/png;base64,")
    assert 'alt="the metric"' in page(receiver)


@pytest.mark.parametrize(
    ("token", "channel", "payload", "thread", "kind"),
    [
        pytest.param("xoxb-another", CHANNEL_ID, {"text": "x"}, "", CredentialError, id="token"),
        pytest.param(BOT_TOKEN, "C0NOBODY", {"text": "x"}, "", BedrockAlertsError, id="channel"),
        pytest.param(
            BOT_TOKEN, CHANNEL_ID, {"text": "x", "blocks": [7]}, "", MessageError, id="a bad block"
        ),
        pytest.param(BOT_TOKEN, CHANNEL_ID, {"text": "x"}, "9.9", EditError, id="no such thread"),
    ],
)
def test_a_message_is_refused_in_slacks_words(
    receiver: Receiver,
    bot: SlackWeb,
    token: str,
    channel: str,
    payload: dict[str, Any],
    thread: str,
    kind: type[BedrockAlertsError],
) -> None:
    with pytest.raises(kind):
        bot.post(token, channel, payload, thread_ts=thread)
    assert receiver.messages() == ()


def test_only_what_is_there_can_be_edited(bot: SlackWeb) -> None:
    with pytest.raises(EditError, match="message_not_found"):
        bot.update(BOT_TOKEN, CHANNEL_ID, "9.9", {"text": "x"})
    with pytest.raises(CredentialError):
        bot.update("xoxb-another", CHANNEL_ID, "9.9", {"text": "x"})


def call(receiver: Receiver, method: str, body: bytes, token: str = BOT_TOKEN) -> dict[str, Any]:
    request = urllib.request.Request(
        receiver.api_url + method, body, {"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


@pytest.mark.parametrize(
    ("method", "body", "token", "word"),
    [
        ("files.getUploadURLExternal", b"filename=a&length=3", "x", "invalid_auth"),
        ("files.getUploadURLExternal", b"length=3", BOT_TOKEN, "invalid_arguments"),
        ("files.getUploadURLExternal", b"filename=a&length=x", BOT_TOKEN, "invalid_arguments"),
        ("files.completeUploadExternal", b"{}", BOT_TOKEN, "channel_not_found"),
        (
            "files.completeUploadExternal",
            b"files=[]&channel_id=" + CHANNEL_ID.encode(),
            BOT_TOKEN,
            "file_not_found",
        ),
        (
            "files.completeUploadExternal",
            b"files=nothing&channel_id=" + CHANNEL_ID.encode(),
            BOT_TOKEN,
            "file_not_found",
        ),
    ],
)
def test_a_file_is_refused_in_slacks_words(
    receiver: Receiver, method: str, body: bytes, token: str, word: str
) -> None:
    assert call(receiver, method, body, token) == {"ok": False, "error": word}


@pytest.mark.parametrize("url", ["?file=F0NOBODY", "", "?file="])
def test_only_a_file_that_is_expected_is_taken(receiver: Receiver, url: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(f"{receiver.url}upload{url}", PNG)
