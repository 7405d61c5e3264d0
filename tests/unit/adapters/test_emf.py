"""Metrics as lines: valid, within every limit, and with no key that is not ours."""

import io
import json
from collections.abc import Iterable
from typing import Any, Final

import pytest

from bedrock_alerts.adapters.emf import EmfSink, emf_lines
from bedrock_alerts.limits import EMF_LINE_BYTES
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


def published(points: Iterable[Datapoint] = (), events: Iterable[Any] = ()) -> list[Any]:
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


def test_everything_is_written_in_one_go_events_first() -> None:
    class Once(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += 1
            return super().write(text)

    stream = Once()
    EmfSink("Example", stream).publish([point()], [{"status": "error"}])
    event, metric = stream.getvalue().splitlines()
    assert json.loads(event) == {"event": "invocation", "status": "error"}
    assert "_aws" in json.loads(metric)
    assert stream.writes == 1


def test_nothing_to_say_is_not_said() -> None:
    assert published() == []


def test_standard_output_is_where_lambda_looks(capsys: pytest.CaptureFixture[str]) -> None:
    EmfSink("Example").publish([point()])
    assert json.loads(capsys.readouterr().out)["Invocations"] == 1


def test_an_event_of_more_hits_than_a_line_holds_is_cut_and_says_so() -> None:
    hits = tuple({"category": "🦆" * 100, "guardrail_id": "🦆" * 100} for _ in range(1000))
    guardrail = {"verdict": "blocked", "ids": ("🦆" * 100,) * 1000, "hits": hits}
    event = {"request_id": "r", "guardrail": guardrail, "metadata": {"a": "b"}}
    stream = io.StringIO()
    EmfSink("Example", stream).publish((), [event])
    assert len(stream.getvalue().encode()) <= EMF_LINE_BYTES
    (shown,) = (json.loads(line) for line in stream.getvalue().splitlines())
    assert shown["guardrail"]["hits"] == list(hits[:50])
    assert shown["guardrail"]["hits_left_out"] == 950
    assert (shown["guardrail"]["verdict"], shown["metadata"]) == ("blocked", {"a": "b"})
