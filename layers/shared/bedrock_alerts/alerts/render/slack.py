"""An alert as a Slack message: a line of text, and an attachment that gives it a colour bar.

Only `&`, `<` and `>` can be escaped in Slack's mrkdwn; that takes the power from mentions and
masked links. Text from outside stands in `plain_text` objects, which know no formatting at all.
https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from bedrock_alerts.alerts.describe import place, time_label, utc
from bedrock_alerts.alerts.model import Alert, Tone
from bedrock_alerts.limits import (
    SLACK_BUTTON_TEXT_CHARS,
    SLACK_BUTTONS,
    SLACK_FIELDS,
    SLACK_SECTION_CHARS,
    SLACK_TEXT_CHARS,
    SLACK_URL_CHARS,
)
from bedrock_alerts.text import shorten

# Together these stay below SLACK_BLOCKS_CHARS, however many fields and buttons there are.
_SUMMARY_CHARS: Final = SLACK_SECTION_CHARS
_REASON_CHARS: Final = 2000
_LABEL_CHARS: Final = 40
_VALUE_CHARS: Final = 450
_NOTE_CHARS: Final = 200
_MAX_NOTES: Final = 3
_MAX_MENTIONS: Final = 10
# A user's or a user group's.
_SLACK_ID: Final = re.compile(r"[UWS][A-Z0-9]{5,20}")

COLOURS: Final[dict[Tone, str]] = {
    "critical": "#d0021b",
    "warning": "#e8912d",
    "info": "#2f7ed8",
    "ok": "#2eb67d",
    "unknown": "#8d8d8d",
}
SIGNS: Final[dict[Tone, str]] = {
    "critical": ":rotating_light:",
    "warning": ":warning:",
    "info": ":information_source:",
    "ok": ":white_check_mark:",
    "unknown": ":grey_question:",
}


def render(alert: Alert, mentions: Sequence[str] = (), notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return a message: what an incoming webhook takes, and a bot with a channel's id beside it.

    Slack shows `text` above the attachment, and alone on phones and to screen readers. `mentions`
    call people there, `notes` about the telling stand first in the attachment.
    """
    status, title = escape(alert.status, 100), escape(alert.title, SLACK_TEXT_CHARS // 2)
    blocks = [
        *_notes(notes),
        *_section(alert.summary),
        *_fields(alert),
        *_reason(alert.reason),
        *_buttons(alert),
    ]
    return {
        "text": f"{mention(mentions)}{SIGNS[alert.tone]} *{status}* {title}",
        "attachments": [
            {"color": COLOURS[alert.tone], "fallback": f"{status}: {title}", "blocks": blocks}
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def render_plainly(alert: Alert, mentions: Sequence[str] = ()) -> dict[str, Any]:
    """Return the message without anything that Slack could find fault with, in its place."""
    text = f"{alert.status}: {alert.title}"
    text = f"{mention(mentions)}{escape(text, 300)}\n{escape(alert.summary, 1500)}"
    return {"text": text.strip(), "unfurl_links": False, "unfurl_media": False}


def mention(mentions: Sequence[str]) -> str:
    """Write down who is called; what is neither a keyword nor an id of Slack's calls nobody."""
    called = [_call(name) for name in mentions[:_MAX_MENTIONS]]
    return "".join(f"{call} " for call in called if call)


def _call(name: str) -> str:
    if name in ("here", "channel", "everyone"):
        return f"<!{name}>"
    if not _SLACK_ID.fullmatch(name):
        return ""
    return f"<!subteam^{name}>" if name.startswith("S") else f"<@{name}>"


def _notes(notes: Sequence[str]) -> list[dict[str, Any]]:
    texts = [_plain(note, _NOTE_CHARS) for note in notes[:_MAX_NOTES] if note]
    return [{"type": "context", "elements": texts}] if texts else []


def _section(text: str) -> list[dict[str, Any]]:
    if not text:
        return []
    return [{"type": "section", "text": _plain(text, _SUMMARY_CHARS)}]


def _fields(alert: Alert) -> list[dict[str, Any]]:
    where = place(alert)
    fields = [("Where", escape(where, _VALUE_CHARS))] if where else []
    if alert.at is not None:
        stamp = int(alert.at.timestamp())
        written = f"<!date^{stamp}^{{date_short_pretty}} {{time_secs}}|{utc(alert.at)}>"
        fields.append((time_label(alert), written))
    fields += [(fact.label, escape(fact.value, _VALUE_CHARS)) for fact in alert.facts]
    if not fields:
        return []
    return [
        {
            "type": "section",
            "fields": [
                # Verbatim: Slack makes no links and mentions of its own out of what stands there.
                {
                    "type": "mrkdwn",
                    "text": f"*{escape(label, _LABEL_CHARS)}*\n{text}",
                    "verbatim": True,
                }
                for label, text in fields[:SLACK_FIELDS]
            ],
        }
    ]


def _reason(reason: str) -> list[dict[str, Any]]:
    if not reason:
        return []
    return [{"type": "context", "elements": [_plain(reason, _REASON_CHARS)]}]


def _buttons(alert: Alert) -> list[dict[str, Any]]:
    links = [link for link in alert.links if len(link.url) <= SLACK_URL_CHARS]
    if not links:
        return []
    buttons = [
        {
            "type": "button",
            "text": _plain(link.label, SLACK_BUTTON_TEXT_CHARS),
            "url": link.url,
            "action_id": f"open-{number}",
        }
        for number, link in enumerate(links[:SLACK_BUTTONS])
    ]
    return [{"type": "actions", "elements": buttons}]


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escape(text, limit), "emoji": False}


def escape(text: str, limit: int) -> str:
    """Escape what Slack interprets, and cut so that no escape is torn and the limit holds."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    while len(escaped) > limit:
        text = shorten(text, len(text) - max(1, (len(escaped) - limit) // 5))
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped
