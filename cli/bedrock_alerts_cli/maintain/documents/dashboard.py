"""The dashboard: its widgets, their places, and the JSON that the template holds.

`Row` by `Row` from top to bottom; a row's widgets share its 24 columns in their order, so nothing
can overlap. The text of the template has CloudFormation's `${…}` for what differs from stack to
stack. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

COLUMNS: Final = 24
OWN: Final = "${MetricsNamespace}"
_BEDROCK: Final = "AWS/Bedrock"
_STACK: Final = "${AWS::StackName}"
_FIVE_MINUTES: Final = 300
_HOUR: Final = 3600

# The results of guardrails, always in the same colors.
_BLOCKED, _MASKED, _DETECTED, _UNEXPLAINED = "#d13212", "#ff9900", "#dfb52c", "#8c4fff"
_QUIET: Final = "#879596"

Metric: TypeAlias = list[Any]


class Widget(NamedTuple):
    """One picture: its share of the row's columns, its kind, and what CloudWatch wants to know."""

    width: int
    kind: str
    properties: Mapping[str, Any]


class Row(NamedTuple):
    """Widgets side by side; a unit of height is about 50 pixels."""

    height: int
    widgets: tuple[Widget, ...]


def own(metric: str, label: str, color: str = "", **options: Any) -> Metric:
    """Return one of our metrics, over everything."""
    return _line(OWN, metric, label, color, **options)


def native(metric: str, label: str, color: str = "", **options: Any) -> Metric:
    """Return one of Bedrock's own metrics, over everything: it is there whatever AlarmSet is."""
    return _line(_BEDROCK, metric, label, color, **options)


def _line(namespace: str, metric: str, label: str, color: str, **options: Any) -> Metric:
    return [namespace, metric, {"label": label, **({"color": color} if color else {}), **options}]


def by(
    dimensions: str,
    metric: str,
    stat: str = "Sum",
    period: int = _FIVE_MINUTES,
    namespace: str = f'"{OWN}"',
) -> Metric:
    """Return a line for each value of `dimensions` (comma separated) that has data."""
    names = dimensions.split(",")
    label = " ".join(f"${{PROP('Dim.{name}')}}" for name in names)
    schema = ",".join([namespace, *names])
    expression = f"SEARCH('{{{schema}}} MetricName=\"{metric}\"', '{stat}', {period})"
    return [{"expression": expression, "label": label, "id": "by", "period": period}]


def graph(width: int, title: str, *metrics: Metric, **more: Any) -> Widget:
    """Return lines over time; `stacked` adds them up to the eye."""
    properties: dict[str, Any] = {
        "title": title,
        "view": "timeSeries",
        "stacked": False,
        "region": "${AWS::Region}",
        "stat": "Sum",
        "period": _FIVE_MINUTES,
        "yAxis": {"left": {"min": 0, "showUnits": False}},
    }
    return Widget(width, "metric", {**properties, **more, "metrics": list(metrics)})


def logged(width: int, title: str, query: str) -> Widget:
    """Return a table of a query over the collector's lines; it runs when the page is shown."""
    source = f"SOURCE '/aws/lambda/{_STACK}-${{Collector}}'"
    properties = {
        "title": title,
        "region": "${AWS::Region}",
        "view": "table",
        "query": f"{source} | {query}",
    }
    return Widget(width, "log", properties)


def spent(width: int, title: str, name: str) -> Widget:
    """Return who or what cost how much, from the usage lines: they are there in every AlarmSet."""
    # Most calls name no application.
    named = f" | fields coalesce({name}, '(none)') as app" if name == "application" else ""
    return logged(
        width,
        title,
        f"filter event = 'usage'{named} | stats sum(total_usd) as usd, sum(calls) as all_calls,"
        f" sum(errors) as failed, sum(blocked) as blocked_calls by {'app' if named else name}"
        " | sort usd desc | limit 10",
    )


def alarm_list(width: int, title: str, **more: Any) -> Widget:
    """Return the stack's alarms, those in ALARM first, then those without data."""
    order = {"title": title, "sortBy": "stateUpdatedTimestamp", "alarms": "${Alarms}"}
    return Widget(width, "alarm", {**order, **more})


def rows(functions: list[str], queues: list[str]) -> tuple[Row, ...]:
    """Return the whole, with the functions and queues (resources that are always made) to watch.

    The order is that of a reader's questions: is anything wrong, who spends how much, what do
    guardrails find, how fast is it, what fails, and do alerts arrive.
    """
    return (
        Row(3, (alarm_list(24, _WRONG, states=["ALARM", "INSUFFICIENT_DATA"]),)),
        Row(3, (_in_short(),)),
        Row(
            5,
            (
                spent(7, "Spend by caller, USD", "principal"),
                spent(7, "Spend by application, USD", "application"),
                spent(10, "Spend by model, USD", "model"),
            ),
        ),
        Row(4, _how_much()),
        Row(5, _guardrails()),
        Row(4, _latency()),
        Row(4, _failures()),
        Row(5, _notifier(functions, queues)),
        Row(
            6,
            (
                logged(
                    15,
                    "Latest failures and findings",
                    "filter event = 'invocation' "
                    "and (status = 'error' or guardrail.verdict not in ['none', 'clean'])"
                    " | fields timestamp, principal, model, guardrail.verdict,"
                    " guardrail.hits.0.policy, guardrail.hits.0.category, error_code"
                    " | sort @timestamp desc | limit 50",
                ),
                alarm_list(9, "All alarms"),
            ),
        ),
    )


