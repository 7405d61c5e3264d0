"""Slack with a bot token: one message for each incident, edited as it changes, with a thread.

Only the first notification posts the message. Later ones edit it; those that notify people add a
reply that the channel shows too.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from bedrock_alerts.alerts.alert import Alert
from bedrock_alerts.alerts.channels.digest import as_one
from bedrock_alerts.alerts.channels.slack import render as slack
from bedrock_alerts.alerts.channels.slack import thread as slack_thread
from bedrock_alerts.alerts.credentials import SecretPort, entry, with_secret
from bedrock_alerts.alerts.incidents.item import Reference
from bedrock_alerts.alerts.ports import Job, Receipt, Sender
from bedrock_alerts.errors import EditError, MessageError, PermanentError

# These edits need no reply: the message is enough.
_WITHOUT_REPLY: Final = frozenset({"recovering", "changed"})
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
        seconds: float,
    ) -> str:
        """Send a message or a reply, and return its `ts`."""

    def update(
        self, token: str, channel: str, ts: str, payload: Mapping[str, Any], *, seconds: float
    ) -> None:
        """Replace what a message says; EditError when it is gone or closed."""

    def upload(
        self,
        token: str,
        channel: str,
        thread_ts: str,
        picture: bytes,
        *,
        title: str,
        seconds: float,
    ) -> None:
        """Upload a picture to a thread."""


class PicturePort(Protocol):
    """Draws graphs of metrics."""

    def draw(self, widget: str) -> bytes:
        """Return the PNG of a widget, or raise TransientError or PermanentError."""


class SlackBotSender(Sender):
    """Sends as a bot; `channel_id` is the default channel.

    `is_answered` says that an app handles the buttons of a message.
    """

    def __init__(
        self,
        port: SlackPort,
        secret: SecretPort,
        channel_id: str,
        pictures: PicturePort | None = None,
        *,
        is_answered: bool = False,
    ) -> None:
        self._slack = port
        self._secret = secret
        self._channel_id = channel_id
        self._pictures = pictures
        self._is_answered = is_answered

    def send(self, job: Job, seconds: float) -> Receipt:
        """Post, edit or reply, whichever the job asks for."""
        channel_id = job.target or self._channel_id
        if not _CHANNEL_ID.fullmatch(channel_id):
            raise PermanentError(
                f"the target of a Slack bot must be a channel ID, not {channel_id!r}"
            )

        def use(token: str) -> Receipt:
            reference = job.reference
            if reference is None or job.action not in ("edit", "broadcast", "reply"):
                return self._post(token, channel_id, job, seconds)
            try:
                return self._follow(token, reference, job, seconds)
            except EditError:  # it was deleted, or can no longer be edited
                return self._post(token, channel_id, job, seconds)

        return self._with_token(use)

    def extras(
        self, job: Job, reference: Reference, seconds: float
    ) -> Sequence[Callable[[], None]]:
        """Return the optional replies to a new message: evidence, a picture."""
        if len(job.alerts) != 1:
            return ()
        alert = job.alerts[0]
        found: list[Callable[[], None]] = []
        evidence = slack_thread.render_evidence(alert)
        if evidence is not None:
            found.append(lambda: self._reply(reference, evidence, seconds))
        if alert.widget and self._pictures is not None:
            found.append(lambda: self._add_picture(reference, alert, seconds))
        return found

    def _follow(self, token: str, reference: Reference, job: Job, seconds: float) -> Receipt:
        """Edit the message that shows the incident, and reply in its thread."""
        alert = job.alerts[0]
        defect = ""
        if job.action != "reply":
            payload = self._render(alert)
            try:
                self._update(token, reference, payload, seconds)
            except MessageError as error:
                defect = str(error)
                self._update(token, reference, slack.render_plainly(alert), seconds)
        if job.action != "edit" or alert.kind not in _WITHOUT_REPLY:
            note = slack_thread.render_note(
                alert, job.mentions, job.notes, is_answered=self._is_answered
            )
            self._slack.post(
                token,
                reference.channel_id,
                note,
                thread_ts=reference.ts,
                broadcast=job.action == "broadcast",
                seconds=seconds,
            )
        return Receipt(reference, defect)

    def _update(
        self, token: str, reference: Reference, payload: Mapping[str, Any], seconds: float
    ) -> None:
        self._slack.update(token, reference.channel_id, reference.ts, payload, seconds=seconds)

    def _post(self, token: str, channel_id: str, job: Job, seconds: float) -> Receipt:
        alert = as_one(job.alerts)
        defect = ""
        try:
            rich = self._render(alert, job.mentions, job.notes)
            ts = self._slack.post(token, channel_id, rich, seconds=seconds)
        except MessageError as error:
            defect = str(error)
            plain = slack.render_plainly(alert, job.mentions)
            ts = self._slack.post(token, channel_id, plain, seconds=seconds)
        if not ts or len(job.alerts) > 1 or not job.number:
            return Receipt(defect=defect)
        return Receipt(Reference(number=job.number, channel_id=channel_id, ts=ts), defect)

    def _render(
        self, alert: Alert, mentions: Sequence[str] = (), notes: Sequence[str] = ()
    ) -> dict[str, Any]:
        return slack.render(alert, mentions, notes, has_thread=True, is_answered=self._is_answered)

    def _reply(self, reference: Reference, payload: Mapping[str, Any], seconds: float) -> None:
        self._with_token(
            lambda token: self._slack.post(
                token, reference.channel_id, payload, thread_ts=reference.ts, seconds=seconds
            )
        )

    def _add_picture(self, reference: Reference, alert: Alert, seconds: float) -> None:
        if self._pictures is None:
            return
        picture = self._pictures.draw(alert.widget)
        if not 0 < len(picture) <= _MAX_PICTURE_BYTES:
            raise PermanentError(f"a picture of {len(picture)} bytes is not shown")
        self._with_token(
            lambda token: self._slack.upload(
                token,
                reference.channel_id,
                reference.ts,
                picture,
                title=alert.title,
                seconds=seconds,
            )
        )

    def _with_token(self, use: Callable[[str], T]) -> T:
        return with_secret(self._secret, lambda text: use(entry(text, "", main="token")["token"]))
