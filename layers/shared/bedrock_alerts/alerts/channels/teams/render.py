"""An alert as an Adaptive Card for a workflow of Microsoft Teams.

Text from outside is placed in text runs, which have no markup.
https://adaptivecards.io/explorer/RichTextBlock.html
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from bedrock_alerts.alerts.alert import Alert, Evidence, Tone
from bedrock_alerts.alerts.channels.layout import (
    bare_name,
    bounded,
    headline,
    in_columns,
    links,
    more,
    rows,
)
from bedrock_alerts.alerts.formatting import spot
from bedrock_alerts.limits import TEAMS_CARD_BYTES
from bedrock_alerts.text import clean, clean_lines

_MAX_BUTTONS: Final = 6
_MAX_NOTES: Final = 3
_MAX_STEPS: Final = 6
_MAX_TABLES: Final = 4
_TITLE_CHARS: Final = 300
# The styles that color a container of a card.
_STYLES: Final[dict[Tone, str]] = {
    "critical": "attention",
    "warning": "warning",
    "info": "accent",
    "ok": "good",
    "unknown": "emphasis",
}


class _Room(NamedTuple):
    """Size limits: characters of a text, facts, rows of a table."""

    text: int
    value: int
    table: int
    url: int
    facts: int
    rows: int


# A card that is too large is rendered again with smaller limits. The first fit real alerts.
_ROOMS: Final = (
    _Room(text=3000, value=450, table=2000, url=2000, facts=20, rows=10),
    _Room(text=800, value=200, table=800, url=1500, facts=20, rows=3),
    _Room(text=150, value=50, table=150, url=300, facts=8, rows=1),
)


def render(alert: Alert, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the message that carries the card, within the size limit of Teams."""
    message: dict[str, Any] = {}
    for room in _ROOMS:
        message = _message(alert, notes, room)
        if len(msgspec.json.encode(message)) <= TEAMS_CARD_BYTES:
            break
    return message


def _message(alert: Alert, notes: Sequence[str], room: _Room) -> dict[str, Any]:
    where, name = clean(spot(alert), 100), clean(bare_name(alert), _TITLE_CHARS)
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": headline(alert, _TITLE_CHARS),
        "body": [
            {
                "type": "Container",
                "style": _STYLES[alert.tone],
                "bleed": True,
                "items": [
                    _line(
                        _run(headline(alert, _TITLE_CHARS), weight="Bolder", size="Medium"),
                        *([_run(f" · {where}", size="Medium")] if where else []),
                    )
                ],
            },
            *_texts(alert, room),
            *(_line(_run(note, isSubtle=True)) for note in bounded(notes, _MAX_NOTES, 300)),
            *([_line(_run(name, isSubtle=True, size="Small"))] if name else []),
        ],
        "actions": [
            {"type": "Action.OpenUrl", "title": link.label, "url": link.url}
            for link in links(alert, room.url)[:_MAX_BUTTONS]
        ],
    }
    return {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": card,
            }
        ],
    }


def _texts(alert: Alert, room: _Room) -> Iterator[dict[str, Any]]:
    for line in clean_lines(alert.summary, room.text).splitlines():
        yield _line(_run(line))
    yield from _facts(alert, room)
    steps = bounded(alert.next_steps, _MAX_STEPS, room.value)
    if steps:
        yield _line(_run("What to do", weight="Bolder"))
        yield from (_near(_run(f"{number}. {step}")) for number, step in enumerate(steps, 1))
    if alert.who:
        yield _line(_run("Who: ", weight="Bolder"), _run(clean(alert.who, room.text)))
    yield from _evidence(alert.evidence or Evidence(), room)


def _facts(alert: Alert, room: _Room) -> Iterator[dict[str, Any]]:
    found = list(rows(alert))
    for number, row in enumerate(found[: room.facts]):
        label = _run(f"{clean(row.label, 60)}: ", weight="Bolder")
        line = (label, _run(clean(row.value, room.value)))
        yield _near(*line) if number else _line(*line)
    yield from (_near(_run(text)) for text in more(len(found) - room.facts))


def _evidence(evidence: Evidence, room: _Room) -> Iterator[dict[str, Any]]:
    if evidence.summary:
        yield _line(_run("Evidence: ", weight="Bolder"), _run(clean(evidence.summary, room.text)))
    for table in evidence.tables[:_MAX_TABLES]:
        yield _line(_run(clean(table.title, 100), weight="Bolder"))
        lines = in_columns(table, room.rows, room.table)
        yield from (_near(_run(_kept(line), fontType="Monospace")) for line in lines)
    yield from (_line(_run(text)) for text in more(len(evidence.tables) - _MAX_TABLES))


def _kept(line: str) -> str:
    """Keep spaces that align columns from being collapsed."""
    return line.replace("  ", "\N{NO-BREAK SPACE} ")


def _line(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _near(*runs: dict[str, Any]) -> dict[str, Any]:
    """Return a line without space above it."""
    return {**_line(*runs), "spacing": "None"}


def _run(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text or "-", **style}
