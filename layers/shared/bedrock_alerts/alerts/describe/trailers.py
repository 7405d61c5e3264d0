"""Reads the fields that an alarm's owner writes into its description, and checks links."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from bedrock_alerts.alerts.alert import (
    DEFAULT_SEVERITY,
    Severity,
)
from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    StateChange,
)

_SEVERITIES: Final[Mapping[str, Severity]] = {
    "critical": "critical",
    "warning": "warning",
    "info": "info",
}
_TRAILERS: Final = ("severity", "runbook", "team")
# Line breaks as people write them in one-line fields.
_BREAK: Final = re.compile(r"\\r\\n|\\n|</?(?:br|p|div|li|ul|ol)\s*/?>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?(?:b|strong|i|em|code|span)\s*>", re.IGNORECASE)
_MARKUP: Final = r"[*_`]{0,3}"
_NAMED: Final = rf"{_MARKUP}(?P<name>severity|runbook|team){_MARKUP}\s*:{_MARKUP}[ \t]*"
# At the beginning of a line, with any value, after an optional list or heading mark.
_AT_BEGINNING: Final = re.compile(rf"\s*(?:[-+*#>]+\s+)?{_NAMED}", re.IGNORECASE)
# Within a line, only forms that cannot be part of a sentence.
_WITHIN: Final = re.compile(
    rf"(?<![\w/]){_MARKUP}"
    r"(?:(?P<severity>severity)|(?P<runbook>runbook)|(?P<team>(?-i:Team)))"
    rf"{_MARKUP}\s*:{_MARKUP}[ \t]*"
    r"(?(severity)(?=[*_`]{0,3}(?:critical|warning|info)\b)|(?(runbook)(?=[<\[]?\S*https://)))",
    re.IGNORECASE,
)
# The end of a value if more text follows on its line.
_WORD: Final = re.compile(r"[*_`]{0,3}(critical|warning|info)\b[*_`).]*", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"[.;|](?:\s|$)")
_MARKDOWN_LINK: Final = re.compile(r"\[[^\]]*\]\((https://[^)\s]+)\)")
_EDGES: Final = " \t.;,|*_`-"
# A channel refuses a whole message with a bad link, so only plain links are made.
_HTTPS_URL: Final = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]+)?(?:[/?#][!-~]*)?")
_NOT_IN_URLS: Final = frozenset('"<>\\^`{|}')


def severity_of(event: StateChange | ConfigurationChange) -> Severity:
    """Return the severity in an alarm's description or tags, a warning by default."""
    return severity_in(trailers_of(event))


def split_description(description: str) -> tuple[str, dict[str, str]]:
    """Split an alarm's description into its text and its trailers (`Severity: critical`).

    A trailer may be a whole line or part of one, in plain text, Markdown or HTML.
    """
    text: list[str] = []
    trailers: dict[str, str] = {}
    for line in _TAG.sub("", _BREAK.sub("\n", description)).splitlines():
        rest, found = _part(line)
        trailers |= found
        if rest or not found:
            text.append(rest)
    return "\n".join(text).strip(), trailers


def _part(line: str) -> tuple[str, dict[str, str]]:
    """Split one line into its text and its trailers."""
    starts = [
        (found.start(), found.end(), _name(found))
        for found in _WITHIN.finditer(line)
        if line[found.end() :].strip(_EDGES)
    ]
    first = _AT_BEGINNING.match(line)
    if first and line[first.end() :].strip(_EDGES):
        starts = [start for start in starts if start[0] >= first.end()]
        starts.insert(0, (0, first.end(), first["name"].lower()))
    if not starts:
        return line.rstrip(), {}
    texts, found = [line[: starts[0][0]].rstrip(" \t(")], {}
    ends = [*(start for start, _, _ in starts[1:]), len(line)]
    for (_, begin, name), end in zip(starts, ends, strict=True):
        value, rest = _value(name, line[begin:end], is_last=end == len(line))
        found[name] = value
        texts.append(rest)
    return " ".join(part for part in (text.strip(" \t*_`|") for text in texts) if part), found


def _name(found: re.Match[str]) -> str:
    return next(name for name in _TRAILERS if found[name])


def _value(name: str, text: str, *, is_last: bool) -> tuple[str, str]:
    """Split the text after a trailer's name into its value and the rest."""
    if name == "runbook":
        link = _MARKDOWN_LINK.search(text)
        if link:
            return link[1], text[link.end() :].strip(_EDGES)
        if text.lstrip("<").startswith("https://") and not is_last:
            url, _, rest = text.partition(" ")
            return url.strip("<>").rstrip(_EDGES), rest.strip(_EDGES)
        text = text.strip(_EDGES)
        return text.removeprefix("<").removesuffix(">") if text.startswith("<") else text, ""
    word = _WORD.match(text) if name == "severity" else None
    if word:
        return word[1], text[word.end() :].strip(_EDGES)
    end = _SENTENCE.search(text)
    if end is None:
        return text.strip(_EDGES), ""
    return text[: end.start()].strip(_EDGES), text[end.end() :].strip()


def trailers_of(event: StateChange | ConfigurationChange) -> dict[str, str]:
    """Return the facts of the description; an alarm's tags add what it does not say."""
    tags = event.tags if isinstance(event, StateChange) else ()
    named = {name.lower(): value for name, value in tags if value}
    of_tags = {name: named[name] for name in _TRAILERS if name in named}
    return of_tags | split_description(event.description)[1]


def severity_in(trailers: Mapping[str, str]) -> Severity:
    """Return the severity in trailers, a warning if it is missing or unknown."""
    return _SEVERITIES.get(trailers.get("severity", "").lower(), DEFAULT_SEVERITY)


def key_of(*parts: str) -> str:
    """Return a short key for these parts."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def is_link(text: str) -> bool:
    """Whether a text can be linked to from any channel."""
    return bool(_HTTPS_URL.fullmatch(text)) and _NOT_IN_URLS.isdisjoint(text)
