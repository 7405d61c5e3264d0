"""An alert as a custom notification of Amazon Q Developer in chat applications.

It becomes a message in Slack or Microsoft Teams, in either's markup, so the markup characters of
both are replaced by look-alikes.
https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from bedrock_alerts.alerts.alert import (
    Alert,
    Evidence,
    Table,
    Tone,
)
from bedrock_alerts.alerts.channels.layout import bare_name, bounded, headline, links, more, rows
from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.formatting import spot
from bedrock_alerts.text import clean, clean_lines, shorten

_TITLE_CHARS: Final = 250
_DESCRIPTION_CHARS: Final = 4000
_SUMMARY_CHARS: Final = 1500
_VALUE_CHARS: Final = 300
_STEP_CHARS: Final = 350
_MAX_STEPS: Final = 10
_MAX_FACTS: Final = 20
_MAX_TABLES: Final = 3
_MAX_ROWS: Final = 6
_MAX_CELLS: Final = 8
_CELL_CHARS: Final = 40
_MAX_NOTES: Final = 3
_HARMLESS: Final = str.maketrans(
    {"<": "‹", ">": "›", "[": "(", "]": ")", "`": "'", "*": "∗", "~": "∼", "@": "＠", "#": "＃"}  # noqa: RUF001 - look-alikes on purpose
)
# Within a word an underscore formats nothing: names can still be copied.
_UNDERSCORES: Final = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
# A line that begins like this is a list item or a rule, or makes the line above a heading.
_LINE_MARKS: Final = re.compile(r"^[ ]*[-+=](?=[ =-]|$)", re.MULTILINE)
_SIGNS: Final[dict[Tone, str]] = {
    "critical": ":rotating_light:",
    "warning": ":warning:",
    "info": ":information_source:",
    "ok": ":white_check_mark:",
    "unknown": ":grey_question:",
}


def render(alert: Alert, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the notification; those about one incident share a thread."""
    where = spot(alert)
    head = headline(alert, _TITLE_CHARS // 2)
    head = _plain(clean(f"{head} · {where}" if where else head, _TITLE_CHARS))
    description = "\n\n".join(text for text in _paragraphs(alert, notes) if text)
    return {
        "version": "1.0",
        "source": "custom",
        "id": alert.key,
        "content": {
            "textType": "client-markdown",
            "title": shorten(f"{_SIGNS[alert.tone]} {head}", _TITLE_CHARS),
            "description": shorten(description or head, _DESCRIPTION_CHARS),
            "nextSteps": _steps(alert),
            "keywords": ["Bedrock Alerts", alert.severity],
        },
        "metadata": {
            "threadId": incident_id(alert.incident or alert.key),
            "summary": head,
            "eventType": alert.kind,
            "relatedResources": [alert.alarm_arn] if alert.alarm_arn else [],
            "additionalContext": {"severity": alert.severity},
        },
    }


def _paragraphs(alert: Alert, notes: Sequence[str]) -> Iterator[str]:
    yield _plain(clean_lines(alert.summary, _SUMMARY_CHARS))
    found = list(rows(alert))
    lines = [
        f"*{_plain(clean(row.label, 60))}*: {_plain(clean(row.value, _VALUE_CHARS))}"
        for row in found[:_MAX_FACTS]
    ]
    yield "\n".join([*lines, *more(len(found) - _MAX_FACTS)])
    evidence = alert.evidence or Evidence()
    yield f"*Who*: {_plain(clean(alert.who, _SUMMARY_CHARS))}" if alert.who else ""
    summary = _plain(clean(evidence.summary, _VALUE_CHARS))
    yield f"*Evidence*: {summary}" if summary else ""
    for table in evidence.tables[:_MAX_TABLES]:
        hidden = more(len(table.rows) - _MAX_ROWS)
        yield "\n".join([_plain(clean(table.title, 100)), *_rows(table), *hidden])
    yield "\n".join(more(len(evidence.tables) - _MAX_TABLES))
    yield _plain(clean(bare_name(alert), _VALUE_CHARS))
    yield "\n".join(f"Note: {_plain(note)}" for note in bounded(notes, _MAX_NOTES, _VALUE_CHARS))


def _rows(table: Table) -> Iterator[str]:
    """Yield the rows with separators between cells, because nothing is aligned."""
    for row in (table.columns, *table.rows[:_MAX_ROWS]):
        yield _plain(" · ".join(clean(cell, _CELL_CHARS) or "-" for cell in row[:_MAX_CELLS]))


def _steps(alert: Alert) -> list[str]:
    """Return what to do, and the links; links that are too long are left out."""
    steps = [
        *map(_plain, bounded(alert.next_steps, _MAX_STEPS // 2, _STEP_CHARS)),
        *(f"{_plain(link.label)}: {link.url}" for link in links(alert, _STEP_CHARS)),
    ]
    return [step for step in steps if len(step) <= _STEP_CHARS][:_MAX_STEPS]


def _plain(text: str) -> str:
    """Replace the markup characters of Slack and Teams by look-alikes."""
    return _LINE_MARKS.sub("·", _UNDERSCORES.sub("ˍ", text.translate(_HARMLESS)))
