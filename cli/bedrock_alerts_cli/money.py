"""Dollars as text: no amount is shown as 0 if something was spent."""

from typing import Final

from bedrock_alerts.invocations.invocation import PICODOLLARS

_SMALLEST: Final = 0.000_001


def six_digits(dollars: float) -> str:
    """Return dollars with six digits, without a sign; a smaller amount as `<0.000001`."""
    return f"<{_SMALLEST:.6f}" if 0 < dollars < _SMALLEST else f"{dollars:,.6f}"


def exact_usd(picodollars: int) -> str:
    """Return dollars with six digits: `$0.000123`; a smaller amount as `<$0.000001`."""
    digits = six_digits(picodollars / PICODOLLARS)
    return f"<${digits[1:]}" if digits.startswith("<") else f"${digits}"


def usd(picodollars: int) -> str:
    """Return dollars with two digits, amounts below a dollar with six."""
    if picodollars >= PICODOLLARS or not picodollars:
        return f"${picodollars / PICODOLLARS:,.2f}"
    return exact_usd(picodollars)
