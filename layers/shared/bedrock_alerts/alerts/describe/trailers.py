"""What an alarm's owner has written into its description for us, and what may be linked to."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from bedrock_alerts.alerts.model import (
    DEFAULT_SEVERITY,
    ConfigurationChange,
    Severity,
    StateChange,
)

_SEVERITIES: Final[Mapping[str, Severity]] = {
    "critical": "critical",
    "warning": "warning",
    "info": "info",
}
_TRAILERS: Final = ("severity", "runbook", "team")
# A link that a channel would refuse takes the whole message with it, so only plain ones are made.
_HTTPS_URL: Final = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]+)?(?:[/?#][!-~]*)?")
_NOT_IN_URLS: Final = frozenset('"<>\\^`{|}')


def severity_of(event: StateChange | ConfigurationChange) -> Severity:
    """Return the severity that an alarm's description or tags name, a warning where none does."""
    return severity_in(trailers_of(event))


def split_description(description: str) -> tuple[str, dict[str, str]]:
    """Part an alarm's description into what it says and its trailers (`Severity: critical`)."""
    text: list[str] = []
    trailers: dict[str, str] = {}
    for line in description.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip().lower() in _TRAILERS and value.strip():
            trailers[name.strip().lower()] = value.strip()
        else:
            text.append(line)
    return "\n".join(text).strip(), trailers


def trailers_of(event: StateChange | ConfigurationChange) -> dict[str, str]:
    """Return the facts of the description; an alarm's tags add what it does not say."""
    tags = event.tags if isinstance(event, StateChange) else ()
    named = {name.lower(): value for name, value in tags if value}
    of_tags = {name: named[name] for name in _TRAILERS if name in named}
    return of_tags | split_description(event.description)[1]


def severity_in(trailers: Mapping[str, str]) -> Severity:
    """Return the severity that trailers name, a warning where they name none we know."""
    return _SEVERITIES.get(trailers.get("severity", "").lower(), DEFAULT_SEVERITY)


def key_of(*parts: str) -> str:
    """Return a short key for what these parts make up."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def is_link(text: str) -> bool:
    """Whether a text can be linked to from any channel."""
    return bool(_HTTPS_URL.fullmatch(text)) and _NOT_IN_URLS.isdisjoint(text)
