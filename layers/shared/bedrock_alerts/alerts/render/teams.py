"""An alert as an Adaptive Card for a workflow of Microsoft Teams.

Text from outside stands in text runs, which know no markup at all.
https://adaptivecards.io/explorer/RichTextBlock.html
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from bedrock_alerts.alerts.describe import place, time_label, utc
from bedrock_alerts.alerts.model import Alert, Tone
from bedrock_alerts.limits import TEAMS_CARD_BYTES
from bedrock_alerts.text import shorten

# The longest text of a card: what is too large as a whole is written shorter, and shorter again.
_TEXT_CHARS: Final = (3000, 800, 200, 40)
_MAX_FACTS: Final = 20
_MAX_STEPS: Final = 5
_MAX_BUTTONS: Final = 6
_MAX_URL_CHARS: Final = 2000
_COLOURS: Final[dict[Tone, str]] = {
    "critical": "Attention",
    "warning": "Warning",
    "info": "Accent",
    "ok": "Good",
    "unknown": "Default",
}


def render(alert: Alert, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the message that carries the card, within what Teams takes."""
    message: dict[str, Any] = {}
    for chars in _TEXT_CHARS:
        message = _message(alert, notes, chars)
        if len(msgspec.json.encode(message)) <= TEAMS_CARD_BYTES:
            break
    return message


def _message(alert: Alert, notes: Sequence[str], chars: int) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [
            *(_block(_run(note, min(chars, 300), isSubtle=True)) for note in notes[:3]),
            _block(
                _run(alert.status, 100, weight="Bolder", color=_COLOURS[alert.tone]),
                _run(f"  {alert.title}", min(chars, 300), weight="Bolder"),
            ),
            *_texts(alert, chars),
        ],
        "actions": [
            {"type": "Action.OpenUrl", "title": shorten(link.label, 60), "url": link.url}
            for link in alert.links
            if len(link.url) <= min(_MAX_URL_CHARS, 10 * chars)
        ][:_MAX_BUTTONS],
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


def _texts(alert: Alert, chars: int) -> list[dict[str, Any]]:
    where = place(alert)
    facts = [("Where", where)] if where else []
    if alert.at is not None:
        facts.append((time_label(alert), utc(alert.at)))
    facts += [(fact.label, fact.value) for fact in alert.facts[:_MAX_FACTS]]
    blocks = [_block(_run(alert.summary, chars))] if alert.summary else []
    blocks += [
        _block(
            _run(f"{label}: ", 60, weight="Bolder"),
            _run(value, min(chars, 450)),
        )
        for label, value in facts
    ]
    blocks += [_block(_run(f"→ {step}", min(chars, 450))) for step in alert.next_steps[:_MAX_STEPS]]
    if alert.reason:
        blocks.append(_block(_run(alert.reason, chars, isSubtle=True)))
    return blocks


def _block(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, limit: int, **style: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": shorten(text, limit), **style}
