"""One message for an incident, edited as it goes on, with everything else in its thread."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bedrock_alerts.alerts.model import Alert, Evidence, Table, Thread
from bedrock_alerts.alerts.render import slack
from bedrock_alerts.alerts.send import Post, Receipt
from bedrock_alerts.alerts.slack_bot import SlackBotSender
from bedrock_alerts.errors import (
    CredentialError,
    EditError,
    MessageError,
    PermanentError,
    TransientError,
)
from tests.support.delivering import ARN, ENDED, OPENED, alarm, recovery

CHANNEL = "C0123456789"
THREAD = Thread(channel_id=CHANNEL, ts="1.1", root="1.1", opened_at=OPENED, severity="critical")
EVIDENCE = Evidence(
    summary="12 calls by 2 callers.",
    tables=(Table(title="Callers", columns=("Who", "Calls"), rows=(("a`b<!here>", "9"),)),),
)


class FakeSlack:
    """Keeps what is called, and raises what is in `failures` for a method, one after the other."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.failures: dict[str, list[Exception]] = {}
        self.tokens: list[str] = []

    def post(
        self,
        token: str,
        channel: str,
        payload: Mapping[str, Any],
        *,
        thread_ts: str = "",
        broadcast: bool = False,
    ) -> str:
        self._call(
            "post",
            token,
            channel=channel,
            payload=payload,
            thread_ts=thread_ts,
            broadcast=broadcast,
        )
        return f"2.{len(self.calls)}"

    def update(self, token: str, channel: str, ts: str, payload: Mapping[str, Any]) -> None:
        self._call("update", token, channel=channel, ts=ts, payload=payload)

    def upload(
        self, token: str, channel: str, thread_ts: str, picture: bytes, *, title: str
    ) -> None:
        self._call(
            "upload", token, channel=channel, thread_ts=thread_ts, picture=picture, title=title
        )

    @property
    def methods(self) -> list[str]:
        return [name for name, _ in self.calls]

    def _call(self, name: str, token: str, **given: Any) -> None:
        self.tokens.append(token)
        if self.failures.get(name):
            raise self.failures[name].pop(0)
        self.calls.append((name, given))


class FakePictures:
    """Draws, or does not."""

    def __init__(self, picture: bytes = b"PNG") -> None:
        self.picture = picture
        self.widgets: list[str] = []

    def draw(self, widget: str) -> bytes:
        self.widgets.append(widget)
        return self.picture


