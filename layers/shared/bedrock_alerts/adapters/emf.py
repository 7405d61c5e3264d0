"""Metrics as log lines: CloudWatch's embedded metric format, written to standard output.

Every key of a line is one of ours, and every value is a finite number or printable ASCII: whatever
a record holds, no line can carry an `_aws` block that is not ours. No API is called and no
permission is needed. Specification:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final, TextIO

import msgspec

from bedrock_alerts.limits import EMF_LINE_BYTES, EMF_METRICS_PER_LINE, EMF_VALUES_PER_METRIC
from bedrock_alerts.metrics import Datapoint

_encode: Final = msgspec.json.Encoder().encode
# So many hits and ids always fit into a line, however long their names are.
_HITS_THAT_FIT: Final = 50


class EmfSink:
    """Writes data points and event lines to `stream`, standard output by default."""

    def __init__(self, namespace: str, stream: TextIO | None = None) -> None:
        self._namespace = namespace
        self._stream = stream

    def publish(
        self, datapoints: Iterable[Datapoint], events: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        """Write everything in one go: a function that fails before this has published nothing."""
        lines = [_event_line(event) for event in events]
        lines.extend(emf_lines(datapoints, self._namespace))
        if not lines:
            return
        stream = self._stream or sys.stdout
        stream.write(b"\n".join(lines).decode() + "\n")
        stream.flush()


def _event_line(event: Mapping[str, Any]) -> bytes:
    """Return an event as one line; of more hits than a line can hold, the first ones."""
    line = _encode({"event": "invocation", **event})
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
    return _encode({"event": "invocation", **event, "guardrail": shown})


def emf_lines(datapoints: Iterable[Datapoint], namespace: str) -> Iterator[bytes]:
    """Return the lines for data points that are sorted by minute and dimensions.

    A line holds one minute and one set of dimensions, at most 100 metrics, and at most 100 values
    of each; what is more goes on in further lines.
    """
    for (minute, dimensions), group in groupby(datapoints, lambda p: (p.minute, p.dimensions)):
        pending = [(point, point.values) for point in group]
        while pending:
            batch, rest = pending[:EMF_METRICS_PER_LINE], pending[EMF_METRICS_PER_LINE:]
            yield _line(minute, dimensions, batch, namespace)
            more = [
                (point, values[EMF_VALUES_PER_METRIC:])
                for point, values in batch
                if len(values) > EMF_VALUES_PER_METRIC
            ]
            pending = rest + more


def _line(
    minute: int,
    dimensions: tuple[tuple[str, str], ...],
    batch: list[tuple[Datapoint, tuple[float, ...]]],
    namespace: str,
) -> bytes:
    document: dict[str, Any] = {
        "_aws": {
            "Timestamp": minute * 1000,
            "CloudWatchMetrics": [
                {
                    "Namespace": namespace,
                    "Dimensions": [[name for name, _ in dimensions]],
                    "Metrics": [{"Name": point.metric, "Unit": point.unit} for point, _ in batch],
                }
            ],
        }
    }
    document.update(dimensions)
    for point, values in batch:
        document[point.metric] = values[0] if len(values) == 1 else values[:EMF_VALUES_PER_METRIC]
    return _encode(document)
