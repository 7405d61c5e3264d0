"""AWS IAM: what people call this account."""

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from boto3.session import Session
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

# An alert waits for it: one attempt, and a short one.
_CONFIG: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1}
)
_ALIAS_SECONDS: Final = 3600.0


class AccountAlias:
    """What people call this account. Kept for an hour, also when it could not be learned."""

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
        """Return it, empty where the account has none. Raises only when it asks, once an hour."""
        if self._known and self._clock() - self._known[0] < _ALIAS_SECONDS:
            return self._known[1]
        self._known = (self._clock(), "")
        aliases = self._client.list_account_aliases().get("AccountAliases", [])
        self._known = (self._clock(), aliases[0] if aliases else "")
        return self._known[1]
