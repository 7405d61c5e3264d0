"""The sample events are what the code that writes them would write today."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bedrock_alerts.invocations.decode import decode_event
from bedrock_alerts.invocations.model import Invocation
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts_cli.samples.function_events import EVENTS, sample_events, write

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
FILES = sample_events(NOW)


def shape(node: object) -> object:
    """Reduce a document to its keys and types: times and packed data differ from run to run."""
    if isinstance(node, dict):
        return {key: shape(value) for key, value in node.items()}
    if isinstance(node, list):
        return [shape(item) for item in node]
    return type(node).__name__


def test_no_sample_is_missing_and_none_is_left_over() -> None:
    committed = {str(path.relative_to(EVENTS)) for path in EVENTS.glob("*/*.*json")}
    assert {name for name in committed if not name.startswith("inspect/")} == set(FILES)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".json")])
def test_a_sample_has_the_shape_that_is_written_today(name: str) -> None:
    committed = json.loads((EVENTS / name).read_text())
    assert shape(committed) == shape(json.loads(FILES[name]))


def test_the_packed_batch_holds_the_readable_records() -> None:
    packed = decode_event(json.loads((EVENTS / "collect_logs/traffic.json").read_text()))
    readable = (EVENTS / "collect_logs/traffic.ndjson").read_text().splitlines()
    assert [event.message for event in packed.log_events] == readable


def test_the_sample_traffic_has_something_of_everything() -> None:
    lines = (EVENTS / "collect_logs/traffic.ndjson").read_text().splitlines()
    outcomes = [parse(line) for line in lines]
    invocations = [outcome for outcome in outcomes if isinstance(outcome, Invocation)]
    assert len(invocations) == len(lines) == 12
    assert {invocation.guardrail.verdict for invocation in invocations} == {
        "none",
        "clean",
        "blocked",
    }
    assert {invocation.error_code for invocation in invocations} == {None, "ThrottlingException"}


def test_samples_are_written_below_the_folder_they_are_meant_for(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    assert (tmp_path / "route/alarm.json").read_text() == FILES["route/alarm.json"]
