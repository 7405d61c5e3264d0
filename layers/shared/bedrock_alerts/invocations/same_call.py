"""Which records are of one call: repeated ones, and empty ones that another record supersedes."""

from typing import Any, Final

from bedrock_alerts.invocations.invocation import Invocation, Usage

_NO_USAGE: Final = Usage()
_STREAMING: Final = frozenset({"ConverseStream", "InvokeModelWithResponseStream"})


def counted_facts(invocation: Invocation) -> tuple[Any, ...]:
    """Return the identity of a call whose record may be delivered under several event ids.

    It includes everything that is counted, so records with the same request id that differ stay
    separate.
    """
    return (
        invocation.request_id,
        invocation.epoch,
        invocation.operation,
        invocation.region,
        invocation.model_id,
        invocation.principal_arn,
        invocation.error_code,
        invocation.stop_reason,
        invocation.usage,
        invocation.billing,
        invocation.modality,
        invocation.latency_ms,
        invocation.first_byte_ms,
        invocation.guardrail,
        invocation.body,
        tuple(invocation.metadata.items()),
    )


def carries_nothing(invocation: Invocation) -> bool:
    """Whether only the call can be counted: no token, error, image or finding.

    A body that is stored elsewhere may hold anything.
    """
    return (
        invocation.usage == _NO_USAGE
        and invocation.status == "ok"
        and invocation.guardrail.verdict == "none"
        and not invocation.billing.images
        and invocation.body != "offloaded"
    )


def is_hollow(invocation: Invocation) -> bool:
    """Whether this is the empty record that a stream may log before its real one."""
    return (
        invocation.operation in _STREAMING
        and invocation.body == "absent"
        and invocation.stop_reason is None
        and invocation.latency_ms is None
    )
