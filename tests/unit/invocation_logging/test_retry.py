"""What may still succeed is tried again, for as long as there is time to answer afterwards."""

import pytest

from bedrock_alerts.errors import PermanentError, TransientError
from bedrock_alerts.invocation_logging.logging_state import RefusedError
from bedrock_alerts.invocation_logging.retry import ANSWER_SECONDS
from tests.support.custom_resources import Countdown


class Flaky:
    """Fails with each of some errors in turn, the last one for ever, then succeeds."""

    def __init__(self, *errors: Exception, for_ever: bool = False) -> None:
        self.calls = 0
        self._errors = errors
        self._for_ever = for_ever

    def __call__(self) -> str:
        self.calls += 1
        if self._for_ever or self.calls <= len(self._errors):
            raise self._errors[min(self.calls, len(self._errors)) - 1]
        return "done"


def test_what_succeeds_is_called_once() -> None:
    action = Flaky()
    assert Countdown().patience().insist(action) == "done"
    assert action.calls == 1


def test_what_fails_at_first_is_tried_again_with_growing_pauses() -> None:
    time = Countdown(a_call=0)
    action = Flaky(*[TransientError("later")] * 5)
    assert time.patience().insist(action) == "done"
    assert action.calls == 6
    assert time.seconds == 120 - (1 + 2 + 4 + 8 + 10)


@pytest.mark.parametrize("kind", [TransientError, RefusedError])
def test_what_never_succeeds_is_given_up_in_time_to_answer(kind: type[TransientError]) -> None:
    time = Countdown(a_call=0)
    with pytest.raises(kind, match=r"^later \(tried \d+ times\)$") as caught:
        time.patience().insist(Flaky(kind("later"), for_ever=True))
    assert type(caught.value) is kind
    # Not a call of 10 s more would have fitted, after the next pause.
    assert ANSWER_SECONDS <= time.seconds < ANSWER_SECONDS + 10 + 10


def test_what_cannot_succeed_is_not_tried_again() -> None:
    action = Flaky(PermanentError("never"))
    with pytest.raises(PermanentError, match=r"^never$"):
        Countdown().patience().insist(action)
    assert action.calls == 1


def test_without_time_nothing_is_begun() -> None:
    action = Flaky()
    with pytest.raises(TransientError, match=r"^the function ran out of time$"):
        Countdown(ANSWER_SECONDS + 9).patience().insist(action)
    assert action.calls == 0


@pytest.mark.parametrize(
    "seconds", [pytest.param(0.0, id="none left"), pytest.param(10.9, id="too little for two")]
)
def test_what_needs_nothing_afterwards_is_tried_once_whatever_the_time(seconds: float) -> None:
    action = Flaky(TransientError("later"), for_ever=True)
    with pytest.raises(TransientError, match=r"^later \(tried once\)$"):
        Countdown(seconds, a_call=0).patience().insist(action, keep=0)
