"""Lines of the collectors' log: one for an invocation, as in `inspect --json`, and notices."""

from typing import Any, Final, Literal, TypeAlias

import msgspec

from bedrock_alerts.invocations.invocation import PICODOLLARS, Cost, Invocation
from bedrock_alerts.limits import EMF_LINE_BYTES

Level: TypeAlias = Literal["WARNING", "ERROR"]

_QUIET: Final = frozenset({"none", "clean"})
# This many hits and ids always fit into a line, however long their names are.
_HITS_THAT_FIT: Final = 50

_encode: Final = msgspec.json.Encoder().encode


def is_notable(invocation: Invocation) -> bool:
    """Whether a call gets an event line by default: it failed, or a guardrail found something."""
    return invocation.status == "error" or invocation.guardrail.verdict not in _QUIET


def report(invocation: Invocation, cost: Cost) -> dict[str, Any]:
    """Return the documented fields in their order; dollars as numbers, None if unpriced."""
    guardrail = invocation.guardrail
    return {
        "request_id": invocation.request_id,
        "timestamp": invocation.timestamp,
        "account_id": invocation.account_id,
        "region": invocation.region,
        "operation": invocation.operation,
        "model_id": invocation.model_id,
        "model": invocation.model,
        "inference_profile": invocation.inference_profile,
        "application": invocation.application or None,
        "principal": invocation.principal,
        "principal_arn": invocation.principal_arn,
        "status": invocation.status,
        "error_code": invocation.error_code,
        "stop_reason": invocation.stop_reason,
        "usage": invocation.usage,
        "modality": invocation.modality,
        "latency_ms": invocation.latency_ms,
        "first_byte_ms": invocation.first_byte_ms,
        "cost_usd": None
        if cost.model_picodollars is None
        else cost.model_picodollars / PICODOLLARS,
        "priced": cost.priced,
        "price_fallback": cost.fallback,
        "guardrail": {
            "verdict": guardrail.verdict,
            "ids": guardrail.ids,
            "hits": guardrail.hits,
            "latency_ms": guardrail.latency_ms,
            "cost_usd": cost.guardrail_picodollars / PICODOLLARS,
        },
        "body": invocation.body,
        "metadata": dict(invocation.metadata),
    }


def event_line(invocation: Invocation, cost: Cost, application_key: str | None = None) -> bytes:
    """Return the line for the log: JSON, with the first hits only if all do not fit into a line.

    Of the metadata, only the application's name is included: callers may write anything there.
    """
    application = dict(invocation.metadata).get(application_key or "")
    event = {
        "event": "invocation",
        **report(invocation, cost),
        "application": application or invocation.application or None,
        "metadata": {application_key: application} if application else {},
    }
    line = _encode(event)
    if len(line) <= EMF_LINE_BYTES:
        return line
    guardrail = event["guardrail"]
    hits, ids = guardrail["hits"], guardrail["ids"]
    shown = {
        **guardrail,
        "ids": ids[:_HITS_THAT_FIT],
        "hits": hits[:_HITS_THAT_FIT],
        "hits_left_out": max(0, len(hits) - _HITS_THAT_FIT),
    }
    return _encode({**event, "guardrail": shown})


def notice(event: str, level: Level, message: str, **facts: Any) -> bytes:
    """Return a line that is not about a single call; its keys are never taken for metrics."""
    return _encode({"event": event, "level": level, "message": message, **facts})
