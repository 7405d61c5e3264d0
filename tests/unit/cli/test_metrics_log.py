"""EMF lines in a function's log become the data points that CloudWatch would have."""

import io
import json

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.metrics import Datapoint
from bedrock_alerts_cli import simulator
from bedrock_alerts_cli.local_stack.metrics_log import MetricsLog

MINUTE = 1_795_420_800


def emf(*counts: float, model: str = "") -> list[str]:
    """Return what the collector writes for a count a minute."""
    stream = io.StringIO()
    points = [
        Datapoint(
            metric="ContentFilteredCount",
            dimensions=(("ModelId", model),) if model else (),
            minute=MINUTE + 60 * number,
            values=(count,),
        )
        for number, count in enumerate(counts)
    ]
    EmfSink("BedrockAlerts", stream).publish(points)
    return stream.getvalue().splitlines()


def point(value: float, minute: int = MINUTE, **where: str) -> simulator.Datapoint:
    return simulator.Datapoint(
        namespace="BedrockAlerts",
        metric="ContentFilteredCount",
        dimensions=tuple(where.items()),
        minute=minute,
        values=(value,),
    )


def test_emf_lines_become_data_points_and_other_lines_nothing() -> None:
    lines = [*emf(2, 5, model="m"), "START RequestId", '{"_aws": "not EMF"}', '{"_aws"']
    assert MetricsLog().read(lines) == [
        point(2, ModelId="m"),
        point(5, MINUTE + 60, ModelId="m"),
    ]


def test_several_values_of_a_minute_stay_several() -> None:
    (line,) = emf(2)
    document = {**json.loads(line), "ContentFilteredCount": [1, 2, 2]}
    (read,) = MetricsLog().read([json.dumps(document)])
    assert read.values == (1, 2, 2)


def test_a_line_is_read_once_however_often_the_log_is() -> None:
    log = MetricsLog()
    assert log.read(emf(4)) == [point(4)]
    assert log.read(emf(4)) == []
    assert log.read([*emf(4), *emf(5)]) == [point(5)]


def test_a_line_that_was_written_again_counts_again() -> None:
    log = MetricsLog()
    log.read(emf(4))
    assert log.read([*emf(4), *emf(4)]) == [point(4)]
