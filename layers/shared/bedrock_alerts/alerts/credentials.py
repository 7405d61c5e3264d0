"""Reads a channel's secret: one text, or a JSON object with an entry for each target.

`https://…` or `{"default": "https://…", "payments": "https://…"}`. An entry is a text or an object
of texts. Blanks, quotes and a byte order mark from pasting or shells are removed. In the console's
key/value form, a single key may have any name. Errors never repeat a part of a secret.
"""

import string
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

import msgspec

from bedrock_alerts.errors import CredentialError, PermanentError

_DEFAULT: Final = "default"
_SIGNING_SECRET: Final = "signing_secret"  # noqa: S105 - the name of a key
# Names with a meaning: none of them is used for another.
_FIELDS: Final = frozenset({"routing_key", "secret", _SIGNING_SECRET, "token", "url"})
_BLANKS: Final = string.whitespace + "\ufeff\u200b\xa0"
_QUOTES: Final = "\"'"
_MAX_WRAPPINGS: Final = 4
T = TypeVar("T")


class SecretPort(Protocol):
    """Reads a secret."""

    def text(self, *, fresh: bool = False) -> str:
        """Return it, or raise TransientError; `fresh` bypasses the cache."""


def with_secret(secret: SecretPort, use: Callable[[str], T]) -> T:
    """Use a secret; if it is refused, retry once with a fresh copy if that differs."""
    text = secret.text()
    try:
        return use(text)
    except CredentialError:
        renewed = secret.text(fresh=True)
        if renewed == text:
            raise
    return use(renewed)


def entry(text: str, target: str, *, main: str, needs: tuple[str, ...] = ()) -> Mapping[str, str]:
    """Return a target's entry of a secret; an empty target means `default`.

    A text alone is the value of the key `main`; `needs` are other required keys. Raises
    CredentialError with the missing keys and the required form.
    """
    fields = _of_target(_read(text), target, main)
    missing = [key for key in (main, *needs) if not fields.get(key)]
    if missing:
        raise CredentialError(
            f"the secret has no {' and no '.join(missing)}{_for(target)}: "
            f"it must be {_form(target, main, needs)}"
        )
    return fields


def signing_secret(text: str) -> str:
    """Return Slack's signing secret from the bot's secret.

    Raises PermanentError if it is missing.
    """
    value = _read(text)
    fields = value if isinstance(value, dict) else {}
    inner = fields.get(_DEFAULT)
    found = (inner if isinstance(inner, dict) else fields).get(_SIGNING_SECRET)
    signing = _clean(found) if isinstance(found, str) else ""
    if not signing:
        raise PermanentError('the bot\'s secret has to be JSON with "token" and "signing_secret"')
    return signing


def _read(text: str) -> dict[str, object] | str:
    """Read JSON, even if quoted several times; anything but an object is text."""
    for _ in range(_MAX_WRAPPINGS):
        text = text.strip(_BLANKS)
        try:
            value: object = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            value = _clean(text)
        if isinstance(value, dict):
            return value
        if not isinstance(value, str) or value == text:
            break
        text = value
    return text


def _clean(text: str) -> str:
    """Remove blanks and one pair of quotes."""
    text = text.strip(_BLANKS)
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES
    return text[1:-1].strip(_BLANKS) if is_quoted else text


def _of_target(value: dict[str, object] | str, target: str, main: str) -> Mapping[str, str]:
    found: object = value
    # An object with the main key is one entry; any other names its entries.
    if isinstance(value, dict) and not isinstance(value.get(main), str):
        found = value.get(target or _DEFAULT)
        names = list(value)
        if not target and len(names) == 1 and names[0] not in _FIELDS:
            found = value[names[0]]
    elif target:
        found = None
    if isinstance(found, str):
        return {main: _clean(found)}
    if isinstance(found, dict):
        return {key: _clean(item) for key, item in found.items() if isinstance(item, str)}
    return {}


def _form(target: str, main: str, needs: tuple[str, ...]) -> str:
    """Return the required form of a secret."""
    whole = _json(dict.fromkeys((main, *needs), "…"))
    if target:
        return (
            f"JSON such as {_json({target: '…'}) if not needs else f'{{{_json(target)}:{whole}}}'}"
        )
    return f"JSON such as {whole}" if needs else f"the {main} alone or JSON such as {whole}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _for(target: str) -> str:
    return f" for the target {target!r}" if target else ""