class FakeSecret:
    """Knows the bot's secret, and what it was renewed to."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)

    def text(self, *, fresh: bool = False) -> str:
        return self.texts[-1] if fresh else self.texts[0]


class Bot:
    """A bot in a Slack that a test can look into."""

    def __init__(self, *secrets: str, picture: bytes = b"PNG", is_answered: bool = False) -> None:
        self.slack = FakeSlack()
        self.pictures = FakePictures(picture)
        secret = FakeSecret(*(secrets or ("xoxb-invented",)))
        self.sender = SlackBotSender(
            self.slack, secret, CHANNEL, self.pictures, is_answered=is_answered
        )

    def send(self, *alerts: Alert, **given: Any) -> Receipt:
        return self.sender.send(Post(alerts, **given))


def test_the_beginning_of_an_alarm_is_a_message_of_its_own() -> None:
    bot = Bot()
    receipt = bot.send(alarm(), mentions=("here",))
    ((name, given),) = bot.slack.calls
    assert (name, given["channel"], given["thread_ts"]) == ("post", CHANNEL, "")
    assert given["payload"] == slack.render(alarm(), ("here",))
    assert receipt.thread == Thread(
        channel_id=CHANNEL, ts="2.1", root="2.1", opened_at=OPENED, severity="critical"
    )


def test_a_bot_that_is_answered_asks_in_its_message_and_in_reminders() -> None:
    bot = Bot(is_answered=True)
    bot.send(alarm())
    bot.send(alarm(kind="reminder"), thread=THREAD)
    bot.send(recovery(), thread=THREAD)
    beginning, reminder, end, note = (given["payload"] for _, given in bot.slack.calls)
    assert "acknowledge:" in json.dumps(beginning)
    assert "acknowledge:" in json.dumps(reminder)
    assert "acknowledge:" not in json.dumps([end, note])


def test_the_whole_evidence_is_left_to_the_thread() -> None:
    tables = tuple(Table(title=f"t{n}", columns=("Who",), rows=()) for n in range(3))
    bot = Bot()
    bot.send(alarm(evidence=Evidence(tables=tables)))
    bot.send(alarm(kind="no_data", evidence=Evidence(tables=tables)))
    beginning, no_data = (json.dumps(given["payload"]) for _, given in bot.slack.calls)
    assert not any(f"*t{n}*" in beginning for n in range(3))
    assert all(f"*t{n}*" in no_data for n in range(3)), "nothing follows below this one"


@pytest.mark.parametrize("kind", ["first", "release", "late", "plain"])
def test_what_begins_never_goes_on_with_an_older_message(kind: Any) -> None:
    bot = Bot()
    bot.send(alarm(kind=kind), thread=THREAD)
    assert bot.slack.methods == ["post"]


@pytest.mark.parametrize(
    ("kind", "methods", "broadcast"),
    [
        ("resolved", ["update", "post"], False),
        ("no_data", ["update", "post"], False),
        ("acknowledged", ["update", "post"], False),
        ("silenced", ["update", "post"], False),
        ("settled", ["update", "post"], False),
        ("escalation", ["update", "post"], True),
        ("flapping", ["update", "post"], True),
        ("reminder", ["post"], True),
    ],
)
def test_what_follows_edits_the_message_and_is_said_in_its_thread(
    kind: Any, methods: list[str], *, broadcast: bool
) -> None:
    bot = Bot()
    alert = alarm(kind=kind)
    receipt = bot.send(alert, thread=THREAD)
    assert bot.slack.methods == methods
    _, reply = bot.slack.calls[-1]
    assert (reply["thread_ts"], reply["broadcast"]) == ("1.1", broadcast)
    if "update" in methods:
        assert bot.slack.calls[0][1]["ts"] == "1.1"
        assert bot.slack.calls[0][1]["payload"] == slack.render(alert)
    assert receipt.thread is not None
    assert receipt.thread.ts == "1.1"


def test_a_resolved_message_is_remembered_as_over() -> None:
    receipt = Bot().send(recovery(), thread=THREAD)
    assert receipt.thread is not None
    assert receipt.thread.over
    assert receipt.thread.opened_at == OPENED


def test_the_message_of_an_alarm_that_was_deleted_does_not_show_it_as_standing() -> None:
    bot = Bot()
    receipt = bot.send(alarm(kind="plain", ended_at=ENDED), thread=THREAD)
    assert bot.slack.methods == ["update", "post"]
    assert receipt.thread is not None
    assert receipt.thread.over


def test_a_telling_without_a_beginning_keeps_that_of_the_message() -> None:
    receipt = Bot().send(alarm(kind="flapping", opened_at=None), thread=THREAD)
    assert receipt.thread is not None
    assert receipt.thread.opened_at == OPENED


@pytest.mark.parametrize(
    ("alert", "thread"),
    [
        pytest.param(recovery(opened_at=ENDED), THREAD, id="the message is about another opening"),
        pytest.param(recovery(), None, id="there is none"),
        pytest.param(
            recovery(), Thread(channel_id="C0OTHER", ts="1.1", root="1.1"), id="it is elsewhere"
        ),
    ],
)
def test_what_has_no_message_to_go_on_with_gets_one(alert: Alert, thread: Thread | None) -> None:
    bot = Bot()
    bot.send(alert, thread=thread)
    assert bot.slack.methods == ["post"]


def test_flapping_is_about_all_openings() -> None:
    bot = Bot()
    bot.send(alarm(kind="flapping", opened_at=ENDED), thread=THREAD)
    assert bot.slack.methods == ["update", "post"]


@pytest.mark.parametrize("method", ["update", "post"])
def test_a_message_that_is_gone_is_sent_anew(method: str) -> None:
    bot = Bot()
    bot.slack.failures[method] = [EditError("Slack answered: message_not_found")]
    receipt = bot.send(recovery(), thread=THREAD)
    assert bot.slack.methods[-1] == "post"
    assert bot.slack.calls[-1][1]["thread_ts"] == ""
    assert receipt.thread is not None
    assert receipt.thread.ts == receipt.thread.root == f"2.{len(bot.slack.calls)}"


@pytest.mark.parametrize("method", ["update", "post"])
@pytest.mark.parametrize("error", [TransientError("…"), PermanentError("not_in_channel")])
def test_any_other_failure_is_passed_on(method: str, error: Exception) -> None:
    bot = Bot()
    bot.slack.failures[method] = [error]
    with pytest.raises(type(error)):
        bot.send(recovery(), thread=THREAD)


def test_a_failure_to_begin_is_passed_on_even_if_slack_calls_it_an_edit() -> None:
    bot = Bot()
    bot.slack.failures["post"] = [EditError("Slack answered: update_failed")]
    with pytest.raises(EditError):
        bot.send(alarm())


def test_a_message_that_slack_finds_fault_with_is_sent_in_plain_words() -> None:
    bot = Bot()
    bot.slack.failures["post"] = [MessageError("Slack answered: invalid_blocks")]
    receipt = bot.send(alarm(), mentions=("U012AB3CD",))
    ((_, given),) = bot.slack.calls
    assert given["payload"]["text"] == (
        "<@U012AB3CD> :rotating_light: *ALARM · critical: chat-blocks* · 111122223333 eu-west-1\nA guardrail blocked calls."
    )
    assert receipt.defect == "Slack answered: invalid_blocks"
    assert receipt.thread is not None


def test_an_edit_that_slack_finds_fault_with_is_made_in_plain_words() -> None:
    bot = Bot()
    bot.slack.failures["update"] = [MessageError("Slack answered: msg_too_long")]
    receipt = bot.send(recovery(), thread=THREAD)
    assert bot.slack.methods == ["update", "post"]
    assert receipt.defect == "Slack answered: msg_too_long"


def test_a_target_is_the_channel_told() -> None:
    bot = Bot()
    bot.send(alarm(), target="C0PAYMENTS")
    assert bot.slack.calls[0][1]["channel"] == "C0PAYMENTS"


@pytest.mark.parametrize("target", ["payments", "#payments", "c0123456789", "T0123456789"])
def test_a_target_that_is_no_channels_id_is_said_to_be_none(target: str) -> None:
    bot = Bot()
    with pytest.raises(PermanentError, match="a target of Slack's bot is a channel's id"):
        bot.send(alarm(), target=target)
    assert bot.slack.tokens == []


def test_several_alerts_are_one_message_without_a_thread() -> None:
    bot = Bot()
    receipt = bot.send(alarm(), alarm("b", incident="b"), thread=THREAD)
    assert bot.slack.methods == ["post"]
    assert receipt.thread is None


def test_a_message_without_a_timestamp_has_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    bot = Bot()
    monkeypatch.setattr(bot.slack, "post", lambda *_, **__: "")
    assert bot.send(alarm()).thread is None


# ---- series of an alarm over many ----------------------------------------------------------------

CHILD = alarm("child", incident=f"{ARN}#c1")


def test_a_series_joins_the_message_of_its_alarm() -> None:
    bot = Bot()
    receipt = bot.send(CHILD, parent=THREAD)
    assert bot.slack.calls[0][1]["thread_ts"] == "1.1"
    assert receipt.thread is not None
    assert (receipt.thread.ts, receipt.thread.root) == ("2.1", "1.1")


def test_what_follows_in_a_series_edits_its_own_reply() -> None:
    bot = Bot()
    own = Thread(channel_id=CHANNEL, ts="2.1", root="1.1", opened_at=OPENED)
    bot.send(recovery(incident=f"{ARN}#c1"), thread=own, parent=THREAD)
    assert bot.slack.calls[0][1]["ts"] == "2.1"
    assert bot.slack.calls[1][1]["thread_ts"] == "1.1"


@pytest.mark.parametrize(
    ("alert", "parent"),
    [
        pytest.param(CHILD, None, id="no parent"),
        pytest.param(
            CHILD, Thread(channel_id=CHANNEL, ts="1.1", root="1.1", over=True), id="it is over"
        ),
        pytest.param(
            CHILD,
            Thread(channel_id=CHANNEL, ts="1.1", root="1.1", severity="warning"),
            id="it is less bad",
        ),
        pytest.param(CHILD, Thread(channel_id="C0OTHER", ts="1.1", root="1.1"), id="elsewhere"),
        pytest.param(alarm(), THREAD, id="no series"),
        pytest.param(alarm(incident="arn:other#c1"), THREAD, id="of another alarm"),
    ],
)
def test_a_series_that_has_nothing_to_join_is_told_to_all(
    alert: Alert, parent: Thread | None
) -> None:
    bot = Bot()
    bot.send(alert, parent=parent)
    assert bot.slack.calls[0][1]["thread_ts"] == ""


def test_a_parent_whose_thread_is_gone_is_done_without() -> None:
    bot = Bot()
    bot.slack.failures["post"] = [EditError("Slack answered: thread_not_found")]
    bot.send(CHILD, parent=THREAD)
    assert bot.slack.calls[0][1]["thread_ts"] == ""


# ---- extras --------------------------------------------------------------------------------------


def add_all(bot: Bot, *alerts: Alert) -> None:
    for add in bot.sender.extras(Post(alerts), THREAD):
        add()


def test_evidence_and_picture_follow_in_the_thread() -> None:
    bot = Bot()
    add_all(bot, alarm(evidence=EVIDENCE, widget='{"metrics":[]}'))
    assert bot.slack.methods == ["post", "upload"]
    (_, evidence), (_, picture) = bot.slack.calls
    assert evidence["thread_ts"] == picture["thread_ts"] == "1.1"
    _, table = evidence["payload"]["attachments"][0]["blocks"]
    assert table["text"]["text"] == "*Callers*\n```Who         Calls\na'b&lt;!here&gt;      9```"
    assert (picture["picture"], picture["title"]) == (b"PNG", "chat-blocks")
    assert bot.pictures.widgets == ['{"metrics":[]}']


@pytest.mark.parametrize(
    "alerts",
    [
        pytest.param([alarm()], id="none there"),
        pytest.param([alarm(evidence=Evidence())], id="empty"),
        pytest.param([recovery(evidence=EVIDENCE, widget="{}")], id="it is over"),
        pytest.param([alarm(evidence=EVIDENCE), alarm("b")], id="a digest"),
    ],
)
def test_there_may_be_nothing_to_add(alerts: list[Alert]) -> None:
    bot = Bot()
    add_all(bot, *alerts)
    assert bot.slack.calls == []


@pytest.mark.parametrize("picture", [b"", b"x" * 5_000_001])
def test_a_picture_that_is_none_or_too_large_is_not_shown(picture: bytes) -> None:
    bot = Bot(picture=picture)
    with pytest.raises(PermanentError, match="is not shown"):
        add_all(bot, alarm(widget="{}"))
    assert bot.slack.calls == []


# ---- the token -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret", ["xoxb-invented", '{"token": "xoxb-invented", "signing_secret": "s"}']
)
def test_the_token_is_taken_out_of_the_secret(secret: str) -> None:
    bot = Bot(secret)
    bot.send(alarm())
    assert bot.slack.tokens == ["xoxb-invented"]


def test_a_token_that_was_renewed_is_used() -> None:
    bot = Bot("xoxb-old", "xoxb-new")
    bot.slack.failures["post"] = [CredentialError("Slack answered: token_revoked")]
    bot.send(alarm())
    assert bot.slack.tokens == ["xoxb-old", "xoxb-new"]


def test_a_secret_without_a_token_is_said_to_have_none() -> None:
    with pytest.raises(CredentialError, match="the secret has no token"):
        Bot('{"signing_secret": "s"}').send(alarm())
