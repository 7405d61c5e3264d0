"""Figures for narrow terminals: rounded, so that no digit is cut off."""

import re
from typing import Final

_FIGURE: Final = re.compile(r"\d[\d,]*(?:\.\d+)?")
_SMALLEST: Final = 10_000
_UNITS: Final[tuple[tuple[float, str], ...]] = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_LESS_THAN_A_THOUSAND: Final = 999.5  # above, three digits would be rounded to 1000

RULE: Final = "figures from 10,000 are rounded to three digits: 12.3k, 1.23M"
"""The rule, for a person."""


def shortened(text: str) -> str:
    """Return a text with three digits for figures from 10,000, and two decimals from 1."""
    return _FIGURE.sub(_short, text)


def _short(found: re.Match[str]) -> str:
    text = found[0]
    value = float(text.replace(",", ""))
    if value < _SMALLEST:
        decimals = len(text.partition(".")[2])
        return f"{value:,.2f}" if value >= 1 and decimals > 2 else text  # noqa: PLR2004
    scale, unit = next(
        one for one in _UNITS if value >= one[0] * _LESS_THAN_A_THOUSAND / 1000 or one[1] == "k"
    )
    figure = value / scale
    digits = 2 if figure < 9.995 else 1 if figure < 99.95 else 0  # noqa: PLR2004
    return f"{figure:,.{digits}f}{unit}"