_WRONG: Final = "Is anything wrong now? Alarms that fire, or have no data (empty: none)"


def _in_short() -> Widget:
    return Widget(
        24,
        "metric",
        {
            "title": "In the time shown",
            "view": "singleValue",
            "setPeriodToTimeRange": True,
            "region": "${AWS::Region}",
            "stat": "Sum",
            "metrics": [
                own("EstimatedCost", "USD for models"),
                own("GuardrailCost", "USD for guardrails"),
                own("Invocations", "calls"),
                native("InvocationServerErrors", "server errors"),
                native("InvocationClientErrors", "client errors"),
                native("InvocationThrottles", "throttled"),
                own("ContentFilteredCount", "blocked by a guardrail", _BLOCKED),
                own("UnguardedInvocations", "without a guardrail", _QUIET),
            ],
        },
    )


def _how_much() -> tuple[Widget, ...]:
    return (
        graph(
            8,
            "USD an hour (estimated)",
            own("EstimatedCost", "models"),
            own("GuardrailCost", "guardrails"),
            stacked=True,
            period=_HOUR,
        ),
        graph(8, "Calls by model", by("ModelId", "Invocations", namespace=_BEDROCK), stacked=True),
        graph(
            8,
            "Tokens",
            native("InputTokenCount", "input"),
            native("OutputTokenCount", "output"),
            native("CacheReadInputTokenCount", "read from the cache"),
            native("CacheWriteInputTokenCount", "written to the cache"),
            stacked=True,
        ),
    )


def _guardrails() -> tuple[Widget, ...]:
    return (
        graph(
            8,
            "Guardrail findings by policy and action",
            by("Policy,Action", "PolicyHits"),
            stacked=True,
        ),
        graph(8, "Blocked calls by caller", by("Principal", "ContentFilteredCount"), stacked=True),
        graph(
            8,
            "What guardrails did to calls",
            own("ContentFilteredCount", "blocked", _BLOCKED),
            own("MaskedCount", "masked (AlarmSet=all)", _MASKED),
            own("DetectedCount", "found, let through (AlarmSet=all)", _DETECTED),
            own(
                "UnexplainedInterventions",
                "changed without a trace (AlarmSet=all)",
                _UNEXPLAINED,
            ),
            stacked=True,
        ),
    )


def _latency() -> tuple[Widget, ...]:
    return (
        graph(
            8,
            "Milliseconds, p95 by model",
            by("ModelId", "InvocationLatency", "p95", namespace=_BEDROCK),
        ),
        graph(
            8,
            "Milliseconds until the last byte",
            *(native("InvocationLatency", stat, stat=stat) for stat in ("p50", "p95", "p99")),
        ),
        graph(
            8,
            "Milliseconds until the first token",
            native("TimeToFirstToken", "p50", stat="p50"),
            native("TimeToFirstToken", "p95", stat="p95"),
        ),
    )


def _failures() -> tuple[Widget, ...]:
    return (
        graph(8, "Failed calls by error", by("ErrorCode", "InvocationErrors"), stacked=True),
        graph(
            8,
            "Errors and throttles, as Bedrock counts them",
            native("InvocationServerErrors", "server errors", _BLOCKED),
            native("InvocationClientErrors", "client errors", _MASKED),
            native("InvocationThrottles", "throttled", _UNEXPLAINED),
            stacked=True,
        ),
        graph(
            8,
            "Is everything counted?",
            [
                {
                    "expression": "SUM(SEARCH('{AWS/Bedrock,ModelId} "
                    f"MetricName=\"Invocations\"', 'Sum', {_FIVE_MINUTES}))",
                    "label": "calls that Bedrock counts",
                    "id": "native",
                    "color": _QUIET,
                }
            ],
            own("RecordsReceived", "lines counted here"),
            own("RecordsRejected", "unreadable lines", _BLOCKED),
        ),
    )


