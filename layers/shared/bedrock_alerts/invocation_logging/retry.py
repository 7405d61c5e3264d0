"""How long to try again what may still succeed: as long as enough time is left to answer."""

import time
from collections.abc import Callable
from itertools import chain, repeat
from typing import Final, TypeVar

from bedrock_alerts.errors import TransientError

T = TypeVar("T")

# An answer may need two attempts of 10 s; and a call that is begun may take 10 s, too.
ANSWER_SECONDS: Final = 25.0
_CALL_SECONDS: Final = 10.0
_PAUSES: Final = (1.0, 2.0, 4.0, 8.0)
_LONGEST_PAUSE: Final = 10.0


class Patience:
    """Tries again with growing pauses. `time_left` tells the seconds until the function is ended.

    A role that was made a moment ago takes Bedrock some seconds to see, and a policy Lambda: both
    look like a refusal until then.
    """

    def __init__(
        self, time_left: Callable[[], float], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._time_left = time_left
        self._sleep = sleep

    def insist(self, action: Callable[[], T], *, keep: float = ANSWER_SECONDS) -> T:
        """Return what `action` returns, once it does so without a TransientError.

        Nothing is begun when fewer than `keep` seconds would be left at its end. Raises the last
        TransientError then, with the number of attempts in its text.
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
