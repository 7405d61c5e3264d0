"""Queries of the collectors' lines about an alarm: which calls, when, and grouped by what.

Event lines are those of `invocations/event_lines.py`: one for each call with an error or a
guardrail's finding, or for all calls if the stack is set so. Usage lines, of
`invocations/usage_lines.py`, add up all calls of a batch by caller, application and model.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from bedrock_alerts.alerts.events import StateChange
from bedrock_alerts.alerts.next_steps import suffix_of

CALLER: Final = "principal"
MODEL: Final = "model"
APPLICATION: Final = "application"
ERROR: Final = "error_code"
GUARDRAIL: Final = "guardrail.ids.0"
POLICY: Final = "guardrail.hits.0.policy"
CATEGORY: Final = "guardrail.hits.0.category"
GROUPS: Final = 1000
"""The most groups of calls that are asked for."""

_SHORTEST: Final = timedelta(minutes=5)
_LONGEST: Final = timedelta(days=1)
_UNSAID: Final = timedelta(minutes=15)
# A line is written seconds after its call, and an alarm is evaluated a minute or two later.
_LATE_LINES: Final = timedelta(minutes=1)
_BY_TOKENS: Final = (
    "stats count() as calls, sum(output.outputTokenCount) as tokens by identity.arn, modelId"
    " | sort tokens desc"
)
_OF_THE_LOG: Final = (_BY_TOKENS, "Bedrock's invocation log")
_WORD: Final = re.compile(r"\w+")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:/@+=,-]{1,256}")
_OTHERS: Final = "__other__"  # the metrics' name for all rare values
_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Subject(NamedTuple):
    """Calls that a metric counts; `words` end the sentence "12 calls …".

    `tables` are the fields to group by, the most important first. `is_of_every_call` says that
    calls without error or finding count too; they have a line only if all calls have one. If it
    `is_about_money`, the most expensive come first. `used` is the field of usage lines that counts
    the same calls, empty if there is none.
    """

    words: str
    filter: str
    tables: tuple[str, ...]
    is_of_every_call: bool = False
    is_about_money: bool = False
    used: str = ""


class Question(NamedTuple):
    """A subject, narrowed to one alarm's data, from `start` to `end`.

    `is_of_usage` says that it is for usage lines, not for event lines.
    """

    subject: Subject
    filters: tuple[str, ...]
    start: datetime
    end: datetime
    is_of_usage: bool = False

    @property
    def evidence(self) -> str:
        """The query whose result becomes the evidence in a message."""
        if self.is_of_usage:
            return f"{self._filter}\n{self._used}\n| limit {GROUPS}"
        return (
            f"{self._filter}\n"
            "| stats count(*) as calls, sum(usage.input_tokens) as input_tokens,"
            " sum(usage.output_tokens) as output_tokens, sum(cost_usd) as dollars"
            f" by {CALLER}, {MODEL}, {ERROR}, {GUARDRAIL}, {POLICY}, {CATEGORY}\n"
            f"| sort calls desc\n| limit {GROUPS}"
        )

    @property
    def listing(self) -> str:
        """The query for a person to start with: the calls themselves, the newest first."""
        if self.is_of_usage:
            return f"{self._filter}\n{self._used}\n| limit 200"
        return (
            f"fields @timestamp, principal, model, error_code, guardrail.verdict, {POLICY},"
            f" {CATEGORY}, cost_usd, request_id\n| {self._filter}\n"
            "| sort @timestamp desc\n| limit 200"
        )

    @property
    def callers(self) -> str:
        """The query that names the callers, short enough for a message."""
        asked = " and ".join(self.filters)
        if self.is_of_usage:
            asked = " and ".join(('event = "usage"', *self.filters))
            counted = (
                "sum(total_usd) as dollars"
                if self.subject.is_about_money
                else f"sum({self.subject.used}) as calls"
            )
            name = counted.rpartition(" ")[2]
            return f"filter {asked} | stats {counted} by {CALLER}, {MODEL} | sort {name} desc"
        return f"filter {asked} | stats count() as calls by {CALLER}, {MODEL} | sort calls desc"

    @property
    def a_day_before(self) -> "Question":
        """The same question for the same time on the previous day."""
        day = timedelta(days=1)
        return self._replace(start=self.start - day, end=self.end - day)

    @property
    def _filter(self) -> str:
        event = "usage" if self.is_of_usage else "invocation"
        return "filter " + " and ".join((f'event = "{event}"', *self.filters))

    @property
    def _used(self) -> str:
        order = "dollars" if self.subject.is_about_money else "calls"
        # A line also has priced calls, so its tokens are not those of the unpriced ones.
        tokens = (
            ""
            if self.subject.used == "unpriced"
            else " sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,"
        )
        return (
            f"| stats sum({self.subject.used}) as calls,{tokens} sum(total_usd) as dollars"
            f" by {CALLER}, {APPLICATION}, {MODEL}\n| sort {order} desc"
        )


_BY_GUARDRAIL: Final = (CALLER, POLICY, MODEL)
_BY_ERROR: Final = (ERROR, CALLER, MODEL)
_BLOCKED: Final = Subject("blocked by a guardrail", 'guardrail.verdict = "blocked"', _BY_GUARDRAIL)
_FOUND: Final = Subject(
    "with findings of guardrails",
    'guardrail.verdict in ["blocked", "masked", "detected"]',
    _BY_GUARDRAIL,
)
_MASKED: Final = Subject("with masked text", 'guardrail.verdict = "masked"', _BY_GUARDRAIL)
_DETECTED: Final = Subject(
    "with findings that were let through", 'guardrail.verdict = "detected"', _BY_GUARDRAIL
)
_UNEXPLAINED: Final = Subject(
    "changed by a guardrail that does not say why",
    'guardrail.verdict = "unexplained"',
    (CALLER, MODEL),
)
_FAILED: Final = Subject("failed", 'status = "error"', _BY_ERROR)
_THROTTLED: Final = Subject("throttled", 'error_code = "ThrottlingException"', (MODEL, CALLER))
_UNGUARDED: Final = Subject(
    "without a guardrail",
    'status = "ok" and guardrail.verdict = "none"',
    (MODEL, CALLER),
    is_of_every_call=True,
)
_UNPRICED: Final = Subject(
    "without a price",
    'priced = "unpriced"',
    (MODEL, CALLER),
    is_of_every_call=True,
    used="unpriced",
)
_ANSWERED: Final = Subject(
    "answered", 'status = "ok"', (MODEL, CALLER), is_of_every_call=True, used="answered"
)
_PAID: Final = Subject(
    "made",
    'status = "ok"',
    (CALLER, APPLICATION, MODEL),
    is_of_every_call=True,
    is_about_money=True,
    used="calls",
)

# By the name of the metric: where Bedrock and we share a name, both mean the same calls.
SUBJECTS: Final[Mapping[str, Subject]] = {
    "ContentFilteredCount": _BLOCKED,
    "DetectedCount": _DETECTED,
    "MaskedCount": _MASKED,
    "PolicyHits": _FOUND,
    "UnexplainedInterventions": _UNEXPLAINED,
    "UnguardedInvocations": _UNGUARDED,
    "InvocationErrors": _FAILED,
    "InvocationClientErrors": _FAILED,
    "InvocationServerErrors": _FAILED,
    "InvocationThrottles": _THROTTLED,
    "Throttles": _THROTTLED,
    "EstimatedCost": _PAID,
    "EstimatedTPMQuotaUsage": _ANSWERED,
    "InputTokens": _ANSWERED,
    "InputTokenCount": _ANSWERED,
    "InvocationLatency": _ANSWERED,
    "Latency": _ANSWERED,
    "OutputTokens": _ANSWERED,
    "OutputTokenCount": _ANSWERED,
    "UnpricedInvocations": _UNPRICED,
}
# By the name of the alarm, for those that watch no metric.
_BY_ALARM: Final[Mapping[str, Subject]] = {"BedrockDegraded": _FAILED}
# Filters by dimension. The text of findings has one form, see `event_lines.py`.
_DIMENSIONS: Final[Mapping[str, str]] = {
    "Application": 'application = "{}"',
    "ErrorCode": 'error_code = "{}"',
    "ModelId": '(model = "{0}" or inference_profile = "{0}")',
    "Modality": 'modality = "{}"',
    "Principal": 'principal = "{}"',
}
# The dimensions of usage lines.
_IN_USAGE: Final = frozenset({"Application", "ModelId", "Principal"})
_FINDINGS: Final[Mapping[str, str]] = {
    "Action": '@message like /"action":"{}"/',
    "Category": '@message like /"category":"{}"/',
    "GuardrailId": '@message like /"guardrail_id":"{}"/',
    "Policy": '@message like /"policy":"{}"/',
}


def question(change: StateChange, *, every_call: bool = False) -> Question | None:
    """Return the question about an alarm, None if event lines cannot answer it.

    `every_call` says that all calls have a line, and not only those with an error or a finding.
    """
    subject, dimensions = _watched(change)
    if subject is None:
        return None
    # Usage lines also have the guardrails' cost; if every call has an event line, those say more.
    is_of_usage = subject.is_about_money or (subject.is_of_every_call and not every_call)
    if is_of_usage and not subject.used:
        return None
    filters = [_narrowed(name, value) for name, value in dimensions]
    names = dict(dimensions).keys()
    is_told = names <= _IN_USAGE if is_of_usage else "Application" not in names
    if not all(filters) or not is_told:
        return None  # a wider result would be wrong
    start, end = window(change)
    if is_of_usage:
        counted = () if subject.used == "calls" else (f"{subject.used} > 0",)
        return Question(subject, (*counted, *filters), start, end, is_of_usage=True)
    return Question(subject, (subject.filter, *filters), start, end)


def callers_query(change: StateChange, *, every_call: bool = False) -> tuple[str, str]:
    """Return a query that names the callers, and its log; both empty if there is none.

    Calls that may have no event line are found in Bedrock's own invocation log.
    """
    subject, _ = _watched(change)
    if subject is None:
        return "", ""
    asked = question(change, every_call=every_call)
    if asked:
        return asked.callers, "the usage lines" if asked.is_of_usage else "the event lines"
    return _OF_THE_LOG if subject.is_of_every_call else ("", "")


def window(change: StateChange) -> tuple[datetime, datetime]:
    """Return the start and end of the calls that an alarm is about."""
    periods = [metric.period or 0 for metric in change.metrics]
    periods += [expression.period or 0 for expression in change.expressions]
    judged = max(1, len(change.recent_values))
    length = timedelta(seconds=max(periods) * judged) if any(periods) else _UNSAID
    start = change.at - min(max(length, _SHORTEST), _LONGEST)
    return start, change.at + _LATE_LINES


def _watched(change: StateChange) -> tuple[Subject | None, tuple[tuple[str, str], ...]]:
    of_series = change.contributor.attributes if change.contributor else ()
    for name in _metric_names(change):
        if name in SUBJECTS:
            sets = [set(metric.dimensions) for metric in change.metrics if metric.name == name]
            # A sum over several sets of dimensions is about their common part.
            common = set.intersection(*sets) if sets else set()
            return SUBJECTS[name], (*sorted(common), *of_series)
    return _BY_ALARM.get(suffix_of(change.alarm_name)), of_series


def _metric_names(change: StateChange) -> Iterator[str]:
    """Yield possible metric names, those that are read directly first."""
    yield from (metric.name for metric in change.metrics)
    for expression in change.expressions:
        yield from _WORD.findall(expression.text)


def _narrowed(name: str, value: str) -> str:
    """Return the filter for a dimension, empty if none is certainly safe."""
    if value == _OTHERS:
        return ""
    if name in _DIMENSIONS and _PLAIN.fullmatch(value):
        return _DIMENSIONS[name].format(value)
    if name in _FINDINGS and _PLAIN_WORD.fullmatch(value):
        return _FINDINGS[name].format(value)
    return ""
