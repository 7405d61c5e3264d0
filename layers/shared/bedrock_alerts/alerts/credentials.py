"""What a channel's secret holds: one text, or a JSON object with an entry for each target.

`https://…` or `{"default": "https://…", "payments": "https://…"}`. An entry is a text or an object
of texts. No error repeats anything of a secret.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

import msgspec

from bedrock_alerts.errors import CredentialError

_DEFAULT: Final = "default"
T = TypeVar("T")


class SecretPort(Protocol):
    """Knows a secret."""

    def text(self, *, fresh: bool = False) -> str:
        """Return it, or raise TransientError; `fresh` does not take what was kept of it."""


def with_secret(secret: SecretPort, use: Callable[[str], T]) -> T:
    """Use a secret, and where it is refused once more if it has been renewed meanwhile."""
    text = secret.text()
    try:
        return use(text)
    except CredentialError:
        renewed = secret.text(fresh=True)
        if renewed == text:
            raise
    return use(renewed)


def entry(text: str, target: str, *, main: str, needs: tuple[str, ...] = ()) -> Mapping[str, str]:
    """Return what a secret says about a target, the one called `default` where it is empty.

    A text alone is the value of the key `main`; `needs` are keys that have to be there beside it.
    Raises CredentialError with what is missing.
    """
    fields = _of_target(_read(text), target, main)
    missing = [key for key in (main, *needs) if not fields.get(key)]
    if missing:
        raise CredentialError(f"the secret has no {' and no '.join(missing)}{_for(target)}")
    return fields


def _read(text: str) -> object:
    """Read JSON; what is none is a text of its own."""
    try:
        value: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def _of_target(value: object, target: str, main: str) -> Mapping[str, str]:
    # An object with the main key is one entry; any other names its entries.
    if isinstance(value, dict) and not isinstance(value.get(main), str):
        value = value.get(target or _DEFAULT)
    elif target:
        value = None
    if isinstance(value, str):
        return {main: value.strip()}
    if isinstance(value, dict):
        return {key: item.strip() for key, item in value.items() if isinstance(item, str)}
    return {}


def _for(target: str) -> str:
    return f" for the target {target!r}" if target else ""
