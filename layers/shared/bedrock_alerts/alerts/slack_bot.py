"""Slack with a bot's token: one message for an incident, edited as it goes on, with a thread.

The beginning of an alarm is a message of its own. What follows edits it, and is said in its thread
too; what everybody has to hear again (it got worse, it still stands) shows in the channel as well.
Where the message is gone, or was never there, a new one takes its place.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

import msgspec

from bedrock_alerts.alerts.credentials import SecretPort, entry, with_secret
from bedrock_alerts.alerts.model import SEVERITIES, Alert, TellingKind, Thread
from bedrock_alerts.alerts.render import slack, slack_thread
from bedrock_alerts.alerts.send import Post, Receipt, Sender
from bedrock_alerts.errors import EditError, MessageError, PermanentError

# These begin a message of their own.
_BEGINNINGS: Final[frozenset[TellingKind]] = frozenset({"first", "release", "late", "plain"})
# These are about the alarm as a whole, whichever beginning of it has a message.
_OF_ANY_OPENING: Final[frozenset[TellingKind]] = frozenset({"flapping", "settled"})
# These leave the message as it is.
_ONLY_REPLIES: Final[frozenset[TellingKind]] = frozenset({"reminder"})
# These show in the channel beside their thread.
_LOUD: Final[frozenset[TellingKind]] = frozenset({"escalation", "reminder", "flapping"})
_WITH_EVIDENCE: Final[frozenset[TellingKind]] = frozenset(
    {"first", "release", "late", "escalation"}
)
_CHANNEL_ID: Final = re.compile(r"[CGD][A-Z0-9]{5,20}")
_MAX_PICTURE_BYTES: Final = 5_000_000
T = TypeVar("T")


class SlackPort(Protocol):
    """Slack's methods, one attempt each; all raise TransientError or PermanentError."""

    def post(
        self,
        token: str,
        channel: str,
        payload: Mapping[str, Any],
        *,
        thread_ts: str = "",
        broadcast: bool = False,
    ) -> str:
        """Send a message or a reply, and return its `ts`."""

    def update(self, token: str, channel: str, ts: str, payload: Mapping[str, Any]) -> None:
        """Replace what a message says; EditError when it is gone or closed."""

    def upload(
        self, token: str, channel: str, thread_ts: str, picture: bytes, *, title: str
    ) -> None:
        """Put a picture into a thread."""


class PicturePort(Protocol):
    """Draws graphs of metrics."""

    def draw(self, widget: str) -> bytes:
        """Return the PNG of a widget, or raise TransientError or PermanentError."""


