"""A unit is that of the event, of the catalogue, or documented: never guessed."""

from typing import Any

import pytest

from bedrock_alerts.alerts.events import (
    Expression,
    MetricRef,
)
from bedrock_alerts.alerts.units import amounts, unit_of
from tests.support.changes import change_with

BAND = Expression(text="ANOMALY_DETECTION_BAND(m1, 2)", label="usual")
LATENCY = MetricRef(name="InvocationLatency", namespace="AWS/Bedrock", statistic="p95")


@pytest.mark.parametrize(
    ("fields", "unit"),
    [
        pytest.param({"metrics": (LATENCY,)}, "Milliseconds", id="documented"),
        pytest.param({"metrics": (MetricRef(name="Latency"),)}, "", id="not by its name"),
        pytest.param(
            {"metrics": (MetricRef(name="Latency", namespace="AWS/ELB"),)},
            "Seconds",
            id="another service",
        ),
        pytest.param({"metrics": (LATENCY,), "unit": "Seconds"}, "Seconds", id="the event first"),
        pytest.param(
            {"metrics": (MetricRef(name="a", unit="Bytes"),)}, "Bytes", id="the metric's own"
        ),
        pytest.param(
            {"metrics": (MetricRef(name="InvocationLatency", statistic="SampleCount"),)},
            "Count",
            id="a number of samples",
        ),
        pytest.param({"metrics": (LATENCY,), "expressions": (BAND,)}, "Milliseconds", id="a band"),
        pytest.param(
            {
                "metrics": (LATENCY,),
                "expressions": (Expression(text="100 * a / b", label="Failed calls (%)"),),
            },
            "Percent",
            id="a share",
        ),
        pytest.param(
            {"metrics": (LATENCY,), "expressions": (Expression(text="a / b", label="Slowness"),)},
            "",
            id="whatever is made of it",
        ),
        pytest.param(
            {"alarm_name": "x.SpendHour", "expressions": (Expression(text="a + b"),)},
            "Dollars",
            id="the catalogue",
        ),
        pytest.param(
            {
                "alarm_name": "x.SpendHour",
                "unit": "None",
                "expressions": (Expression(text="a + b"),),
            },
            "Dollars",
            id="the catalogue, where the event says nothing",
        ),
        pytest.param(
            {"alarm_name": "x.Throttling", "metrics": (MetricRef(name="Throttles"),)},
            "",
            id="an alarm of the same name over a plain metric",
        ),
    ],
)
def test_a_unit_is_said_where_it_is_sure(fields: dict[str, Any], unit: str) -> None:
    assert unit_of(change_with(**fields)) == unit


@pytest.mark.parametrize(
    ("values", "unit", "texts"),
    [
        ((14.0, 3.0), "", ["14", "3"]),
        ((1.8, 1.5), "Seconds", ["1.8 s", "1.5 s"]),
        ((93.0, 90.0), "Percent", ["93%", "90%"]),
        ((12.4, 2.0), "Percent", ["12.4%", "2%"]),
        ((3000.2, 3000.0), "Milliseconds", ["3,000.2 ms", "3,000 ms"]),
        ((99.9941, 99.995), "", ["99.9941", "99.995"]),
        ((27.4163, 20.0), "Dollars", ["$27.42", "$20.00"]),
        ((20.001, 20.0), "Dollars", ["$20.001", "$20.00"]),
        ((0.0042,), "Dollars", ["$0.0042"]),
        ((-3.0,), "Dollars", ["-$3.00"]),
        ((4294967296.0, 5368709120.0), "Bytes", ["4 GiB", "5 GiB"]),
        ((512.0,), "Bytes", ["512 B"]),
        ((2048.0,), "Kilobytes", ["2 MiB"]),
        ((1536.0,), "Bytes/Second", ["1.5 KiB/s"]),
        ((12.0,), "Count/Second", ["12/s"]),
        ((12.0,), "Parsecs", ["12 parsecs"]),
        ((12.0,), "<!channel>", ["12"]),
        ((), "Bytes", []),
    ],
)
def test_values_are_written_with_their_unit(
    values: tuple[float, ...], unit: str, texts: list[str]
) -> None:
    assert amounts(values, unit) == texts
