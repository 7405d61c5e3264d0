"""Usage lines: one line a batch for each caller, application and model.

A query of these lines shows who spent what, without a line for every call.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from bedrock_alerts.invocations.identity import OTHER_VALUES
from bedrock_alerts.invocations.invocation import PICODOLLARS, Cost, Invocation

# Callers choose names: above this many lines, a batch has one for each caller, and above twice as
# many, one for all others.
_MOST_LINES: Final = 500
_FOUND: Final = frozenset({"masked", "detected", "unexplained"})

_encode: Final = msgspec.json.Encoder().encode
_Key = tuple[str, str, str, str | None]


class Used(msgspec.Struct):
    """The sums of some calls; money in pico-dollars."""

    calls: int = 0
    errors: int = 0
    blocked: int = 0
    findings: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    picodollars: int = 0
    guardrail_picodollars: int = 0

    @property
    def total(self) -> int:
        """The cost of models and guardrails together."""
        return self.picodollars + self.guardrail_picodollars

    def count(self, call: Invocation, cost: Cost) -> None:
        """Add one call."""
        usage, verdict = call.usage, call.guardrail.verdict
        self.calls += 1
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        if usage.cache_read_tokens or usage.cache_write_tokens:
            self.cache_read_tokens += usage.cache_read_tokens
            self.cache_write_tokens += usage.cache_write_tokens
        if cost.guardrail_picodollars:
            self.guardrail_picodollars += cost.guardrail_picodollars
        if cost.model_picodollars is None:
            self.unpriced += 1
        else:
            self.picodollars += cost.model_picodollars
        if call.error_code:
            self.errors += 1
        if verdict == "blocked":
            self.blocked += 1
        elif verdict in _FOUND:
            self.findings += 1

    def add(self, other: "Used") -> None:
        """Add other sums."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def document(self) -> dict[str, float]:
        """Return the sums as JSON values, in dollars; `total_usd` is for models and guardrails."""
        return {
            **{name: getattr(self, name) for name in COUNTS},
            "cost_usd": self.picodollars / PICODOLLARS,
            "guardrail_cost_usd": self.guardrail_picodollars / PICODOLLARS,
            "total_usd": self.total / PICODOLLARS,
        }


COUNTS: Final = Used.__struct_fields__[:-2]
"""The names of all counters, without the money."""


class UsageLines:
    """Sums up calls; `application_key` is the key of the application in requestMetadata."""

    def __init__(self, application_key: str | None) -> None:
        self._application_key = application_key or ""
        self._used: dict[_Key, Used] = {}

    def add(self, calls: list[tuple[Invocation, Cost]]) -> None:
        """Add some calls, each with its cost."""
        used, application_key = self._used, self._application_key
        for call, cost in calls:
            application = call.metadata.get(application_key) or call.application
            key: _Key = (call.principal, application, call.model, call.inference_profile)
            if call.error_code and not cost.is_listed:  # the model may not exist
                key = (call.principal, application, OTHER_VALUES, None)
            found = used.get(key)
            if found is None:
                if len(used) >= _MOST_LINES:
                    key = (call.principal, OTHER_VALUES, OTHER_VALUES, None)
                if len(used) >= 2 * _MOST_LINES:
                    key = (OTHER_VALUES, OTHER_VALUES, OTHER_VALUES, None)
                found = used.setdefault(key, Used())
            found.count(call, cost)

    def lines(self) -> Iterator[bytes]:
        """Return the lines."""
        for (principal, application, model, inference_profile), used in self._used.items():
            yield _encode(
                {
                    "event": "usage",
                    "principal": principal,
                    "application": application or None,
                    "model": model,
                    "inference_profile": inference_profile,
                    "answered": used.calls - used.errors,
                    **used.document(),
                }
            )
