"""An alert as an e-mail that Amazon SNS sends: plain text, a short ASCII subject."""

from typing import Final, NamedTuple

from bedrock_alerts.alerts.describe import time_label, utc
from bedrock_alerts.alerts.model import Alert
from bedrock_alerts.limits import SNS_SUBJECT_CHARS
from bedrock_alerts.text import ELLIPSIS, shorten

_LABEL_WIDTH: Final = 12


class Email(NamedTuple):
    """Subject and body; the subject fits what SNS accepts."""

    subject: str
    body: str


def render(alert: Alert) -> Email:
    """Write the alert so that subject and first lines are enough at three in the morning."""
    where = " ".join(part for part in (alert.account_id, alert.region) if part)
    lines = [f"{alert.status}: {alert.title}"]
    if alert.summary:
        lines += ["", alert.summary]
    lines += ["", *(_fact("Where", where) if where else ())]
    if alert.at is not None:
        lines += _fact(time_label(alert), utc(alert.at))
    for fact in alert.facts:
        lines += _fact(fact.label, fact.value)
    if alert.reason:
        lines += ["", "CloudWatch says:", f"  {alert.reason}"]
    for link in alert.links:
        lines += ["", f"{link.label}:", f"  {link.url}"]
    return Email(_subject(alert), "\n".join(lines) + "\n")


def _subject(alert: Alert) -> str:
    text = f"{alert.status}: {alert.title}" + (f" in {alert.region}" if alert.region else "")
    ascii_only = text.replace("·", "-").encode("ascii", "replace").decode("ascii")
    return shorten(ascii_only, SNS_SUBJECT_CHARS).replace(ELLIPSIS, "~")


def _fact(label: str, value: str) -> tuple[str]:
    return (f"{label + ':':<{_LABEL_WIDTH}} {value}",)
