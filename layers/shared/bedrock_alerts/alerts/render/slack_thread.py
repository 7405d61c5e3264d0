"""What stands below a Slack message: how the incident goes on, and the evidence."""

from collections.abc import Sequence
from typing import Any, Final

from bedrock_alerts.alerts.model import Alert, Table
from bedrock_alerts.alerts.render.slack import COLOURS, SIGNS, escape, mention
from bedrock_alerts.text import shorten

_LINE_CHARS: Final = 1000
_CELL_CHARS: Final = 40
_MAX_ROWS: Final = 10
_MAX_TABLES: Final = 6
_TABLE_CHARS: Final = 1900


def render_note(
    alert: Alert, mentions: Sequence[str] = (), notes: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the reply that says what has changed, in a line or two."""
    head = f"{SIGNS[alert.tone]} *{escape(alert.status, 100)}* {escape(alert.title, 300)}"
    rest = [escape(text, _LINE_CHARS) for text in (alert.summary, *notes) if text]
    return {
        "text": "\n".join([f"{mention(mentions)}{head}", *rest]),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def render_evidence(alert: Alert) -> dict[str, Any] | None:
    """Return the reply that holds the evidence, None where there is none."""
    found = alert.evidence
    if found is None or not (found.summary or found.tables):
        return None
    blocks: list[dict[str, Any]] = []
    if found.summary:
        text = {"type": "plain_text", "text": escape(found.summary, _LINE_CHARS), "emoji": False}
        blocks.append({"type": "section", "text": text})
    blocks += [
        {"type": "section", "text": {"type": "mrkdwn", "text": _table(table), "verbatim": True}}
        for table in found.tables[:_MAX_TABLES]
    ]
    return {
        "text": "Evidence",
        "attachments": [{"color": COLOURS[alert.tone], "fallback": "Evidence", "blocks": blocks}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _table(table: Table) -> str:
    """Write a table in columns of a fixed width. Backticks would end the code that it stands in."""
    rows = [table.columns, *table.rows[:_MAX_ROWS]]
    cells = [[shorten(cell.replace("`", "'"), _CELL_CHARS) for cell in row] for row in rows]
    count = max(len(row) for row in cells)
    widths = [max(len(row[at]) if at < len(row) else 0 for row in cells) for at in range(count)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in cells
    ]
    shown = escape("\n".join(lines), _TABLE_CHARS)
    title = escape(table.title.replace("`", "'"), 100)
    return f"*{title}*\n```{shown}```"
