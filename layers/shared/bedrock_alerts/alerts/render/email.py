"""An alert as an e-mail that Amazon SNS sends: plain text, a short ASCII subject."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from bedrock_alerts.alerts.describe import place, time_label, utc
from bedrock_alerts.alerts.model import Alert
from bedrock_alerts.limits import SNS_MESSAGE_BYTES, SNS_SUBJECT_CHARS
from bedrock_alerts.text import ELLIPSIS, clean

_LABEL_WIDTH: Final = 12


class Email(NamedTuple):
    """Subject and body; the subject fits what SNS accepts."""

    subject: str
    body: str


def render(alert: Alert, notes: Sequence[str] = ()) -> Email:
    """Write the alert so that subject and first lines are enough at three in the morning.

    `notes` are about the telling, not about the alert: they stand on top.
    """
    where = place(alert)
    lines = [*(f"Note: {note}" for note in notes), *([""] if notes else [])]
    lines += [f"{alert.status}: {alert.title}"]
    if alert.summary:
        lines += ["", alert.summary]
    facts = [("Where", where)] if where else []
    if alert.at is not None:
        facts.append((time_label(alert), utc(alert.at)))
    facts += [(fact.label, fact.value) for fact in alert.facts]
    if facts:
        lines += ["", *(f"{label + ':':<{_LABEL_WIDTH}} {value}" for label, value in facts)]
    if alert.reason:
        lines += ["", "CloudWatch says:", f"  {alert.reason}"]
    for link in alert.links:
        lines += ["", f"{link.label}:", f"  {link.url}"]
    where = f" in {alert.region}" if alert.region else ""
    return Email(
        subject(f"{alert.status}: {alert.title}{where}"),
        within_bytes("\n".join(lines) + "\n", SNS_MESSAGE_BYTES),
    )


def subject(text: str) -> str:
    """Make a text a subject that SNS accepts: ASCII, one line, not too long."""
    ascii_only = text.replace("·", "-").encode("ascii", "replace").decode("ascii")
    return clean(ascii_only, SNS_SUBJECT_CHARS).replace(ELLIPSIS, "~")


def within_bytes(text: str, limit: int) -> str:
    """Cut `text` to at most `limit` bytes of UTF-8; half a character, cut or given, is left out."""
    return text.encode("utf-8", "ignore")[:limit].decode("utf-8", "ignore")
