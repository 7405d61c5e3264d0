"""`python -m bedrock_alerts_cli.maintain.dashboard_picture FILE.html`: the dashboard, with samples.

CloudWatch alone can show a dashboard. This draws each widget of the template at its place, with the
project's own plots, from hours of sample traffic that the collector counted. Look at it in a
browser.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

from bedrock_alerts.invocations.aggregate import AggregateOptions
from bedrock_alerts.invocations.collector import Collected, CollectOptions, Parts, collect
from bedrock_alerts.invocations.decode import LogBatch, LogLine
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts_cli.backtest.charts import Plot, amount, bars, lines
from bedrock_alerts_cli.local_stack import sample_traffic as traffic
from bedrock_alerts_cli.project import ROOT
from bedrock_alerts_cli.template import load
from bedrock_alerts_cli.template.stack import Stack

_HOURS: Final = 4
_BUCKETS: Final = 48
_OWN: Final = "BedrockAlerts"
_BEDROCK: Final = "AWS/Bedrock"
_SEARCH: Final = re.compile(r"SEARCH\('\{([^}]*)\} MetricName=\"(\w+)\"'")
_SUM: Final = re.compile(r"sum\((\w+)\) as (\w+)")
_BY: Final = re.compile(r" by (\w+) ")
_UNIT: Final = 50
_FIRING: Final = ("PromptAttack", "Throttling")
_SILENT: Final = ("TokenQuota", "LogSilence")
_COLOURS: Final = ("#2f6fb7", "#d98324", "#3c9a5f", "#b3261e", "#7b5bbd", "#5b6776", "#c2a100")

Dimensions = tuple[tuple[str, str], ...]


class Sample(NamedTuple):
    """Values by namespace, metric, dimensions and bucket, and the collector's lines."""

    points: Mapping[tuple[str, str, Dimensions], list[list[float]]]
    lines: tuple[Mapping[str, Any], ...]


def sample() -> Sample:
    """Return hours of sample traffic, as counted by the collector and by Bedrock."""
    start = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    records: list[tuple[datetime, dict[str, Any]]] = []
    story = start
    while story < start + timedelta(hours=_HOURS):
        for _, minute in traffic.story(story, seed=story.hour * 60 + story.minute):
            records += minute
        story += timedelta(minutes=len(traffic.STORY))
    records = [one for one in records if one[0] < start + timedelta(hours=_HOURS)]
    found: defaultdict[tuple[str, str, Dimensions], list[list[float]]] = defaultdict(
        lambda: [[] for _ in range(_BUCKETS)]
    )

    def bucket(seconds: float) -> int:
        share = (seconds - start.timestamp()) / (_HOURS * 3600)
        return min(_BUCKETS - 1, max(0, int(share * _BUCKETS)))

    counted = _counted(records)
    for point in counted.datapoints:
        key = (_OWN, point.metric, tuple(sorted(point.dimensions)))
        found[key][bucket(point.minute)] += point.values
    for at, record in records:
        for metric, value in _native(record):
            for dimensions in ((), (("ModelId", record["modelId"]),)):
                found[_BEDROCK, metric, dimensions][bucket(at.timestamp())].append(value)
    for number in range(0, _BUCKETS, 5):
        found[_OWN, "AlertLatency", ()][number] += [900.0, 1_400.0, 2_600.0]
        found[_OWN, "NotificationsSent", ()][number] += [2.0]
    return Sample(found, tuple(json.loads(line) for line in (*counted.events, *counted.usage)))


def _counted(records: list[tuple[datetime, dict[str, Any]]]) -> Collected:
    batch = LogBatch(
        log_events=tuple(
            LogLine(json.dumps(record), f"e{number}", int(at.timestamp() * 1000))
            for number, (at, record) in enumerate(records)
        ),
        message_type="DATA_MESSAGE",
    )
    options = CollectOptions(aggregate=AggregateOptions(metric_set="essential"))
    return collect((batch,), Parts(Prices.load(), options), now=records[-1][0].timestamp() + 60)


