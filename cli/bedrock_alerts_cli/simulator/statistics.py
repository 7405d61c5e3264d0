"""CloudWatch's statistics of the values measured in a period.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
CloudWatch's interpolation of percentiles is not documented: here it is linear between the two
nearest values. The trimmed statistics cut at the same places, and leave out the values beyond.
"""

import re
from collections.abc import Sequence
from math import fsum
from typing import Final, NamedTuple

from bedrock_alerts_cli.simulator.unsupported import SyntaxProblemError

ADDED_UP: Final = ("Sum", "Average", "SampleCount")
PLAIN: Final = (*ADDED_UP, "Minimum", "Maximum")
_PLAIN: Final = {name.lower(): name for name in PLAIN}
_RANKED: Final = re.compile(r"(p|tm|tc|ts|wm)(\d{1,2}(?:\.\d{1,10})?|100)", re.IGNORECASE)


class Statistic(NamedTuple):
    """A statistic by its name; `rank` is the percentage of p95, tm90 and the like."""

    name: str
    rank: float | None = None

    @property
    def label(self) -> str:
        """The name as CloudWatch writes it."""
        return self.name if self.rank is None else f"{self.name}{self.rank:g}"

    def of(self, values: Sequence[float], counts: Sequence[float]) -> float:
        """Return a ranked statistic of sorted values with their `counts`."""
        rank = (self.rank or 0.0) / 100
        limit = _percentile(values, counts, rank)
        if self.name == "p":
            return limit
        kept = [(value, n) for value, n in zip(values, counts, strict=True) if value <= limit]
        if self.name == "tc":
            return fsum(n for _, n in kept)
        total = fsum(value * n for value, n in kept)
        if self.name == "ts":
            return total
        if self.name == "wm":  # values beyond the limit count as the limit
            beyond = fsum(counts) - fsum(n for _, n in kept)
            return (total + limit * beyond) / fsum(counts)
        return total / fsum(n for _, n in kept)


def read_statistic(text: str) -> Statistic:
    """Read the name of a statistic, such as `Sum`, `p99` or `tm90`."""
    plain = _PLAIN.get(text.lower())
    if plain:
        return Statistic(plain)
    ranked = _RANKED.fullmatch(text)
    if ranked:
        return Statistic(ranked[1].lower(), float(ranked[2]))
    raise SyntaxProblemError(
        f"statistic {text!r} is not simulated, only {', '.join(PLAIN)}, and p tm tc ts wm with a"
        " percentage, such as p99"
    )


def _percentile(values: Sequence[float], counts: Sequence[float], rank: float) -> float:
    """Interpolate between the values on both sides of a rank between 0 and 1."""
    place = rank * (fsum(counts) - 1)
    passed = 0.0
    for number, following in enumerate(values[1:]):
        passed += counts[number]
        if place < passed:
            share = max(place - (passed - 1), 0.0)
            return values[number] + share * (following - values[number])
    return values[-1]
