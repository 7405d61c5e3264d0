"""Metrics as log lines: CloudWatch's embedded metric format, written to standard output.

Every key is one of ours, and every value is a finite number or printable ASCII: no record can add
an `_aws` block to a line. No API is called and no permission is needed. Specification:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import sys
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import Any, Final, TextIO

import msgspec

from bedrock_alerts.limits import EMF_METRICS_PER_LINE, EMF_VALUES_PER_METRIC
from bedrock_alerts.metrics import Datapoint

_encode: Final = msgspec.json.Encoder().encode
_PIECE_BYTES: Final = 1024 * 1024


class EmfSink:
    """Writes data points and event lines to `stream`, standard output by default."""

    def __init__(self, namespace: str, stream: TextIO | None = None) -> None:
        self._namespace = namespace
        self._stream = stream

    def publish(
        self,
        datapoints: Iterable[Datapoint],
        events: Iterable[bytes] = (),
        last: Iterable[bytes] = (),
    ) -> None:
        """Write everything at once: a function that fails before this has published nothing.

        The `last` lines come after the metrics: they prove that those were written.

        A batch is one write. Only the lines of a large log are written in pieces, to save the
        memory of a copy.
        """
        metrics = list(emf_lines(datapoints, self._namespace))
        stream = self._stream or sys.stdout
        for piece in _pieces(chain(events, metrics, last)):
            stream.write(piece)
        stream.flush()


def _pieces(lines: Iterable[bytes]) -> Iterator[str]:
    """Join lines to texts of about a megabyte."""
    piece = bytearray()
    for line in lines:
        piece += line
        piece += b"\n"
        if len(piece) >= _PIECE_BYTES:
            yield piece.decode()
            piece.clear()
    if piece:
        yield piece.decode()


def emf_lines(datapoints: Iterable[Datapoint], namespace: str) -> Iterator[bytes]:
    """Return the lines for data points that are sorted by minute and dimensions.

    A line holds one minute and one set of dimensions, at most 100 metrics, and at most 100 values
    of each; more values continue on further lines.
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
