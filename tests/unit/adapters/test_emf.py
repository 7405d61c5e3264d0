"""Metrics as lines: valid, within every limit, and with no key that is not ours."""

import io
import json
from collections.abc import Iterable
from typing import Any, Final

import pytest

from bedrock_alerts.adapters.emf import EmfSink, emf_lines
from bedrock_alerts.metrics import METRICS, Datapoint, Dimensions

MINUTE: Final = 1_772_446_500


def point(
    metric: str = "Invocations",
    *values: float,
    dimensions: Dimensions = (),
    minute: int = MINUTE,
) -> Datapoint:
    return Datapoint(metric=metric, dimensions=dimensions, minute=minute, values=values or (1,))


def lines(points: Iterable[Datapoint]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in emf_lines(points, "Example")]


def published(points: Iterable[Datapoint] = (), events: Iterable[bytes] = ()) -> list[Any]:
    stream = io.StringIO()
    EmfSink("Example", stream).publish(points, events)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_exactly_what_the_specification_asks_for() -> None:
    model = (("ModelId", "example"),)
    assert lines([point("Invocations", 2, dimensions=model), point("Latency", 5, 7, dimensions=model)]) == [
        {
            "_aws": {
                "Timestamp": MINUTE * 1000,
                "CloudWatchMetrics": [
                    {
                        "Namespace": "Example",
                        "Dimensions": [["ModelId"]],
                        "Metrics": [
                            {"Name": "Invocations", "Unit": "Count"},
                            {"Name": "Latency", "Unit": "Milliseconds"},
                        ],
                    }
                ],
            },
            "ModelId": "example",
            "Invocations": 2,
            "Latency": [5, 7],
        }
    ]  # fmt: skip


def test_metrics_without_dimensions_have_one_empty_set_of_them() -> None:
    (line,) = lines([point()])
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[]]


def test_minutes_and_dimensions_have_lines_of_their_own() -> None:
    found = lines(
        [
            point(),
            point(dimensions=(("ModelId", "a"),)),
            point(dimensions=(("ModelId", "b"),)),
            point(minute=MINUTE + 60),
        ]
    )
    assert [(line["_aws"]["Timestamp"], line.get("ModelId")) for line in found] == [
        (MINUTE * 1000, None),
        (MINUTE * 1000, "a"),
        (MINUTE * 1000, "b"),
        (MINUTE * 1000 + 60_000, None),
    ]


@pytest.mark.parametrize("count", [99, 100, 101, 200, 250])
def test_more_values_than_a_line_takes_go_on_in_the_next(count: int) -> None:
    found = lines([point(), point("Latency", *range(count)), point("TimeToFirstByte", *range(9))])
    assert len(found) == -(-count // 100)
    values: list[int] = []
    for line in found:
        part = line["Latency"]
        part = part if isinstance(part, list) else [part]
        assert len(part) <= 100
        values += part
    assert values == list(range(count))
    assert [line["Invocations"] for line in found if "Invocations" in line] == [1]
    assert [line["TimeToFirstByte"] for line in found if "TimeToFirstByte" in line] == [
        list(range(9))
    ]


def test_more_metrics_than_a_line_takes_go_on_in_the_next() -> None:
    names = list(METRICS)
    found = lines([point(names[number % len(names)]) for number in range(130)])
    counted = [len(line["_aws"]["CloudWatchMetrics"][0]["Metrics"]) for line in found]
    assert counted == [100, 30]


class Writes(io.StringIO):
    """Keeps the texts it was given one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def write(self, text: str) -> int:
        self.texts.append(text)
        return super().write(text)


def test_everything_is_written_in_one_go_events_first() -> None:
    stream = Writes()
    EmfSink("Example", stream).publish([point()], [b'{"event":"invocation"}'])
    (text,) = stream.texts
    event, metric = text.splitlines()
    assert event == '{"event":"invocation"}'
    assert "_aws" in json.loads(metric)


def test_lines_of_a_large_log_are_written_in_pieces_of_whole_lines() -> None:
    events = [b'{"request_id":"%06d"}' % number for number in range(100_000)]
    stream = Writes()
    EmfSink("Example", stream).publish([point()], events)
    assert len(stream.texts) > 1
    assert all(text.endswith("}\n") and len(text) < 2 * 2**20 for text in stream.texts)
    *lines_written, metric = "".join(stream.texts).splitlines()
    assert lines_written == [event.decode() for event in events]
    assert "_aws" in json.loads(metric)


def test_nothing_is_written_when_a_metric_cannot_be() -> None:
    stream = Writes()
    impossible: Any = point("Invocations", 2**70 * 1j)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        EmfSink("Example", stream).publish([point(), impossible], [b"{}"])
    assert stream.texts == []


def test_nothing_to_say_is_not_said() -> None:
    assert published() == []


def test_standard_output_is_where_lambda_looks(capsys: pytest.CaptureFixture[str]) -> None:
    EmfSink("Example").publish([point()])
    assert json.loads(capsys.readouterr().out)["Invocations"] == 1
