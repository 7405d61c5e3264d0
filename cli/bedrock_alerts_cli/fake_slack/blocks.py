"""Shows a Slack payload as safe HTML, and returns the error that Slack would return."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from markupsafe import Markup, escape

from bedrock_alerts import limits

# Block Kit limits that the notifier does not need; the others are in `limits`.
MAX_BLOCKS: Final = 50
MAX_HEADER_TEXT: Final = 150
MAX_CONTEXT_ELEMENTS: Final = 10
MAX_PLACEHOLDER: Final = 150
MAX_OPTIONS: Final = 100
MAX_OPTION_TEXT: Final = 75
MAX_OPTION_VALUE: Final = 150
MAX_ALT_TEXT: Final = 2_000
# Not documented: measured as the limit for all blocks together, about.
MAX_ALL_TEXTS: Final = 13_000
MAX_BLOCK_ID: Final = 255
# Our limit, not Slack's: real messages are far below, and deeper ones could not be shown.
MAX_NESTING: Final = 32

EMOJI: Final[Mapping[str, str]] = {
    "bar_chart": "\N{BAR CHART}",
    "bell": "\N{BELL}",
    "bulb": "\N{ELECTRIC LIGHT BULB}",
    "chart_with_downwards_trend": "\N{CHART WITH DOWNWARDS TREND}",
    "chart_with_upwards_trend": "\N{CHART WITH UPWARDS TREND}",
    "eyes": "\N{EYES}",
    "fire": "\N{FIRE}",
    "grey_question": "\N{WHITE QUESTION MARK ORNAMENT}",
    "hourglass": "\N{HOURGLASS}",
    "information_source": "\N{INFORMATION SOURCE}\N{VARIATION SELECTOR-16}",
    "large_blue_circle": "\N{LARGE BLUE CIRCLE}",
    "large_green_circle": "\N{LARGE GREEN CIRCLE}",
    "large_orange_circle": "\N{LARGE ORANGE CIRCLE}",
    "large_yellow_circle": "\N{LARGE YELLOW CIRCLE}",
    "link": "\N{LINK SYMBOL}",
    "lock": "\N{LOCK}",
    "mag": "\N{LEFT-POINTING MAGNIFYING GLASS}",
    "moneybag": "\N{MONEY BAG}",
    "mute": "\N{SPEAKER WITH CANCELLATION STROKE}",
    "no_bell": "\N{BELL WITH CANCELLATION STROKE}",
    "no_entry": "\N{NO ENTRY}",
    "page_facing_up": "\N{PAGE FACING UP}",
    "question": "\N{BLACK QUESTION MARK ORNAMENT}",
    "red_circle": "\N{LARGE RED CIRCLE}",
    "repeat": "\N{CLOCKWISE RIGHTWARDS AND LEFTWARDS OPEN CIRCLE ARROWS}",
    "rotating_light": "\N{POLICE CARS REVOLVING LIGHT}",
    "shield": "\N{SHIELD}\N{VARIATION SELECTOR-16}",
    "snail": "\N{SNAIL}",
    "warning": "\N{WARNING SIGN}\N{VARIATION SELECTOR-16}",
    "white_check_mark": "\N{WHITE HEAVY CHECK MARK}",
    "white_circle": "\N{MEDIUM WHITE CIRCLE}",
    "x": "\N{CROSS MARK}",
    "zap": "\N{HIGH VOLTAGE SIGN}",
}

_NAMED_COLOURS: Final[Mapping[str, str]] = {
    "good": "#2eb67d",
    "warning": "#daa038",
    "danger": "#d72b3f",
}
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_HTTP_URL: Final = re.compile(r"https?://[^\s\x00-\x1f]+", re.IGNORECASE)

_EMOJI_NAMES: Final = "|".join(map(re.escape, EMOJI))
_SHORT_CODE: Final = re.compile(rf":({_EMOJI_NAMES}):")
_FENCE: Final = re.compile(r"```(.+?)```\n?", re.DOTALL)
# Slack also reads the escaped character as a quote: a leading one cannot be escaped.
_QUOTE: Final = re.compile(r"(?:>|&gt;) ?")
_ANGLE: Final = re.compile(r"<([^<>\n]+)>")
_INLINE: Final = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<angle>[^<>\n]+)>"
    rf"|:(?P<emoji>{_EMOJI_NAMES}):"
    r"|(?P<address>https?://[^\s<>|*~`]+)"
    r"|(?P<mark>[*_~])"
    r"|(?P<newline>\n)"
)
_QUOTED: Final = Markup("<blockquote>{}</blockquote>")
_MARKED: Final[Mapping[str, Markup]] = {
    "*": Markup("<strong>{}</strong>"),
    "_": Markup("<em>{}</em>"),
    "~": Markup("<s>{}</s>"),
}
_MENTION_SIGILS: Final = ("!", "@", "#")
_DATE: Final = re.compile(r"!date\^(-?[0-9]{1,15})\^([^|^]*)(?:\^([^|]*))?(?:\|(.*))?")
_DATE_TOKEN: Final = re.compile(r"\{(\w+)\}")


def render_payload(payload: Mapping[str, object], *, read_at: datetime | None = None) -> Markup:
    """Return a whole message as a channel shows it.

    `read_at` is the reader's time and time zone, for "Today" and local times; without it dates are
    written out, in UTC.
    """
    return _Renderer(read_at).message(payload)


def render_mrkdwn(text: str, *, read_at: datetime | None = None) -> Markup:
    """Show one text written in Slack's markup."""
    return _Renderer(read_at).mrkdwn(text)


