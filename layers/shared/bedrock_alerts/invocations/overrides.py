"""The price list with what its users put into it: a typo there costs prices, never alarms."""

from typing import Final

from bedrock_alerts.invocations.notices import notice
from bedrock_alerts.invocations.pricing import Prices, PricesError
from bedrock_alerts.text import clean

_MAX_SHOWN: Final = 500


def load_prices(overrides: str | None) -> tuple[Prices, tuple[bytes, ...]]:
    """Return the prices, and lines for the log: one if `overrides` (JSON) cannot be used.

    Then the shipped list stands alone. Raising would stop everything, alarms on guardrails
    included, for the sake of an amount.
    """
    if overrides is None:
        return Prices.load(), ()
    try:
        # What is no UTF-8 in the environment arrives as lone surrogates: a wrong text, no crash.
        return Prices.load(overrides.encode("utf-8", "surrogatepass")), ()
    except PricesError as error:
        line = notice(
            "price_overrides_refused",
            "ERROR",
            "PriceOverrides cannot be used, the shipped prices are",
            error=clean(str(error), _MAX_SHOWN),
        )
        return Prices.load(), (line,)
