"""`bedrock-alerts metrics`: the data points that the collector would publish."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias, get_args

import click
import msgspec

from bedrock_alerts.invocations.aggregate import AggregateOptions, PrincipalScope
from bedrock_alerts.invocations.collector import Collected, CollectOptions
from bedrock_alerts.invocations.identity import CallerDetail, Naming
from bedrock_alerts.metrics import DEFAULT_NAMESPACE, METRICS, Datapoint, Dimensions
from bedrock_alerts_cli.counting import count, left_out
from bedrock_alerts_cli.log_files import Sources, nothing_read
from bedrock_alerts_cli.money import six_digits
from bedrock_alerts_cli.options import (
    caller_detail_option,
    prices,
    prices_option,
    profiles,
    profiles_option,
)
from bedrock_alerts_cli.terminal import Column, Row, Table, moment, until_cut_off, write
from bedrock_alerts_cli.user_errors import InputError

_COLUMNS: Final = (
    Column(title="metric", style=lambda _: "bold"),
    Column(title="dimensions", least=24, wraps=True),
    Column(title="minutes", is_right=True, rank=1),
    Column(title="total", is_right=True),
    Column(title="average", is_right=True),
    Column(title="highest", is_right=True),
    Column(title="unit", style=lambda _: "dim", rank=2),
)
_POINTS_AT_ONCE: Final = 1000
_UNITS: Final = {"Count": "", "None": "USD", "Milliseconds": "ms", "Seconds": "s"}

_Series: TypeAlias = tuple[str, Dimensions]


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True), metavar="FILE…"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a data point, nothing else.")
@click.option(
    "--namespace", default=DEFAULT_NAMESPACE, show_default=True, help="Namespace of the metrics."
)
@click.option(
    "--principals",
    type=click.Choice(get_args(PrincipalScope)),
    default="violations",
    show_default=True,
    help="Callers whose calls are counted by principal.",
)
@click.option(
    "--application", metavar="KEY", help="Also count by the value of this key in requestMetadata."
)
@caller_detail_option
@prices_option
@profiles_option
@click.pass_context
def metrics(  # noqa: PLR0913 - click passes every option on its own
    ctx: click.Context,
    files: tuple[str, ...],
    *,
    as_json: bool,
    namespace: str,
    principals: PrincipalScope,
    application: str | None,
    caller_detail: CallerDetail,
    overrides: bytes | None,
    listed: bytes | None,
) -> None:
    """Show the data points that the collector would publish for these logs, minute by minute.

    FILE is what `inspect` reads: a log in any form, a folder of logs, or - for standard input.
    Records delivered twice count once, as they do in AWS, if they are within 100,000 lines.

    \b
    Examples:
      bedrock-alerts metrics calls.json.gz
      bedrock-alerts metrics logs/ --json

    Exit status: 1 if a line was rejected, 2 if no record was found or a file cannot be read.
    """  # noqa: D301 - \b is click's
    options = CollectOptions(
        aggregate=AggregateOptions(
            principals=principals,
            application_key=application or None,
        ),
        naming=Naming(caller_detail),
    )
    with until_cut_off():
        sources = Sources(files, note=lambda text: click.echo(text, err=True))
        collected = count(sources, prices(overrides), options, profiles(listed), shown=True)
        if not collected.processed:
            raise InputError(nothing_read(left_out(collected.counts())))
        if as_json:
            _print_json(namespace, collected.datapoints)
        else:
            _print_table(namespace, collected)
        ctx.exit(1 if collected.rejected else 0)


def _print_json(namespace: str, points: Sequence[Datapoint]) -> None:
    encoder = msgspec.json.Encoder()
    for start in range(0, len(points), _POINTS_AT_ONCE):
        some = points[start : start + _POINTS_AT_ONCE]
        write(encoder.encode_lines([_document(namespace, point) for point in some]))


def _document(namespace: str, point: Datapoint) -> dict[str, Any]:
    """Return the documented fields in their order."""
    return {
        "namespace": namespace,
        "metric": point.metric,
        "dimensions": dict(point.dimensions),
        "timestamp": f"{moment(point.minute).replace(' ', 'T')}Z",
        "unit": point.unit,
        "sum": sum(point.values),
        "count": len(point.values),
        "min": min(point.values),
        "max": max(point.values),
    }


def _print_table(namespace: str, collected: Collected) -> None:
    points = collected.datapoints
    series: defaultdict[_Series, list[Datapoint]] = defaultdict(list)
    for point in points:
        series[point.metric, point.dimensions].append(point)
    order = {metric: place for place, metric in enumerate(METRICS)}
    Table(_COLUMNS).add(
        [
            _row(metric, dimensions, series[metric, dimensions])
            for metric, dimensions in sorted(series, key=lambda one: (order[one[0]], one[1]))
        ]
    )
    write("\n" * bool(points) + "".join(f"{line}\n" for line in _summary(namespace, collected)))


def _row(metric: str, dimensions: Dimensions, points: Sequence[Datapoint]) -> Row:
    unit = METRICS[metric].unit
    is_added_up = METRICS[metric].combine == "sum"
    values = [value for point in points for value in point.values]
    show = six_digits if unit == "None" else _number
    return (
        metric,
        " ".join(f"{name}={value}" for name, value in dimensions),
        f"{len(points):,}",
        show(sum(values)) if is_added_up else "",
        "" if is_added_up else show(sum(values) / len(values)),
        show(max(values)),
        _UNITS[unit],
    )


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _summary(namespace: str, collected: Collected) -> Iterator[str]:
    points = collected.datapoints
    if points:
        minutes = sorted({point.minute for point in points})
        first, last = (moment(at)[:16] for at in (minutes[0], minutes[-1]))
        yield (
            f"{len(points):,} data points in {namespace}, minutes with any: {len(minutes):,}, "
            f"from {first} to {last} UTC"
        )
        yield "highest: in one minute; for times, in one call"
    counts = collected.counts()
    yield f"lines: {', '.join(f'{count:,} {what}' for what, count in counts.items())}"