def render_plain(text: str, *, emoji: bool = True) -> Markup:
    """Return one text without formatting, where Slack replaces only short codes."""
    if not emoji:
        return escape(_unescape(text))
    return Markup().join(
        # re.split with one group alternates between what is around a match and the match.
        EMOJI[part] if index % 2 else escape(_unescape(part))
        for index, part in enumerate(_SHORT_CODE.split(text))
    )


def payload_problem(payload: object) -> str | None:
    """Return the error of Slack's incoming webhook, or None for a valid payload."""
    if not isinstance(payload, dict) or _nesting(payload) > MAX_NESTING:
        return "invalid_payload"
    # Slack treats null as absent, because most clients send it.
    text = payload.get("text") or ""
    blocks = payload.get("blocks") or []
    attachments = payload.get("attachments") or []
    if not isinstance(text, str) or not isinstance(blocks, list):
        return "invalid_payload"
    if not isinstance(attachments, list) or not all(map(_is_attachment, attachments)):
        return "invalid_payload"
    if not (text or blocks or attachments):
        return "no_text"
    every_block = [*blocks, *(block for item in attachments for block in item.get("blocks") or [])]
    if len(every_block) > MAX_BLOCKS or not all(map(_block_fits, every_block)):
        return "invalid_blocks"
    return "msg_blocks_too_long" if _length_of_texts(every_block) > MAX_ALL_TEXTS else None


