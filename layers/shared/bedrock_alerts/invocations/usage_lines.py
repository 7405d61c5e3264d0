"""Who used what: one line a batch for each caller, application and model.

A query over these lines tells who spent what, without a line for every call.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from bedrock_alerts.invocations.identity import OTHER_VALUES
from bedrock_alerts.invocations.model import PICODOLLARS, Cost, Invocation

# Callers choose names: beyond so many lines a batch has one for each caller, and beyond twice as
# many one for all others.
_MOST_LINES: Final = 500
_FOUND: Final = frozenset({"masked", "detected", "unexplained"})

_encode: Final = msgspec.json.Encoder().encode
_Key = tuple[str, str, str, str | None]


class _Used:
    """What the calls of one line add up to; dollars are whole pico-dollars."""

    __slots__ = (
        "answered",
        "blocked",
        "cache_read_tokens",
        "cache_write_tokens",
        "calls",
        "errors",
        "findings",
        "guardrail_picodollars",
        "input_tokens",
        "output_tokens",
        "picodollars",
        "unpriced",
    )

    def __init__(self) -> None:
        self.calls = self.answered = self.errors = 0
        self.blocked = self.findings = self.unpriced = 0
        self.input_tokens = self.output_tokens = 0
        self.cache_read_tokens = self.cache_write_tokens = 0
        self.picodollars = self.guardrail_picodollars = 0

    def add(self, call: Invocation, cost: Cost) -> None:
        """Add one call."""
        usage, verdict = call.usage, call.guardrail.verdict
        self.calls += 1
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.cache_read_tokens += usage.cache_read_tokens
        self.cache_write_tokens += usage.cache_write_tokens
        self.guardrail_picodollars += cost.guardrail_picodollars
        if cost.model_picodollars is None:
            self.unpriced += 1
        else:
            self.picodollars += cost.model_picodollars
        if call.error_code:
            self.errors += 1
        else:
            self.answered += 1
        if verdict == "blocked":
            self.blocked += 1
        elif verdict in _FOUND:
            self.findings += 1


class UsageLines:
    """Adds calls up; `application_key` names the application in requestMetadata."""

    def __init__(self, application_key: str | None) -> None:
        self._application_key = application_key or ""
        self._used: dict[_Key, _Used] = {}

    def add(self, calls: list[tuple[Invocation, Cost]]) -> None:
        """Add some calls, each with its cost."""
        used, application_key = self._used, self._application_key
        for call, cost in calls:
            application = call.metadata.get(application_key) or call.application
            key: _Key = (call.principal, application, call.model, call.inference_profile)
            if call.error_code and not cost.is_listed:  # the model may be invented
                key = (call.principal, application, OTHER_VALUES, None)
            found = used.get(key)
            if found is None:
                if len(used) >= _MOST_LINES:
                    key = (call.principal, OTHER_VALUES, OTHER_VALUES, None)
                if len(used) >= 2 * _MOST_LINES:
                    key = (OTHER_VALUES, OTHER_VALUES, OTHER_VALUES, None)
                found = used.setdefault(key, _Used())
            found.add(call, cost)

    def lines(self) -> Iterator[bytes]:
        """Return the lines; `total_usd` is the cost of models and guardrails together."""
        for (principal, application, model, inference_profile), used in self._used.items():
            document = {
                "event": "usage",
                "principal": principal,
                "application": application or None,
                "model": model,
                "inference_profile": inference_profile,
                "calls": used.calls,
                "answered": used.answered,
                "errors": used.errors,
                "blocked": used.blocked,
                "findings": used.findings,
                "unpriced": used.unpriced,
                "input_tokens": used.input_tokens,
                "output_tokens": used.output_tokens,
                "cache_read_tokens": used.cache_read_tokens,
                "cache_write_tokens": used.cache_write_tokens,
                "cost_usd": used.picodollars / PICODOLLARS,
                "guardrail_cost_usd": used.guardrail_picodollars / PICODOLLARS,
                "total_usd": (used.picodollars + used.guardrail_picodollars) / PICODOLLARS,
            }
            yield _encode(document)
