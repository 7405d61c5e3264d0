"""Replies in the thread of a Slack message: later changes of the incident, and the evidence."""

from collections.abc import Sequence
from typing import Any, Final

from bedrock_alerts.alerts.alert import Alert
from bedrock_alerts.alerts.channels.slack.render import (
    COLOURS,
    HARMLESS,
    actions,
    answers,
    head,
    mention,
    mrkdwn,
    plain,
    table,
)
from bedrock_alerts.text import clean

_LINE_CHARS: Final = 700
_MAX_ROWS: Final = 10
_MAX_TABLES: Final = 6
_TABLE_CHARS: Final = 1200
# These need someone to act, so they include the links and what to do.
_ASKS: Final = frozenset({"contributors", "escalated", "still_firing", "undelivered"})


def render_note(
    alert: Alert,
    mentions: Sequence[str] = (),
    notes: Sequence[str] = (),
    *,
    is_answered: bool = False,
) -> dict[str, Any]:
    """Return the reply that says what has changed, in a line or two."""
    new = [f"{fact.label}: {fact.value}" for fact in alert.facts if fact.label == "New"]
    said = (*alert.summary.splitlines()[:1], *new, *notes[:3])
    rest = [mrkdwn(text, _LINE_CHARS) for text in said if text]
    text = "\n".join([f"{mention(mentions)}{head(alert)}", *rest])
    asked = actions(answers(alert)) if is_answered and alert.kind in _ASKS else []
    attachment = {"color": COLOURS[alert.tone], "fallback": "Answers", "blocks": asked}
    return {"text": text, **({"attachments": [attachment]} if asked else {}), **HARMLESS}


def render_evidence(alert: Alert) -> dict[str, Any] | None:
    """Return the reply with the evidence, None if there is none."""
    found = alert.evidence
    if found is None or not (found.summary or found.tables):
        return None
    blocks: list[dict[str, Any]] = []
    if found.summary:
        text = plain(clean(found.summary, _LINE_CHARS), _LINE_CHARS)
        blocks.append({"type": "section", "text": text})
    blocks += [table(item, _MAX_ROWS, _TABLE_CHARS) for item in found.tables[:_MAX_TABLES]]
    if alert.reason:
        small = plain(clean(f"CloudWatch: {alert.reason}", _LINE_CHARS), _LINE_CHARS)
        blocks.append({"type": "context", "elements": [small]})
    return {
        "text": "Evidence",
        "attachments": [{"color": COLOURS[alert.tone], "fallback": "Evidence", "blocks": blocks}],
        **HARMLESS,
    }