def _native(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield what Bedrock counts for a call, about."""
    if "errorCode" in record:
        yield "InvocationThrottles", 1
        return
    yield "Invocations", 1
    read = record.get("input", {}).get("inputTokenCount", 0)
    yield "InputTokenCount", read
    wrote = record.get("output", {}).get("outputTokenCount", 0)
    yield "OutputTokenCount", wrote
    yield "InvocationLatency", 300 + 11 * wrote
    yield "TimeToFirstToken", 250 + read / 20


def page(board: Mapping[str, Any], found: Sample) -> str:
    """Return the dashboard as one HTML page."""
    widgets = board["widgets"]
    height = max(one["y"] + one["height"] for one in widgets) * _UNIT
    shown = "".join(_placed(one, _content(one, found)) for one in widgets)
    return (
        f"<!doctype html><meta charset=utf-8><style>{_CSS}</style>"
        f'<main style="height: {height}px">{shown}</main>'
    )


def _placed(widget: Mapping[str, Any], content: str) -> str:
    left, width = (100 * widget[name] / 24 for name in ("x", "width"))
    top, height = (_UNIT * widget[name] for name in ("y", "height"))
    title = escape(widget["properties"]["title"])
    return (
        f'<section style="left: {left}%; width: {width}%; top: {top}px; height: {height}px">'
        f"<div><h2>{title}</h2>{content}</div></section>"
    )


def _content(widget: Mapping[str, Any], found: Sample) -> str:
    properties = widget["properties"]
    if widget["type"] == "alarm":
        return _alarms(properties)
    if widget["type"] == "log":
        return _table(properties["query"], found.lines)
    series = dict(_series(properties, found))
    if properties["view"] == "singleValue":
        values = {name: sum(sum(one) for one in values) for name, values in series.items()}
        return "".join(
            f"<p class=big><b>{amount(value, 'USD' if 'USD' in name else '')}</b>{escape(name)}</p>"
            for name, value in values.items()
        )
    return _drawn(properties, series)


def _series(
    properties: Mapping[str, Any], found: Sample
) -> Iterator[tuple[str, list[list[float]]]]:
    empty: list[list[float]] = [[] for _ in range(_BUCKETS)]
    for metric in properties["metrics"]:
        texts = [part for part in metric if isinstance(part, str)]
        options = metric[-1] if isinstance(metric[-1], dict) else {}
        if texts:
            pairs = tuple(sorted(zip(texts[2::2], texts[3::2], strict=True)))
            yield options.get("label", texts[1]), found.points.get((*texts[:2], pairs), empty)  # type: ignore[arg-type] # two texts
            continue
        search = _SEARCH.search(options["expression"])
        if search is None:
            continue
        namespace, *names = search[1].split(",")
        together: list[list[float]] = [[] for _ in range(_BUCKETS)]
        is_sum = options["expression"].startswith("SUM(")
        for (space, name, dimensions), values in found.points.items():
            has = [key for key, _ in dimensions] == sorted(names)
            if (space, name) == (namespace.strip('"'), search[2]) and has:
                if is_sum:
                    together = [
                        [*all_of, *one] for all_of, one in zip(together, values, strict=True)
                    ]
                else:
                    yield " ".join(value for _, value in dimensions), values
        if is_sum:
            yield options["label"], together


def _drawn(properties: Mapping[str, Any], series: Mapping[str, list[list[float]]]) -> str:
    shown = {name: values for name, values in series.items() if any(values)}
    if "Milliseconds" not in properties["title"]:
        sums = {name: [sum(one) for one in values] for name, values in shown.items()}
        unit = "USD" if "USD" in properties["title"] else ""
        draw = bars if properties["stacked"] else lines
        plot = draw(properties["title"], unit, sums)
    else:
        stats = {name: [_high(one, name) for one in values] for name, values in shown.items()}
        plot = lines(properties["title"], "ms", stats)
    return _svg(plot, [name for name in series if name not in shown])


def _high(values: list[float], name: str) -> float | None:
    """Return a percentile by the name of the line, the 95th if it names none."""
    share = {"p50": 0.5, "p99": 0.99, "slowest": 1.0}.get(name, 0.95)
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else None


def _svg(plot: Plot, empty: list[str]) -> str:
    fill = "fill" if plot.kind == "bars" else "stroke"
    paths = "".join(
        f'<path d="{path}" {fill}="{_COLOURS[colour % 7]}" class={plot.kind} />'
        for path, colour in plot.shapes
    )
    keys = "".join(
        f'<span><i style="background: {_COLOURS[one.colour % 7]}"></i>{escape(one.name)}'
        f" {escape(one.amount)}</span>"
        for one in plot.legend
    )
    none = f"<span class=none>no data: {escape(', '.join(empty))}</span>" if empty else ""
    return (
        f'<div class=plot><svg viewBox="0 0 1000 100" preserveAspectRatio="none">{paths}</svg>'
        f"<small>{escape(plot.top)}</small></div><footer>{keys}{none}</footer>"
    )


def _table(query: str, log: tuple[Mapping[str, Any], ...]) -> str:
    by = _BY.search(query)
    if by is None:
        shown = [line for line in log if line["event"] == "invocation"][-12:]
        head = ["timestamp", "principal", "model", "verdict", "error"]
        body = [
            [line["timestamp"], line["principal"], line["model"], line["guardrail"]["verdict"],
             line["error_code"] or ""]
            for line in reversed(shown)
        ]  # fmt: skip
    else:
        sums: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        for line in log:
            if line["event"] == "usage":
                for field, name in _SUM.findall(query):
                    sums[str(line[{"app": "application"}.get(by[1], by[1])] or "(none)")][name] += (
                        line[field]
                    )
        names = [name for _, name in _SUM.findall(query)]
        order = sorted(sums.items(), key=lambda one: -one[1][names[0]])[:10]
        head = [by[1], *names]
        body = [[label, *(f"{found[name]:,.6g}" for name in names)] for label, found in order]
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in body
    )
    return f"<table><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>{rows}</table>"


def _alarms(properties: Mapping[str, Any]) -> str:
    names = [arn.rpartition(":")[2].partition(".")[2] for arn in properties["alarms"]]
    states = {
        name: "ALARM" if name in _FIRING else "INSUFFICIENT_DATA" if name in _SILENT else "OK"
        for name in names
    }
    order = sorted(names, key=lambda name: states[name])
    shown = [name for name in order if states[name] in properties.get("states", states.values())]
    return "".join(f"<b class=alarm data-state={states[name]}>{name}</b>" for name in shown)


_CSS: Final = """
body { margin: 0; font: 12px/1.35 system-ui, sans-serif; background: #f2f3f3; color: #16191f; }
main { position: relative; width: 1440px; margin: 8px; }
section { position: absolute; padding: 3px; box-sizing: border-box; }
section > div { background: #fff; border: 1px solid #d5dbdb; height: 100%; box-sizing: border-box; padding: 6px 8px; overflow: hidden; display: flex; flex-direction: column; }
section:has(.big) > div, section:has(.alarm) > div { display: block; }
h2 { font-size: 13px; margin: 0 0 4px; }
.plot { flex: 1; position: relative; min-height: 0; border-bottom: 1px solid #d5dbdb; } svg { width: 100%; height: 100%; }
.plot small { position: absolute; top: 0; left: 0; color: #687078; }
path.lines { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
footer { max-height: 52px; overflow: hidden; padding-top: 3px; } footer span { margin-right: 10px; } footer .none { color: #687078; }
footer i { display: inline-block; width: 9px; height: 9px; margin-right: 4px; }
.big { display: inline-block; width: 12%; margin: 12px 0 0; } .big b { display: block; font-size: 24px; }
.alarm { display: inline-block; margin: 2px; padding: 3px 8px; border: 1px solid #3c9a5f; border-left-width: 6px; font-weight: 400; }
.alarm[data-state=ALARM] { border-color: #d13212; background: #fdf3f1; } .alarm[data-state=INSUFFICIENT_DATA] { border-color: #879596; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 2px 8px 2px 0; border-bottom: 1px solid #eaeded; white-space: nowrap; }
"""  # noqa: E501 - one rule a line


def dashboard_page() -> str:
    """Return the template's dashboard, with samples, as a page."""
    stack = Stack(load(ROOT / "template.yaml"), {})
    (dashboard,) = stack.resources("AWS::CloudWatch::Dashboard").values()
    return page(json.loads(dashboard["DashboardBody"]), sample())


def main() -> int:
    """Write the page into the file that the first argument names."""
    Path(sys.argv[1]).write_text(dashboard_page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