class SlackBotSender(Sender):
    """Sends to Slack's channels as a bot; `channel_id` is the one for what names no target.

    `is_answered` says that somebody takes what the buttons of a message send.
    """

    def __init__(
        self,
        slack: SlackPort,
        secret: SecretPort,
        channel_id: str,
        pictures: PicturePort,
        *,
        is_answered: bool = False,
    ) -> None:
        self._slack = slack
        self._secret = secret
        self._channel_id = channel_id
        self._pictures = pictures
        self._is_answered = is_answered

    def send(self, post: Post) -> Receipt:
        """Send, edit or reply, whichever the incident's life asks for."""
        channel_id = post.target or self._channel_id
        if not _CHANNEL_ID.fullmatch(channel_id):
            raise PermanentError(f"a target of Slack's bot is a channel's id, not {channel_id!r}")
        return self._with_token(lambda token: self._tell(token, channel_id, post))

    def extras(self, post: Post, thread: Thread) -> Sequence[Callable[[], None]]:
        """Return the evidence and the metric's picture, for the thread of one alert."""
        alert = post.alerts[0]
        if len(post.alerts) > 1 or alert.kind not in _WITH_EVIDENCE:
            return ()
        found: list[Callable[[], None]] = []
        evidence = slack_thread.render_evidence(alert)
        if evidence is not None:
            found.append(lambda: self._reply(thread, evidence))
        if alert.widget:
            found.append(lambda: self._add_picture(thread, alert))
        return found

    def _tell(self, token: str, channel_id: str, post: Post) -> Receipt:
        alert = post.alert()
        thread = shown_in(alert, post.thread, channel_id) if len(post.alerts) == 1 else None
        if thread is None:
            return self._begin(token, channel_id, post)
        defect = ""
        if alert.kind not in _ONLY_REPLIES:
            try:
                defect = self._edit(token, thread, alert)
            except EditError:
                return self._begin(token, channel_id, post)
        note = slack_thread.render_note(
            alert, post.mentions, post.notes, is_answered=self._is_answered
        )
        try:
            self._slack.post(
                token,
                thread.channel_id,
                note,
                thread_ts=thread.root,
                broadcast=alert.kind in _LOUD,
            )
        except EditError:  # the thread is closed or gone
            return self._begin(token, channel_id, post)
        shown = _shown(alert, thread.opened_at)
        return Receipt(thread=msgspec.structs.replace(thread, **shown), defect=defect)

    def _begin(self, token: str, channel_id: str, post: Post) -> Receipt:
        alert = post.alert()
        root = joined(alert, post.parent, channel_id)
        defect = ""
        try:
            rich = self._render(alert, post.mentions, post.notes)
            ts = self._slack.post(token, channel_id, rich, thread_ts=root)
        except MessageError as error:
            defect = str(error)
            plain = slack.render_plainly(alert, post.mentions)
            ts = self._slack.post(token, channel_id, plain, thread_ts=root)
        except EditError:  # the parent's thread is gone
            if not root:
                raise
            return self._begin(token, channel_id, post._replace(parent=None))
        if not ts or len(post.alerts) > 1:
            return Receipt(defect=defect)
        thread = Thread(channel_id=channel_id, ts=ts, root=root or ts, **_shown(alert))
        return Receipt(thread=thread, defect=defect)

    def _edit(self, token: str, thread: Thread, alert: Alert) -> str:
        try:
            self._slack.update(token, thread.channel_id, thread.ts, self._render(alert))
        except MessageError as error:
            plain = slack.render_plainly(alert)
            self._slack.update(token, thread.channel_id, thread.ts, plain)
            return str(error)
        return ""

    def _render(
        self, alert: Alert, mentions: Sequence[str] = (), notes: Sequence[str] = ()
    ) -> dict[str, Any]:
        return slack.render(
            alert,
            mentions,
            notes,
            has_thread=alert.kind in _WITH_EVIDENCE,
            is_answered=self._is_answered,
        )

    def _reply(self, thread: Thread, payload: Mapping[str, Any]) -> None:
        def use(token: str) -> None:
            self._slack.post(token, thread.channel_id, payload, thread_ts=thread.root)

        self._with_token(use)

    def _add_picture(self, thread: Thread, alert: Alert) -> None:
        picture = self._pictures.draw(alert.widget)
        if not 0 < len(picture) <= _MAX_PICTURE_BYTES:
            raise PermanentError(f"a picture of {len(picture)} bytes is not shown")

        def use(token: str) -> None:
            self._slack.upload(token, thread.channel_id, thread.root, picture, title=alert.title)

        self._with_token(use)

    def _with_token(self, use: Callable[[str], T]) -> T:
        return with_secret(self._secret, lambda text: use(entry(text, "", main="token")["token"]))


def shown_in(alert: Alert, thread: Thread | None, channel_id: str) -> Thread | None:
    """Return the message that an alert goes on with, None where it begins one of its own."""
    begins = alert.kind in _BEGINNINGS and not alert.ends_by_deletion
    if thread is None or thread.channel_id != channel_id or begins:
        return None
    is_of_it = alert.opened_at is None or thread.opened_at == alert.opened_at
    return thread if is_of_it or alert.kind in _OF_ANY_OPENING else None


def joined(alert: Alert, parent: Thread | None, channel_id: str) -> str:
    """Return the thread that a new message stands in, empty for none.

    One series of an alarm over many joins the alarm's own message while that shows a problem. What
    is worse than its parent is told to everybody.
    """
    if parent is None or parent.over or parent.channel_id != channel_id:
        return ""
    if alert.incident == alert.alarm_arn or not alert.incident.startswith(f"{alert.alarm_arn}#"):
        return ""
    worse = SEVERITIES.index(alert.severity) < SEVERITIES.index(parent.severity)
    return "" if worse else parent.root


def _shown(alert: Alert, opened_at: datetime | None = None) -> dict[str, Any]:
    return {
        "opened_at": alert.opened_at or opened_at,
        "severity": alert.severity,
        "over": alert.tone == "ok" or alert.kind == "late" or alert.ends_by_deletion,
    }
