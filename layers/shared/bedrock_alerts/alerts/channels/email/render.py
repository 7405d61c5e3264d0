"""An alert as an email that Amazon SNS sends: plain text, a short ASCII subject."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from bedrock_alerts.alerts.alert import Alert, Evidence
from bedrock_alerts.alerts.channels.layout import (
    bare_name,
    bounded,
    headline,
    in_columns,
    links,
    more,
    rows,
    subject_line,
)
from bedrock_alerts.alerts.formatting import spot
from bedrock_alerts.limits import SNS_MESSAGE_BYTES, SNS_SUBJECT_CHARS
from bedrock_alerts.text import ELLIPSIS, clean

_MAX_LABEL: Final = 24
_VALUE_CHARS: Final = 1000
_MAX_STEPS: Final = 10
_MAX_TABLES: Final = 6
_MAX_ROWS: Final = 20
_MAX_NOTES: Final = 5
_ASCII: Final = str.maketrans({"·": "-", ELLIPSIS: "~", "µ": "u"})
# A longer one fills the screen, and mail programs wrap it.
_URL_CHARS: Final = 200


class Email(NamedTuple):
    """Subject and body; the subject is valid for SNS."""

    subject: str
    body: str


def render(alert: Alert, notes: Sequence[str] = ()) -> Email:
    """Return the email; the subject and the first lines are enough to act on.

    `notes` are about the sending, not about the alert, and come last. Only the summary may have
    line breaks, so no other text can imitate a part of the message.
    """
    where = spot(alert)
    head = headline(alert, _VALUE_CHARS)
    paragraphs = [
        f"{head} · {where}" if where else head,
        alert.summary,
        _facts(alert),
        _list("What to do:", _numbered(bounded(alert.next_steps, _MAX_STEPS, _VALUE_CHARS))),
        f"Who: {clean(alert.who, _VALUE_CHARS)}" if alert.who else "",
        *_evidence(alert.evidence or Evidence()),
        _links(alert),
        f"CloudWatch: {clean(alert.reason, 4 * _VALUE_CHARS)}" if alert.reason else "",
        "\n".join(f"Note: {note}" for note in bounded(notes, _MAX_NOTES, _VALUE_CHARS)),
    ]
    body = "\n\n".join(text for text in paragraphs if text)
    return Email(
        subject(subject_line(alert, SNS_SUBJECT_CHARS)),
        within_bytes(f"{body}\n", SNS_MESSAGE_BYTES),
    )


def _facts(alert: Alert) -> str:
    found = [(clean(row.label, _MAX_LABEL), clean(row.value, _VALUE_CHARS)) for row in rows(alert)]
    width = max((len(label) for label, _ in found), default=0) + 1
    return "\n".join(f"{f'{label}:':<{width}} {value}" for label, value in found)


def _evidence(evidence: Evidence) -> Iterator[str]:
    yield f"Evidence: {clean(evidence.summary, 4 * _VALUE_CHARS)}" if evidence.summary else ""
    for table in evidence.tables[:_MAX_TABLES]:
        yield _list(clean(table.title, 100), in_columns(table, _MAX_ROWS))
    yield from more(len(evidence.tables) - _MAX_TABLES)


def _links(alert: Alert) -> str:
    """Return each link on separate lines, the alarm last and by its name."""
    found = [f"{link.label}:\n  {link.url}" for link in links(alert, _URL_CHARS)]
    name = clean(bare_name(alert), _VALUE_CHARS)
    return "\n".join([*found, *([f"Alarm: {name}"] if name else [])])


def _list(title: str, lines: Sequence[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)]) if lines else ""


def _numbered(steps: Sequence[str]) -> list[str]:
    return [f"{number}. {step}" for number, step in enumerate(steps, 1)]


def subject(text: str) -> str:
    """Return a text as a valid SNS subject: ASCII, one line, not too long."""
    ascii_only = text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
    return clean(ascii_only, SNS_SUBJECT_CHARS).replace(ELLIPSIS, "~")


def within_bytes(text: str, limit: int) -> str:
    """Cut `text` to at most `limit` bytes of UTF-8; incomplete characters are left out."""
    return text.encode("utf-8", "ignore")[:limit].decode("utf-8", "ignore")
