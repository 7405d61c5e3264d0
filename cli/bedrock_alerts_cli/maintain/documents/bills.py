"""Example bills and rates for `docs/cost.md`."""

from collections.abc import Mapping
from typing import Any, Final

from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts_cli.cost.estimate import Estimate, estimate
from bedrock_alerts_cli.cost.rates import METRIC, METRIC_TIERS, RATES
from bedrock_alerts_cli.cost.traffic import Counts, of_counts, options_of
from bedrock_alerts_cli.maintain.documents.tables import table
from bedrock_alerts_cli.template.stack import Stack

ALERTS: Final = 100
_MILLION: Final = Counts(calls=1_000_000)
_CENT: Final = 0.005
_MANY: Final = 100
_CASES: Final[tuple[tuple[str, Counts, dict[str, str]], ...]] = (
    ("as above", _MILLION, {}),
    ("10,000 calls", Counts(calls=10_000), {}),
    ("30 million calls", Counts(calls=30_000_000), {}),
    ("10 models and 3 guardrails", Counts(calls=1_000_000, models=10, guardrails=3), {}),
    ("200 callers have findings", Counts(calls=1_000_000, principals=200), {}),
    (
        "200 callers, not counted",
        Counts(calls=1_000_000, principals=200),
        {"PrincipalMetrics": "none"},
    ),
    (
        "40 applications counted",
        Counts(calls=1_000_000, applications=40),
        {"ApplicationMetadataKey": "application"},
    ),
    ("30 million, a line for each", Counts(calls=30_000_000), {"EventLines": "all"}),
    ("every alarm and metric", _MILLION, {"AlarmSet": "all"}),
    ("nothing but the stack at rest", Counts(calls=0), {}),
    ("without the dashboard", _MILLION, {"Overviews": "none"}),
    (
        "without anomaly bands",
        _MILLION,
        {"AlarmsOff": "GuardrailBypass"},
    ),
)


def example(template: Mapping[str, Any]) -> str:
    """Return the bill of a million calls, line by line."""
    bill = _bill(template, _MILLION, {})
    rows = [
        (item.item, _number(item.amount), item.unit, _dollars(item.usd), _switches(item.switches))
        for item in bill.items
        if item.amount
    ]
    rows.append(("**together**", "", "", f"**{bill.total_usd:,.2f}**", ""))
    return table(("item", "amount", "unit", "USD a month", "changed by"), rows)


def cases(template: Mapping[str, Any]) -> str:
    """Return what the whole comes to in other cases."""
    return table(
        ("case", "parameters", "USD a month", "after the free tier"),
        (
            (
                title,
                _switches(tuple(f"{name}={value}" for name, value in parameters.items())) or "-",
                f"{_bill(template, counts, parameters).total_usd:,.2f}",
                f"{_bill(template, counts, parameters, free_tier=True).total_usd:,.2f}",
            )
            for title, counts, parameters in _CASES
        ),
    )


def rates() -> str:
    """Return every price with its source."""
    tiers = ", ".join(f"{tier.usd:.2f}" for tier in METRIC_TIERS)
    rows = [
        ("custom metrics", f"{tiers} (by tier)", METRIC.unit, f"{METRIC.free:,.0f}", METRIC.source)
    ]
    rows += [
        (
            name.replace("_", " "),
            f"{rate.usd:.10f}".rstrip("0").rstrip("."),
            rate.unit,
            f"{rate.free:,.0f}" if rate.free else "-",
            rate.source,
        )
        for name, rate in RATES.items()
    ]
    return table(("what", "USD", "for each", "free a month", "source"), rows)


def _bill(
    template: Mapping[str, Any],
    counts: Counts,
    parameters: dict[str, str],
    *,
    free_tier: bool = False,
) -> Estimate:
    stack = Stack(template, parameters)
    options = options_of(
        stack.parameter("PrincipalMetrics"),
        stack.parameter("ApplicationMetadataKey"),
        stack.parameter("EventLines"),
        stack.parameter("AlarmSet") or "all",
    )
    traffic = of_counts(counts, Prices.load(), options, calls_per_batch=10)
    return estimate(stack, traffic, alerts=ALERTS, free_tier=free_tier)


def _switches(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= _MANY else f"{value:,.2f}"


def _dollars(value: float) -> str:
    return "<0.01" if 0 < value < _CENT else f"{value:,.2f}"
