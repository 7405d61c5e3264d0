"""Retries calls as long as enough time is left to respond."""

import time
from collections.abc import Callable
from itertools import chain, repeat
from typing import Final, TypeVar

from bedrock_alerts.errors import TransientError

T = TypeVar("T")

# A response may need two attempts of 10 s, and a call in progress may take another 10 s.
ANSWER_SECONDS: Final = 25.0
_CALL_SECONDS: Final = 10.0
_PAUSES: Final = (1.0, 2.0, 4.0, 8.0)
_LONGEST_PAUSE: Final = 10.0


class Patience:
    """Retries with growing pauses; `time_left` returns the seconds until the function times out.

    A new role takes some seconds to be visible to Bedrock, and a new policy to Lambda: until then,
    calls are refused.
    """

    def __init__(
        self, time_left: Callable[[], float], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._time_left = time_left
        self._sleep = sleep

    def insist(self, action: Callable[[], T], *, keep: float = ANSWER_SECONDS) -> T:
        """Return the result of the first `action` that raises no TransientError.

        If fewer than `keep` seconds would be left after an attempt, raises the last TransientError,
        with the number of attempts in its text.
        """
        if keep and self._time_left() < keep + _CALL_SECONDS:
            raise TransientError("the function ran out of time")
        for attempt, pause in enumerate(chain(_PAUSES, repeat(_LONGEST_PAUSE)), 1):
            try:
                return action()
            except TransientError as error:
                if self._time_left() < pause + _CALL_SECONDS + keep:
                    tried = "once" if attempt == 1 else f"{attempt} times"
                    raise type(error)(f"{error} (tried {tried})") from error
            self._sleep(pause)
        raise AssertionError("pauses never end")  # pragma: no cover
