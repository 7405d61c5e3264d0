"""The callers in an alarm's period, as far as a log shows them."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from bedrock_alerts import metrics
from bedrock_alerts.alerts.formatting import caller_name
from bedrock_alerts.alerts.next_steps import entry_of, suffix_of
from bedrock_alerts.invocations.aggregate import THROTTLES
from bedrock_alerts_cli.backtest.history import SERVER_ERRORS

_MOST = 3
_CALLER: Final = "Principal"
_ERROR: Final = "ErrorCode"
_DENIED: Final = "AccessDeniedException"


class _Kind(NamedTuple):
    """What callers are ranked by: some metrics, of some error codes, and its words."""

    metrics: tuple[str, ...]
    words: str
    is_of: Callable[[str], bool] = lambda _code: True


_CALLS: Final = _Kind(("Invocations",), "calls")
_BLOCKED: Final = _Kind(("ContentFilteredCount",), "blocked calls")
_SPENT: Final = _Kind(("EstimatedCost", "GuardrailCost"), "USD")
_FAILED: Final = _Kind(("InvocationErrors",), "failed calls")
_BY_ALARM: Final = {
    "AccessDenied": _FAILED._replace(words="denied calls", is_of=lambda code: code == _DENIED),
    "BedrockDegraded": _FAILED,
    "ClientErrors": _FAILED._replace(is_of=lambda code: code not in SERVER_ERRORS | THROTTLES),
    "ServerErrors": _FAILED._replace(is_of=lambda code: code in SERVER_ERRORS),
    "Throttling": _FAILED._replace(words="throttled calls", is_of=lambda code: code in THROTTLES),
    "UnpricedInvocations": _Kind(("UnpricedInvocations",), "calls without a price"),
}
_BY_GROUP: Final = {"guardrails": _BLOCKED, "money": _SPENT}


class Callers:
    """What each caller did in each minute: calls, blocked and failed ones, and their cost."""

    def __init__(self, points: Iterable[metrics.Datapoint]) -> None:
        # By metric and error code: minute, caller, amount.
        self._found: defaultdict[tuple[str, str], list[tuple[int, str, float]]] = defaultdict(list)
        for point in points:
            dimensions = dict(point.dimensions)
            caller = dimensions.pop(_CALLER, None)
            if caller is not None and dimensions.keys() <= {_ERROR}:
                found = self._found[point.metric, dimensions.get(_ERROR, "")]
                found.append((point.minute, caller, sum(point.values)))

    def top(self, alarm: str, start: int, end: int) -> str:
        """Return the callers with most of what an alarm is about, in a time."""
        entry = entry_of(alarm)
        group = entry.group if entry else ""
        kind = _BY_ALARM.get(suffix_of(alarm)) or _BY_GROUP.get(group, _CALLS)
        ranked = self._ranked(kind, start, end)
        if not ranked and kind is _FAILED:  # of slow calls, none may have failed
            kind = _CALLS
            ranked = self._ranked(kind, start, end)
        if not ranked:
            return ""
        top = [f"{caller_name(caller)} {_said(-less, kind)}" for less, caller in ranked[:_MOST]]
        rest = len(ranked) - len(top)
        return ", ".join(top) + (f", {rest} more" if rest else "") + f" ({kind.words})"

    def _ranked(self, kind: _Kind, start: int, end: int) -> list[tuple[float, str]]:
        """Return the amounts, negative, and their callers, the largest first."""
        total: defaultdict[str, float] = defaultdict(float)
        for (metric, code), found in self._found.items():
            if metric in kind.metrics and kind.is_of(code):
                for minute, caller, amount in found:
                    if start <= minute < end:
                        total[caller] += amount
        return sorted((-amount, caller) for caller, amount in total.items() if amount)


def _said(amount: float, kind: _Kind) -> str:
    return f"{amount:,.2f}" if kind is _SPENT else f"{amount:,.0f}"
