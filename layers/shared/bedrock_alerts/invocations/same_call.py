"""Which records are empty, so that another record of the same call supersedes them."""

from typing import Final

from bedrock_alerts.invocations.invocation import Invocation, Usage

_NO_USAGE: Final = Usage()
_STREAMING: Final = frozenset({"ConverseStream", "InvokeModelWithResponseStream"})


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
