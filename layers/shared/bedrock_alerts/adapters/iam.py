"""AWS IAM: the alias of this account."""

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from boto3.session import Session
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

# An alert waits for it, so it gets one short attempt.
_CONFIG: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1}
)
_ALIAS_SECONDS: Final = 3600.0


class AccountAlias:
    """The alias of this account, cached for an hour, even if the look-up failed."""

    def __init__(
        self, client: "IAMClient | None" = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._given = client
        self._clock = clock
        self._known: tuple[float, str] | None = None

    @cached_property
    def _client(self) -> "IAMClient":
        return self._given or Session().client("iam", config=_CONFIG)

    def alias(self) -> str:
        """Return it, empty if the account has none. A failed look-up raises once an hour."""
        if self._known and self._clock() - self._known[0] < _ALIAS_SECONDS:
            return self._known[1]
        self._known = (self._clock(), "")
        aliases = self._client.list_account_aliases().get("AccountAliases", [])
        self._known = (self._clock(), aliases[0] if aliases else "")
        return self._known[1]