@dataclass(frozen=True, slots=True)
class _Renderer:
    """Turns parts of a payload into HTML for one reader; never raises, whatever the JSON."""

    read_at: datetime | None
    # Slack turns addresses in a text into links, unless disabled.
    finds_links: bool = True

    def message(self, payload: Mapping[str, object]) -> Markup:
        blocks = _list(payload.get("blocks"))
        text = _string(payload.get("text"))
        parts: list[Markup] = []
        # With blocks the text is only for notifications; with attachments it is shown.
        if blocks:
            parts.extend(map(self.block, blocks))
        elif text:
            finds_links = payload.get("parse") != "none"
            formatted = replace(self, finds_links=finds_links).mrkdwn
            as_text = render_plain if payload.get("mrkdwn") is False else formatted
            parts.append(Markup('<div class="text">{}</div>').format(as_text(text)))
        parts.extend(map(self.attachment, _list(payload.get("attachments"))))
        return Markup().join(parts)

    def attachment(self, value: object) -> Markup:
        attachment = _mapping(value)
        blocks = _list(attachment.get("blocks"))
        text = _string(attachment.get("text"))
        parts: list[Markup] = []
        if text:
            parts.append(Markup('<div class="text">{}</div>').format(self.mrkdwn(text)))
        parts.extend(map(self.block, blocks))
        if not parts:
            fallback = _string(attachment.get("fallback"))
            parts.append(
                Markup('<div class="text">{}</div>').format(render_plain(fallback))
                if fallback
                else self.unknown(value)
            )
        return Markup('<div class="attachment" style="--bar: {}">{}</div>').format(
            _colour(attachment.get("color")), Markup().join(parts)
        )

    def block(self, value: object) -> Markup:
        draw = _BLOCKS.get(_string(_mapping(value).get("type")))
        return draw(self, _mapping(value)) if draw else self.unknown(value)

    def header(self, block: Mapping[str, object]) -> Markup:
        return Markup('<h3 class="header">{}</h3>').format(self.text(block.get("text")))

    def section(self, block: Mapping[str, object]) -> Markup:
        body: list[Markup] = []
        if block.get("text") is not None:
            body.append(Markup('<div class="text">{}</div>').format(self.text(block["text"])))
        fields = Markup().join(
            Markup('<div class="field">{}</div>').format(self.text(field))
            for field in _list(block.get("fields"))
        )
        if fields:
            body.append(Markup('<div class="fields">{}</div>').format(fields))
        accessory = Markup()
        if block.get("accessory") is not None:
            accessory = Markup('<div class="accessory">{}</div>').format(
                self.element(block["accessory"])
            )
        return Markup('<div class="section"><div class="body">{}</div>{}</div>').format(
            Markup().join(body), accessory
        )

    def context(self, block: Mapping[str, object]) -> Markup:
        elements = Markup().join(
            Markup('<span class="element">{}</span>').format(self.element(element))
            for element in _list(block.get("elements"))
        )
        return Markup('<div class="context">{}</div>').format(elements)

    def divider(self, _block: Mapping[str, object]) -> Markup:
        return Markup("<hr>")

    def actions(self, block: Mapping[str, object]) -> Markup:
        elements = Markup().join(map(self.element, _list(block.get("elements"))))
        return Markup('<div class="actions">{}</div>').format(elements)

    def element(self, value: object) -> Markup:
        element = _mapping(value)
        match element.get("type"):
            case "button":
                return self.button(element)
            case "static_select":
                return self.select(element)
            case "image":
                return self.image(element)
            case "mrkdwn" | "plain_text":
                return self.text(element)
            case _:
                return self.unknown(value)

    def button(self, element: Mapping[str, object]) -> Markup:
        style = element.get("style")
        css = f"button {style}" if style in ("primary", "danger") else "button"
        label = self.text(element.get("text"))
        url = _string(element.get("url"))
        if _HTTP_URL.fullmatch(url):
            return _anchor(url, label, css)
        return Markup('<span class="{}">{}</span>').format(css, label)

    def select(self, element: Mapping[str, object]) -> Markup:
        """Return a closed menu, with its choices as a tooltip."""
        choices = [_mapping(option).get("text") for option in _list(element.get("options"))]
        words = ", ".join(_unescape(_string(_mapping(text).get("text"))) for text in choices)
        label = self.text(element.get("placeholder"))
        return Markup('<span class="button select" title="{}">{}</span>').format(words, label)

    def image(self, element: Mapping[str, object]) -> Markup:
        """Return the name of a picture, which is never fetched: the page loads nothing."""
        return Markup('<span class="image">{}</span>').format(
            _string(element.get("alt_text")) or "image"
        )

    def unknown(self, value: object) -> Markup:
        """Return an unknown element as JSON, in full: hiding it would look like a lost alert."""
        kind = _string(_mapping(value).get("type")) or "untyped"
        try:
            source = json.dumps(value, indent=2, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            source = f"a {type(value).__name__} that is not JSON"
        return Markup(
            '<div class="unknown"><span class="label">not drawn here: {}</span><pre>{}</pre></div>'
        ).format(kind, source)

    def text(self, value: object) -> Markup:
        """Return a text object: only those of type `mrkdwn` are formatted."""
        text = _mapping(value)
        content = text.get("text")
        if not isinstance(content, str):
            return self.unknown(value)
        if text.get("type") == "mrkdwn":
            finds_links = text.get("verbatim") is not True
            return replace(self, finds_links=finds_links).mrkdwn(content)
        return render_plain(content, emoji=text.get("emoji") is not False)

    def mrkdwn(self, text: str) -> Markup:
        parts: list[Markup] = []
        for index, part in enumerate(_FENCE.split(text)):
            if index % 2:
                parts.append(Markup("<pre>{}</pre>").format(self.verbatim(part.strip("\n"))))
            elif part:
                parts.append(self.paragraphs(part))
        return Markup().join(parts)

    def paragraphs(self, text: str) -> Markup:
        """Return adjacent quoted lines as one quote."""
        runs: list[tuple[bool, list[str]]] = []
        for line in text.split("\n"):
            prefix = _QUOTE.match(line)
            content = line[prefix.end() :] if prefix else line
            if runs and runs[-1][0] == bool(prefix):
                runs[-1][1].append(content)
            else:
                runs.append((bool(prefix), [content]))
        parts: list[Markup] = []
        for quoted, lines in runs:
            content = self.inline("\n".join(lines))
            parts.append(_QUOTED.format(content) if quoted else content)
        return Markup().join(parts)

    def inline(self, text: str) -> Markup:
        """Return a formatted line; a mark without a partner is literal."""
        pieces: list[Markup] = []
        # Mark -> index of the piece that may turn out to open it. One per mark is enough: of
        # two openers the later one wins, which also bounds how deep the result can nest.
        openers: dict[str, int] = {}
        position = 0
        for found in _INLINE.finditer(text):
            pieces.append(_literal(text[position : found.start()]))
            position = found.end()
            mark = found["mark"]
            if mark is None:
                pieces.append(self.atom(found))
                if found["newline"]:
                    openers.clear()
                continue
            before, after = text[found.start() - 1 : found.start()], text[position : position + 1]
            start = openers.get(mark)
            closes = bool(before.strip()) and not after.isalnum()
            if closes and start is not None and any(pieces[start + 1 :]):
                pieces[start:] = [_MARKED[mark].format(Markup().join(pieces[start + 1 :]))]
                openers = {key: index for key, index in openers.items() if index < start}
                continue
            pieces.append(escape(mark))
            if after.strip() and not before.isalnum():
                openers[mark] = len(pieces) - 1
        pieces.append(_literal(text[position:]))
        return Markup().join(pieces)

    def atom(self, found: re.Match[str]) -> Markup:
        if found["code"]:
            return Markup("<code>{}</code>").format(self.verbatim(found["code"]))
        if found["angle"]:
            return self.angle(found["angle"])
        if found["emoji"]:
            return escape(EMOJI[found["emoji"]])
        if found["address"]:
            address = _unescape(found["address"])
            return _anchor(address, address) if self.finds_links else escape(address)
        return Markup("<br>")

    def verbatim(self, text: str) -> Markup:
        """Return code; angle brackets in it still work, so an injected mention stays visible."""
        return Markup().join(
            self.angle(part) if index % 2 else _literal(part)
            for index, part in enumerate(_ANGLE.split(text))
        )

    def angle(self, content: str) -> Markup:
        """Show a link, a date or a mention."""
        if date := _DATE.fullmatch(content):
            return self.date(int(date[1]), date[2], date[3] or "", date[4] or "")
        target, _, label = content.partition("|")
        target, label = _unescape(target), _unescape(label)
        if _HTTP_URL.fullmatch(target):
            return _anchor(target, label or target)
        if target.startswith(_MENTION_SIGILS) and not target.startswith("!date^"):
            return _mention(target, label)
        return _literal(f"<{content}>")

    def date(self, epoch: int, pattern: str, url: str, fallback: str) -> Markup:
        read_at = self.read_at or datetime.now(UTC)
        try:
            when = datetime.fromtimestamp(epoch, UTC).astimezone(read_at.tzinfo)
        except (OverflowError, OSError, ValueError):
            return _literal(fallback)
        relative = _relative_day(when, read_at) if self.read_at else None
        words = _date_words(when, relative)
        shown = _DATE_TOKEN.sub(lambda token: words.get(token[1], token[0]), _unescape(pattern))
        time = Markup('<time datetime="{}">{}</time>').format(when.isoformat(), shown)
        url = _unescape(url)
        return _anchor(url, time) if _HTTP_URL.fullmatch(url) else time


_BLOCKS: Final[Mapping[str, Callable[[_Renderer, Mapping[str, object]], Markup]]] = {
    "header": _Renderer.header,
    "section": _Renderer.section,
    "context": _Renderer.context,
    "divider": _Renderer.divider,
    "actions": _Renderer.actions,
    "image": _Renderer.image,
}


def _relative_day(when: datetime, read_at: datetime) -> str | None:
    names = {-1: "Yesterday", 0: "Today", 1: "Tomorrow"}
    return names.get((when.date() - read_at.date()) // timedelta(days=1))


def _date_words(when: datetime, relative: str | None) -> Mapping[str, str]:
    """Return one moment in each format of a Slack date token."""
    full = f"{when:%B} {when.day}, {when.year}"
    short = f"{when:%b} {when.day}, {when.year}"
    long = f"{when:%A}, {full}"
    return {
        "date_num": f"{when:%Y-%m-%d}",
        "date": full,
        "date_short": short,
        "date_long": long,
        "date_pretty": relative or full,
        "date_short_pretty": relative or short,
        "date_long_pretty": relative or long,
        "time": f"{when:%H:%M}",
        "time_secs": f"{when:%H:%M:%S}",
    }


def _anchor(url: str, label: str | Markup, css: str = "link") -> Markup:
    # noreferrer: a link's target should not learn where it was read.
    anchor = Markup('<a class="{}" href="{}" target="_blank" rel="noopener noreferrer">{}</a>')
    return anchor.format(css, url, label)


def _mention(target: str, label: str) -> Markup:
    """Return a mention, highlighted: no alert should ever contain one."""
    sigil = "#" if target.startswith("#") else "@"
    # A label must not hide that the whole channel is mentioned.
    calls_everyone = target in ("!channel", "!here", "!everyone")
    name = (label.lstrip("@#") if label and not calls_everyone else "") or target[1:]
    return Markup('<mark class="mention">{}{}</mark>').format(sigil, name)


def _literal(text: str) -> Markup:
    return escape(_unescape(text))


def _unescape(text: str) -> str:
    """Undo Slack's three escapes and no other entity, the ampersand last so that none is made."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _colour(value: object) -> str:
    """Return a color that cannot leave the style attribute; anything else becomes Slack's gray."""
    colour = _NAMED_COLOURS.get(_string(value), _string(value))
    return colour if _COLOUR.fullmatch(colour) else "#9a9a9a"


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _nesting(value: object) -> int:
    """Return the depth, measured layer by layer, because deep JSON would exhaust recursion."""
    depth, layer = 0, [value]
    while layer:
        depth += 1
        layer = [
            child
            for item in layer
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _length_of_texts(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_length_of_texts(value.get(key)) for key in ("text", "fields", "elements"))
    return sum(map(_length_of_texts, value)) if isinstance(value, list) else 0


def _is_attachment(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("blocks") or [], list)


def _block_fits(value: object) -> bool:
    """Check one block; unknown types pass, because Slack adds types often."""
    block = _mapping(value)
    kind = block.get("type")
    block_id = block.get("block_id", "")
    if not isinstance(kind, str) or not kind:
        return False
    if not isinstance(block_id, str) or len(block_id) > MAX_BLOCK_ID:
        return False
    fits = _FITS.get(kind)
    return fits is None or fits(block)


def _header_fits(block: Mapping[str, object]) -> bool:
    return _text_fits(block.get("text"), MAX_HEADER_TEXT, ("plain_text",))


def _section_fits(block: Mapping[str, object]) -> bool:
    text, fields = block.get("text"), block.get("fields")
    accessory = block.get("accessory")
    return (
        (text is not None or fields is not None)
        and (text is None or _text_fits(text, limits.SLACK_SECTION_CHARS))
        and (
            fields is None
            or (
                _has_elements(fields, limits.SLACK_FIELDS)
                and all(_text_fits(field, limits.SLACK_FIELD_CHARS) for field in _list(fields))
            )
        )
        and (accessory is None or _element_fits(accessory))
    )


def _elements_fit(block: Mapping[str, object], most: int) -> bool:
    elements = block.get("elements")
    return _has_elements(elements, most) and all(map(_element_fits, _list(elements)))


def _context_fits(block: Mapping[str, object]) -> bool:
    return _elements_fit(block, MAX_CONTEXT_ELEMENTS)


def _actions_fit(block: Mapping[str, object]) -> bool:
    return _elements_fit(block, limits.SLACK_BUTTONS)


def _image_fits(block: Mapping[str, object]) -> bool:
    alt = block.get("alt_text")
    return isinstance(alt, str) and 1 <= len(alt) <= MAX_ALT_TEXT


_FITS: Final[Mapping[str, Callable[[Mapping[str, object]], bool]]] = {
    "header": _header_fits,
    "section": _section_fits,
    "context": _context_fits,
    "actions": _actions_fit,
    "image": _image_fits,
}


def _has_elements(value: object, most: int) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= most


def _element_fits(value: object) -> bool:
    element = _mapping(value)
    match element.get("type"):
        case "button":
            url = element.get("url", "")
            return (
                _text_fits(element.get("text"), limits.SLACK_BUTTON_TEXT_CHARS, ("plain_text",))
                and isinstance(url, str)
                and len(url) <= limits.SLACK_URL_CHARS
            )
        case "static_select":
            options = element.get("options")
            return (
                _text_fits(element.get("placeholder"), MAX_PLACEHOLDER, ("plain_text",))
                and _has_elements(options, MAX_OPTIONS)
                and all(map(_option_fits, _list(options)))
            )
        case "mrkdwn" | "plain_text":
            return _text_fits(element, limits.SLACK_SECTION_CHARS)
        case kind:
            return isinstance(kind, str)


def _option_fits(value: object) -> bool:
    option = _mapping(value)
    text, chosen = option.get("text"), option.get("value")
    is_short = isinstance(chosen, str) and 1 <= len(chosen) <= MAX_OPTION_VALUE
    return is_short and _text_fits(text, MAX_OPTION_TEXT, ("plain_text",))


def _text_fits(value: object, most: int, kinds: Sequence[str] = ("plain_text", "mrkdwn")) -> bool:
    text = _mapping(value)
    content = text.get("text")
    return text.get("type") in kinds and isinstance(content, str) and 1 <= len(content) <= most
