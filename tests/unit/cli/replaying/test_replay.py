"""A log is played with its gaps, at any speed, within what CloudWatch Logs takes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts_cli.commands.replay import replay
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.log_writer import MAX_MESSAGE_BYTES, Event, batches
from bedrock_alerts_cli.log_files import Line
from bedrock_alerts_cli.replaying.moved_log import MovedLog
from bedrock_alerts_cli.user_errors import InputError
from tests.support.redrive_world import NOW, World, lines


def log(*seconds: float) -> Iterator[Line]:
    for place, at in enumerate(seconds):
        (event,) = lines(place, 1, 1_700_000_000 + at)
        yield Line(event["message"], str(place))


def stamps(events: list[Event]) -> list[str]:
    return [json.loads(event.message)["timestamp"] for event in events]


def test_at_once_keeps_the_gaps_and_ends_now() -> None:
    events = list(MovedLog(log(60, 0, 90)).at_once(NOW))
    assert [event.at / 1000 - NOW for event in events] == [-90, -30, 0]
    assert stamps(events) == [
        "2026-11-23T07:58:30Z",
        "2026-11-23T07:59:30Z",
        "2026-11-23T08:00:00Z",
    ]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("speed", "lasts"), [(1.0, 600.0), (10.0, 60.0)])
def test_at_a_speed_each_line_is_written_when_it_is_due(speed: float, lasts: float) -> None:
    clock = Clock()
    seen: list[tuple[float, Event]] = []
    for batch in MovedLog(log(*range(0, 601, 60))).at_speed(speed, clock, clock.sleep):
        seen += [(clock.now, event) for event in batch]
    assert len(seen) == 11
    assert clock.now - NOW == pytest.approx(lasts)
    assert all(0 <= at - event.at / 1000 < 8 for at, event in seen)


def test_many_calls_in_a_second_are_one_request() -> None:
    clock = Clock()
    moved = MovedLog(log(*(number / 1000 for number in range(500))))
    assert len(list(moved.at_speed(1.0, clock, clock.sleep))) <= 2


@pytest.mark.parametrize("gap", [0.001, 0.05, 0.09, 0.11, 1.5])
def test_dense_calls_are_written_within_about_a_second(gap: float) -> None:
    clock = Clock()
    moved = MovedLog(log(*(number * gap for number in range(int(20 / gap)))))
    batches_seen = []
    for batch in moved.at_speed(1.0, clock, clock.sleep):
        assert clock.now - batch[0].at / 1000 < max(1.2, gap + 0.2)
        batches_seen.append(batch)
        clock.now += 0.02  # a request takes its time
    assert len(batches_seen) <= 20 / gap
    assert sum(map(len, batches_seen)) == len(moved)


def test_a_log_that_is_written_too_slowly_is_still_written_in_batches() -> None:
    clock = Clock()
    moved = MovedLog(log(*(number / 100 for number in range(2_000))))
    requests = 0
    for _ in moved.at_speed(1.0, clock, clock.sleep):
        requests += 1
        clock.now += 5
    assert requests <= 25


def test_what_is_no_record_keeps_its_place() -> None:
    entries = [*log(0), Line("not a record", "1"), *log(5)]
    events = list(MovedLog(entries).at_once(NOW))
    assert [event.message == "not a record" for event in events] == [False, True, False]


def test_a_log_of_weeks_has_to_be_played_at_a_speed() -> None:
    with pytest.raises(InputError, match="longer than 13 days"):
        MovedLog(log(0, 14 * 86_400)).at_once(NOW)


def test_a_line_that_is_too_long_is_left_out() -> None:
    moved = MovedLog([Line("x" * (MAX_MESSAGE_BYTES + 1), "0"), *log(0)])
    assert len(list(moved.at_once(NOW))) == 1
    assert moved.left_out == 1


@given(
    st.lists(st.tuples(st.integers(0, 3 * 86_400_000), st.integers(1, 400_000)), max_size=30),
    st.integers(1, 3000),
)
def test_batches_are_within_the_limits_and_lose_nothing(
    sizes: list[tuple[int, int]], many: int
) -> None:
    events = sorted(
        [Event(at, "é" * (size // 2)) for at, size in sizes] + [Event(5, "x")] * many * 5
    )
    found = list(batches(events))
    assert [event for batch in found for event in batch] == events
    for batch in found:
        assert sum(event.size for event in batch) <= 1_048_576
        assert len(batch) <= 10_000
        assert batch[-1].at - batch[0].at < 86_400_000


# ---- the command -----------------------------------------------------------------------------------


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    world.outputs["InvocationLogGroupName"] = "calls"
    monkeypatch.setattr(DeployedStack, "open", lambda *_: world.stack())
    monkeypatch.setattr("bedrock_alerts_cli.commands.replay.time.time", world.clock)
    return world


@pytest.fixture
def exported(tmp_path: Path) -> str:
    path = tmp_path / "log.ndjson"
    path.write_text("\n".join(str(line.text) for line in log(0, 30)))
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    assert replay.main([*arguments, "--stack", "ours"], standalone_mode=False) == 0
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_it_says_what_may_happen_and_writes_to_its_own_stream(
    world: World, exported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = run(capsys, exported, "--speed", "0", "--yes", "--json")
    document: dict[str, Any] = json.loads(out)
    assert document["events"] == 2
    assert document["stream"].startswith("bedrock-alerts-replay/")
    assert len(world.streams["calls", document["stream"]][1]) == 2
    assert (
        "Will write 2 calls at once into log group calls (stack ours, account 111122223333" in err
    )
    assert "alarms may fire and people may be notified" in err


def test_a_dry_run_writes_nothing(
    world: World, exported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, err = run(capsys, exported, "--dry-run")
    assert "Would write 2 calls in about 30 s" in err
    assert world.streams == {}


def test_a_stack_without_a_log_group_is_said(world: World, exported: str) -> None:
    world.outputs.clear()
    with pytest.raises(InputError, match="reads no log group"):
        replay.main([exported, "--stack", "ours", "--yes"], standalone_mode=False)


@pytest.mark.parametrize("text", ["", "# A title\n\nA page of text.\n", '{"a":1}\n{"b":2}\n'])
def test_nothing_to_play_is_said(world: World, tmp_path: Path, text: str) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    with pytest.raises(
        InputError, match=r"no invocation record was found.*Known forms: "
    ) as raised:
        replay.main([str(log), "--stack", "ours", "--yes"], standalone_mode=False)
    assert raised.value.exit_code == 2
    assert world.streams == {}


def test_lines_that_are_not_calls_are_counted_apart(
    world: World, exported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = tmp_path / "mixed.ndjson"
    mixed.write_text(Path(exported).read_text().splitlines()[0] + "\nnot a record\n")
    out, err = run(capsys, str(mixed), "--speed", "0", "--yes")
    assert "Will write 1 call and 1 other line at once" in err
    assert out.startswith("Wrote 2 lines to ")
    assert len(world.streams) == 1


def test_the_stack_has_to_be_named(exported: str) -> None:
    with pytest.raises(click.MissingParameter, match="stack"):
        replay.main([exported, "--yes"], standalone_mode=False)
