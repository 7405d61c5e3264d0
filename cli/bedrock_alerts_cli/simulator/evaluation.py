"""Decides an alarm's state: M out of N, missing data, and no early alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
CloudWatch evaluates more periods than the alarm needs, the evaluation range. The number is only
documented for one example (5 if 3 are needed), so two more are always used.
"""

from typing import Final, Literal, NamedTuple, TypeAlias

State: TypeAlias = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Treatment: TypeAlias = Literal["missing", "ignore", "breaching", "notBreaching"]

# What one period of the evaluation range shows.
WITHIN: Final = 0
BREACHING: Final = 1
MISSING: Final = 2
FEW_SAMPLES: Final = 3  # a percentile of too few values, where the alarm ignores those
EXTRA_PERIODS: Final = 2


class Rules(NamedTuple):
    """How an alarm evaluates its range; `needed` is M and `periods` is N."""

    needed: int
    periods: int
    treatment: Treatment


class Verdict(NamedTuple):
    """The verdict on an evaluation range: the new state (None keeps the present one), and why.

    `places` are the evaluated periods with data, counted back from the newest, which is 0. `filled`
    is the number of missing ones that were filled in.
    """

    state: State | None
    places: tuple[int, ...]
    filled: int


def judge(shown: bytes, rules: Rules) -> Verdict:
    """Evaluate a range, the oldest period first."""
    back = shown[::-1]
    if FEW_SAMPLES in back[: rules.periods]:
        return Verdict(None, (), 0)
    real = [place for place, code in enumerate(back) if code in {WITHIN, BREACHING}]
    real = real[: rules.periods]
    breaching = [place for place in real if back[place] == BREACHING]
    filled = rules.periods - len(real)
    return Verdict(_state(real, breaching, filled, rules), tuple(real), filled)


def _state(real: list[int], breaching: list[int], filled: int, rules: Rules) -> State | None:
    if len(breaching) >= rules.needed:
        return "ALARM"
    if not filled or rules.treatment == "notBreaching":
        return "OK"
    if rules.treatment == "breaching":
        return "ALARM" if len(breaching) + filled >= rules.needed else "OK"
    if not real:
        return "INSUFFICIENT_DATA" if rules.treatment == "missing" else None
    if len(breaching) < len(real):
        return "OK"
    # All data breaches, but is not enough. It counts when it is as old as the alarm needs.
    is_old = max(breaching) + 1 >= rules.needed
    return "ALARM" if is_old and rules.treatment == "missing" else None
