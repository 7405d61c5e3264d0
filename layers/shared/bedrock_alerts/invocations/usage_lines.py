"""Usage lines: one line a batch for each caller, application and model.

A query of these lines shows who spent what, without a line for every call.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import msgspec

from bedrock_alerts.invocations.identity import OTHER_VALUES
from bedrock_alerts.invocations.invocation import PICODOLLARS, PricedCall

# Callers choose names: above this many lines, a batch has one for each caller, and above twice as
# many, one for all others.
_MOST_LINES: Final = 500
_FOUND: Final = frozenset({"masked", "detected", "unexplained"})

_encode: Final = msgspec.json.Encoder().encode
_Key: TypeAlias = tuple[str, str, str, str | None]


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

    def count(self, calls: Sequence[PricedCall]) -> None:
        """Add some calls; the sums are local variables, which are fastest."""
        read = written = cache_read = cache_written = picodollars = guardrail_picodollars = 0
        errors = blocked = findings = unpriced = 0
        for call, cost in calls:
            usage = call.usage
            read += usage.input_tokens
            written += usage.output_tokens
            cache_read += usage.cache_read_tokens
            cache_written += usage.cache_write_tokens
            guardrail_picodollars += cost.guardrail_picodollars
            if cost.model_picodollars is None:
                unpriced += 1
            else:
                picodollars += cost.model_picodollars
            if call.error_code:
                errors += 1
            verdict = call.guardrail.verdict
            if verdict == "blocked":
                blocked += 1
            elif verdict in _FOUND:
                findings += 1
        self.calls += len(calls)
        self.errors += errors
        self.blocked += blocked
        self.findings += findings
        self.unpriced += unpriced
        self.input_tokens += read
        self.output_tokens += written
        self.cache_read_tokens += cache_read
        self.cache_write_tokens += cache_written
        self.picodollars += picodollars
        self.guardrail_picodollars += guardrail_picodollars

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
        self._application_key = application_key
        self._used: dict[_Key, Used] = {}

    def add(self, calls: Iterable[PricedCall]) -> None:
        """Add some calls, each with its cost."""
        application_key = self._application_key
        alike: defaultdict[_Key, list[PricedCall]] = defaultdict(list)
        for priced in calls:
            call, cost = priced
            application = call.application
            if call.metadata:
                application = call.application_by(application_key)
            model, profile = call.model, call.inference_profile
            if call.error_code and not cost.is_listed:  # the model may not exist
                model, profile = OTHER_VALUES, None
            alike[call.principal, application, model, profile].append(priced)
        for key, some in alike.items():
            self._used_by(key).count(some)

    def _used_by(self, key: _Key) -> Used:
        used = self._used
        if key not in used and len(used) >= _MOST_LINES:
            is_full = len(used) >= 2 * _MOST_LINES
            key = (OTHER_VALUES if is_full else key[0], OTHER_VALUES, OTHER_VALUES, None)
        return used.setdefault(key, Used())

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