def _notifier(functions: list[str], queues: list[str]) -> tuple[Widget, ...]:
    watched = {
        "${Collector}": "${CollectorFunction}",
        **{_called(name): f"${{{name}}}" for name in functions},
    }
    return (
        graph(
            6,
            "Do alerts arrive? Milliseconds until sent",
            own("AlertLatency", "p50", stat="p50"),
            own("AlertLatency", "slowest", _BLOCKED, stat="Maximum"),
        ),
        graph(
            6,
            "Alerts: sent and failed",
            own("NotificationsSent", "sent"),
            own("NotificationsFailed", "failed attempts", _BLOCKED),
            own("NotificationsSuppressed", "not sent, on purpose", _QUIET),
        ),
        graph(
            6,
            "Alerts that wait or could not be sent",
            *(
                [
                    "AWS/SQS",
                    "ApproximateNumberOfMessagesVisible",
                    "QueueName",
                    f"${{{name}.QueueName}}",
                    {"stat": "Maximum", "label": _called(name)},
                ]
                for name in queues
            ),
        ),
        graph(
            6,
            "Functions: errors and throttles",
            *(
                [
                    "AWS/Lambda",
                    metric,
                    "FunctionName",
                    function,
                    {"label": f"{name} {metric.lower()}"},
                ]
                for name, function in watched.items()
                for metric in ("Errors", "Throttles")
            ),
        ),
    )


_CAPITAL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def _called(resource: str) -> str:
    """Return what a function or queue is called in a legend."""
    for ending, words in (
        ("DeadLetterQueue", " in the dead-letter queue"),
        ("Queue", " waiting"),
        ("Function", ""),
    ):
        if resource.endswith(ending):
            return _CAPITAL.sub(" ", resource.removesuffix(ending)).lower() + words
    return resource


def placed(layout: tuple[Row, ...]) -> Iterator[dict[str, Any]]:
    """Give every widget its place. Raises ValueError at a row that is wider than the page."""
    y = 0
    for row in layout:
        x = 0
        for widget in row.widgets:
            if x + widget.width > COLUMNS:
                raise ValueError(f"the row at {y} is wider than {COLUMNS} columns")
            place = {"x": x, "y": y, "width": widget.width, "height": row.height}
            yield {"type": widget.kind, **place, "properties": dict(widget.properties)}
            x += widget.width
        y += row.height


def body(layout: tuple[Row, ...]) -> str:
    """Return the JSON as the template holds it: a widget some lines, a metric a line."""
    widgets = ",\n".join(_indented(_widget(widget), 2) for widget in placed(layout))
    head = '"start": "-PT12H", "periodOverride": "inherit"'
    text = f'{{ {head}, "widgets": [\n{widgets}\n] }}\n'
    # Dynamic labels of CloudWatch look like substitutions of CloudFormation.
    return text.replace("${PROP", "${!PROP").replace('"${Alarms}"', "${Alarms}")


def _widget(widget: dict[str, Any]) -> str:
    place = json.dumps({key: value for key, value in widget.items() if key != "properties"})
    lines = []
    for name, value in widget["properties"].items():
        if name == "metrics":
            metrics = ",\n".join(f"    {json.dumps(metric)}" for metric in value)
            lines.append(f'"metrics": [\n{metrics}\n  ]')
        else:
            lines.append(f'"{name}": {json.dumps(value)}')
    properties = ",\n".join(f"  {line}" for line in lines)
    return f'{place[:-1]}, "properties": {{\n{properties}\n}}}}'


def _indented(text: str, by_columns: int) -> str:
    return "\n".join(" " * by_columns + line for line in text.splitlines())


def resource(template: Mapping[str, Any]) -> str:
    """Return the resource for the template."""
    made = {
        kind: [
            name
            for name, definition in template["Resources"].items()
            if definition["Type"] == kind and "Condition" not in definition
        ]
        for kind in ("AWS::Serverless::Function", "AWS::SQS::Queue")
    }
    text = body(rows(made["AWS::Serverless::Function"], made["AWS::SQS::Queue"]))
    return _RESOURCE.format(
        body=_indented(text.rstrip(), 10), alarms=_indented("\n".join(_arns(template)), 18)
    )


def _arns(template: Mapping[str, Any]) -> Iterator[str]:
    for name, definition in template["Resources"].items():
        if definition["Type"] in _ALARMS:
            arn = f"!Sub '\"${{{name}.Arn}}\",'"
            condition = definition.get("Condition")
            yield f'- !If [{condition}, {arn}, ""]' if condition else f"- {arn}"


_ALARMS: Final = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
# Each alarm brings a comma; the one before the bracket is taken away again.
_RESOURCE: Final = """\
  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Condition: HasDashboard
    Properties:
      # Dashboard names are unique in the account, not in the Region.
      DashboardName: !Sub "${{AWS::StackName}}-${{AWS::Region}}"
      DashboardBody: !Sub
        - |
{body}
        - Collector: !If
            - ReadsLogGroup
            - collect-logs
            - !If [ReadsBucket, collect-objects, collect-stream]
          CollectorFunction: !If
            - ReadsLogGroup
            - !Ref CollectLogsFunction
            - !If [ReadsBucket, !Ref CollectObjectsFunction, !Ref CollectStreamFunction]
          Alarms: !Join
            - "]"
            - !Split
              - ",]"
              - !Join
                - ""
                - - "["
{alarms}
                  - "]"
"""
