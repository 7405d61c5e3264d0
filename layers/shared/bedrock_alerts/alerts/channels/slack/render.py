"""An alert as a Slack message: blocks, and an attachment for the color bar.

Text from outside has no effect anywhere: `&`, `<` and `>` are escaped, which disables mentions,
dates and masked links; `parse` and `verbatim` keep Slack from adding links; formatting marks are
replaced by look-alike characters. Most of it is in `plain_text` objects, which have no formatting.
https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from bedrock_alerts.alerts.alert import (
    Alert,
    Evidence,
    Link,
    Table,
    Tone,
)
from bedrock_alerts.alerts.button_presses import Button, buttons, undo_buttons
from bedrock_alerts.alerts.channels.layout import (
    When,
    bounded,
    facts,
    headline,
    in_columns,
    is_own,
    links,
    push_line,
    when,
)
from bedrock_alerts.alerts.describe import place, utc
from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.formatting import STANDING, spot
from bedrock_alerts.limits import (
    SLACK_BLOCKS_CHARS,
    SLACK_BUTTON_TEXT_CHARS,
    SLACK_FIELDS,
    SLACK_SECTION_CHARS,
    SLACK_TEXT_CHARS,
    SLACK_URL_CHARS,
)
from bedrock_alerts.text import clean, clean_lines, shorten

_LABEL_CHARS: Final = 40
_MAX_NOTES: Final = 3
_MAX_STEPS: Final = 6
_MAX_TABLES: Final = 6
_MAX_LINKS: Final = 8
_HEADLINE_CHARS: Final = 400
_PLACE_CHARS: Final = 150
# The characters that end one of our links, or its address.
_IN_ADDRESSES: Final = str.maketrans({"|": "%7C", "<": "%3C", ">": "%3E"})
_LINKS_CHARS: Final = 2900
# The most mentions in a message: more would be noise.
_MAX_MENTIONS: Final = 10
_SLACK_ID: Final = re.compile(r"[UWS][A-Z0-9]{5,20}")
_TO_BE_ANSWERED: Final = STANDING | {"no_data", "acknowledged", "silenced"}
# Slack's marks for bold, strikethrough and code; an underscore only where a word begins or ends, so
# that names can still be copied.
_LOOK_ALIKES: Final = str.maketrans({"*": "∗", "~": "∼", "`": "'"})  # noqa: RUF001 - on purpose
_QUOTE: Final = re.compile(r"\A>")
_UNDERSCORES: Final = re.compile(r"(?<![^\W_])_|_(?![^\W_])")

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
# No automatic links in the message or its blocks, and no link previews.
HARMLESS: Final[dict[str, Any]] = {"parse": "none", "unfurl_links": False, "unfurl_media": False}


class _Room(NamedTuple):
    """Size limits: characters of a text, facts, rows of a table."""

    summary: int = SLACK_SECTION_CHARS
    value: int = 450
    step: int = 400
    reason: int = 1100
    table: int = 1800
    note: int = 250
    url: int = SLACK_URL_CHARS
    facts: int = 2 * SLACK_FIELDS
    rows: int = 6


# A message that is too large is rendered again with smaller limits. The first fit real alerts.
_ROOMS: Final = (
    _Room(),
    _Room(summary=2000, value=150, step=200, reason=500, table=900, url=1500, rows=3),
    _Room(60, 60, 60, 60, table=200, note=60, url=300, facts=SLACK_FIELDS, rows=1),
)


def render(
    alert: Alert,
    mentions: Sequence[str] = (),
    notes: Sequence[str] = (),
    *,
    has_thread: bool = False,
    is_answered: bool = False,
) -> dict[str, Any]:
    """Return a message for an incoming webhook, or for a bot together with a channel ID.

    `text` is for phones and screen readers. `mentions` notify people. With `has_thread` the tables
    of the evidence are left out, because they follow in the thread. `is_answered` says that an app
    handles its buttons: without one, Slack warns at every button, so links are text.
    """
    blocks: list[dict[str, Any]] = []
    for room in _ROOMS:
        blocks = [
            {"type": "section", "text": formatted(f"{mention(mentions)}{head(alert)}")},
            *_section(clean_lines(alert.summary, room.summary).strip(), room.summary),
            *_fields(alert, room),
            *_steps(alert.next_steps, room),
            *_labelled("Who", alert.who, room.reason),
            *_evidence(alert.evidence or Evidence(), room, 0 if has_thread else _MAX_TABLES),
            *_context(notes[:_MAX_NOTES], room.note),
            *_links(alert, room, is_answered=is_answered),
        ]
        if len(msgspec.json.encode(blocks).decode()) <= SLACK_BLOCKS_CHARS:
            break
    line = mrkdwn(push_line(alert), SLACK_TEXT_CHARS // 2)
    last = {"type": "context", "elements": [formatted(_name(alert))]}
    return {
        "text": f"{mention(mentions)}{line}",
        "blocks": blocks,
        "attachments": [{"color": COLOURS[alert.tone], "fallback": line, "blocks": [last]}],
        **HARMLESS,
    }


def head(alert: Alert) -> str:
    """Return the headline: `🚨 *Critical: 14 prompt attacks blocked in 5 min* · prod eu-west-1`."""
    where = spot(alert)
    text = f"{SIGNS[alert.tone]} *{mrkdwn(headline(alert, _HEADLINE_CHARS), _HEADLINE_CHARS)}*"
    return f"{text} · {mrkdwn(where, _PLACE_CHARS)}" if where else text


def _name(alert: Alert) -> str:
    """Return the alarm's name, as a link to the alarm if there is one."""
    name = mrkdwn(alert.title, 2 * _PLACE_CHARS)
    own = [link for link in alert.links if is_own(alert, link)]
    found = links(msgspec.structs.replace(alert, links=tuple(own)), _LINKS_CHARS // 2)
    return _linked(found[0], name) if found else name


def _linked(link: Link, label: str) -> str:
    """Return a link; `label` must be escaped."""
    url = link.url.translate(_IN_ADDRESSES).replace("&", "&amp;")
    return f"<{url}|{label.replace('|', '¦')}>"


def render_plainly(alert: Alert, mentions: Sequence[str] = ()) -> dict[str, Any]:
    """Return a plain message to send if Slack refuses the formatted one."""
    lines = [mrkdwn(alert.summary, 1500)] if alert.summary else []
    return {"text": "\n".join([f"{mention(mentions)}{head(alert)}", *lines]), **HARMLESS}


def mention(mentions: Sequence[str]) -> str:
    """Return the mentions; only keywords and Slack IDs count."""
    called = [_call(name) for name in mentions[:_MAX_MENTIONS]]
    return "".join(f"{call} " for call in called if call)


def _call(name: str) -> str:
    if name in ("here", "channel", "everyone"):
        return f"<!{name}>"
    if not _SLACK_ID.fullmatch(name):
        return ""
    return f"<!subteam^{name}>" if name.startswith("S") else f"<@{name}>"


def _section(text: str, chars: int) -> list[dict[str, Any]]:
    return [{"type": "section", "text": plain(text, chars)}] if text else []


def _fields(alert: Alert, room: _Room) -> list[dict[str, Any]]:
    """Return labels and values in two columns, at most ten in a block."""
    time = when(alert)
    found = [
        (mrkdwn(fact.label, _LABEL_CHARS), mrkdwn(fact.value, room.value)) for fact in facts(alert)
    ]
    if time is not None:
        has_value = bool(alert.facts) and alert.facts[0].label == "Value"
        found.insert(int(has_value), (time.label, _date(time)))
    if alert.account_alias and alert.account_id:
        found.append(("Account", mrkdwn(place(alert), room.value)))
    hidden = len(found) - room.facts
    if hidden > 0:
        found[room.facts - 1 :] = [("And", f"{hidden + 1} more")]
    fields = [formatted(f"*{label}*\n{value}") for label, value in found]
    return [
        {"type": "section", "fields": fields[first : first + SLACK_FIELDS]}
        for first in range(0, len(fields), SLACK_FIELDS)
    ]


def _date(time: When) -> str:
    """Return a time that Slack shows in the reader's time zone, without repeating the day."""
    start = _moment(time.start, "{date_short_pretty} {time}")
    if time.end is None:
        return start
    is_soon = time.end - time.start < timedelta(days=1)
    form = "{time}" if is_soon else "{date_short_pretty} {time}"
    return f"{start} to {_moment(time.end, form)}"


def _moment(at: datetime, form: str) -> str:
    return f"<!date^{int(at.timestamp())}^{form}|{utc(at)}>"


def _steps(steps: Sequence[str], room: _Room) -> list[dict[str, Any]]:
    if not steps:
        return []
    lines = [mrkdwn(step, room.step) for step in bounded(steps, _MAX_STEPS, room.step)]
    listed = "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))
    return [{"type": "section", "text": formatted(f"*What to do*\n{listed}")}]


def _labelled(label: str, text: str, chars: int) -> list[dict[str, Any]]:
    if not text:
        return []
    return [{"type": "section", "text": formatted(f"*{label}*\n{mrkdwn(text, chars)}")}]


def _evidence(evidence: Evidence, room: _Room, most: int) -> list[dict[str, Any]]:
    return [
        *_labelled("Evidence", evidence.summary, room.reason),
        *(table(item, room.rows, room.table) for item in evidence.tables[:most]),
    ]


def table(found: Table, max_rows: int, chars: int) -> dict[str, Any]:
    """Return the block that shows a table, in a fixed width, in about `chars` characters."""
    # Backticks would end the code block around the lines.
    lines = "\n".join(in_columns(found, max_rows, chars)).replace("`", "'")
    text = f"*{mrkdwn(found.title, 100)}*\n```{escape(lines, chars)}```"
    return {"type": "section", "text": formatted(text)}


def _context(texts: Sequence[str], chars: int) -> list[dict[str, Any]]:
    found = [plain(text, chars) for text in (clean(text, chars) for text in texts) if text]
    return [{"type": "context", "elements": found}] if found else []


def answers(alert: Alert) -> list[dict[str, Any]]:
    """Return the buttons of an alarm that is firing: acknowledge, silence, and their undo."""
    if not alert.incident or alert.kind not in _TO_BE_ANSWERED:
        return []
    alarm = incident_id(alert.incident)
    acknowledge, *silences = buttons(alarm, alert.number)
    undo, end = undo_buttons(alarm, alert.number)
    is_acknowledged = alert.kind == "acknowledged" or any(
        fact.label == "Acknowledged by" for fact in alert.facts
    )
    choice: dict[str, Any] = {
        "type": "static_select",
        "placeholder": plain("Silence …", SLACK_BUTTON_TEXT_CHARS),
        "options": [
            {"text": plain(item.label, SLACK_BUTTON_TEXT_CHARS), "value": item.value}
            for item in silences
        ],
        "action_id": "silence",
    }
    return [
        _button(undo, "unacknowledge") if is_acknowledged else _button(acknowledge, "acknowledge"),
        _button(end, "unsilence") if alert.kind == "silenced" else choice,
    ]


def _button(button: Button, action_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "button",
        "text": plain(button.label, SLACK_BUTTON_TEXT_CHARS),
        "value": button.value,
        "action_id": action_id,
    }
    return found | ({"style": "primary"} if action_id == "acknowledge" else {})


def _links(alert: Alert, room: _Room, *, is_answered: bool) -> list[dict[str, Any]]:
    """Return the blocks with buttons and links; the alarm's own link is its name, below."""
    found = [link for link in links(alert, room.url) if not is_own(alert, link)][:_MAX_LINKS]
    if is_answered:
        buttons = [
            {
                "type": "button",
                "text": plain(link.label, SLACK_BUTTON_TEXT_CHARS),
                "url": link.url,
                "action_id": f"open-{number}",
            }
            for number, link in enumerate(found)
        ]
        return actions([*answers(alert), *buttons])
    texts: list[str] = []
    for link in found:
        text = _linked(link, mrkdwn(link.label, SLACK_BUTTON_TEXT_CHARS))
        if sum(map(len, texts)) + 3 * len(texts) + len(text) <= _LINKS_CHARS:
            texts.append(text)
    return [{"type": "section", "text": formatted(" | ".join(texts))}] if texts else []


def actions(elements: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the block with the buttons, none if there are no buttons."""
    return [{"type": "actions", "elements": list(elements)}] if elements else []


def plain(text: str, chars: int) -> dict[str, Any]:
    """Return a text object that Slack shows literally."""
    return {"type": "plain_text", "text": escape(text, chars) or "-", "emoji": False}


def formatted(text: str) -> dict[str, Any]:
    """Return a text object with formatting; all other text in it must be escaped.

    Verbatim: Slack adds no links or mentions to it.
    """
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def mrkdwn(text: str, chars: int) -> str:
    """Return one line of outside text that has no effect in formatted text."""
    dead = _UNDERSCORES.sub("ˍ", clean(text, chars).translate(_LOOK_ALIKES))
    return escape(_QUOTE.sub("\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}", dead), chars) or "-"


def escape(text: str, limit: int) -> str:
    """Escape what Slack interprets, and cut to the limit without breaking an escape."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    while len(escaped) > limit:
        text = shorten(text, len(text) - max(1, (len(escaped) - limit) // 5))
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped
