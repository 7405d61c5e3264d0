"""Numbers on the command line: `nan` and `inf` are none."""

import math
from typing import Any

import click


class Amount(click.FloatRange):
    """A finite number within bounds. `nan` would pass any bound, as it compares with nothing."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or end with bad usage."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number", param, ctx)
        return number
