"""The callers in an alarm's period, as far as a log shows them."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from bedrock_alerts import metrics
from bedrock_alerts.alerts.formatting import caller_name
from bedrock_alerts.alerts.next_steps import entry_of

_BY_CALLER = ("Principal",)
_MOST = 3
_GUARDRAILS = "guardrails"


class Callers:
    """Counts of calls and of blocked calls by caller and minute."""

    def __init__(self, points: Iterable[metrics.Datapoint]) -> None:
        self._minutes: dict[str, dict[int, Counter[str]]] = defaultdict(dict)
        for point in points:
            if tuple(name for name, _ in point.dimensions) == _BY_CALLER:
                ((_, caller),) = point.dimensions
                by_minute = self._minutes[point.metric]
                by_minute.setdefault(point.minute, Counter())[caller] += int(sum(point.values))

    def top(self, alarm: str, start: int, end: int) -> str:
        """Return the callers with most calls in a time, blocked ones for alarms on guardrails."""
        entry = entry_of(alarm)
        is_blocked = entry is not None and entry.group == _GUARDRAILS
        metric = "ContentFilteredCount" if is_blocked else "Invocations"
        total: Counter[str] = Counter()
        for minute, counts in self._minutes[metric].items():
            if start <= minute < end:
                total += counts
        top = [f"{caller_name(caller)} {count:,}" for caller, count in total.most_common(_MOST)]
        rest = len(total) - len(top)
        return ", ".join(top) + (f", {rest} more" if rest > 0 else "")
