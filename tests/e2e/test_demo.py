"""The whole product on the local stack: traffic in, alerts out, with Slack down meanwhile."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("bedrock-alerts")


def command_lines() -> Iterator[str]:
    """Return what runs on this machine."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            yield path.read_text(errors="replace")


@pytest.fixture(scope="module")
def outage() -> dict[str, Any]:
    """Play the demo with Slack down while the first alert is sent."""
    done = subprocess.run(
        [str(COMMAND), "demo", "--json", "--outage", "--port", "0", "--pace", "0.3"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("COV")},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def test_every_alert_arrives_exactly_once_although_slack_was_down(outage: dict[str, Any]) -> None:
    assert outage["complete"] is True
    assert outage["missing"] == []
    assert outage["surplus"] == []


def test_the_alarms_of_the_story_fire_and_recover(outage: dict[str, Any]) -> None:
    changes = [(change["alarm"], change["state"]) for change in outage["state_changes"]]
    assert len(changes) == 9
    assert changes[:5] == [
        ("bedrock-alerts.ContentFiltered", "ALARM"),
        ("bedrock-alerts.PromptAttack", "ALARM"),
        ("bedrock-alerts.RepeatOffender", "ALARM"),
        ("bedrock-alerts.Throttling", "ALARM"),
        ("bedrock-alerts.BedrockDegraded", "ALARM"),
    ]
    recovered = {alarm for alarm, state in changes[5:] if state == "OK"}
    assert recovered == {alarm for alarm, _ in changes[:5]} - {"bedrock-alerts.RepeatOffender"}


def test_the_email_does_not_wait_for_slack(outage: dict[str, Any]) -> None:
    # Slack is tried again after 5 s at the earliest. Of alarms at one time, any may meet the outage.
    waits = [c["slack_seconds"] - c["email_seconds"] for c in outage["state_changes"]]
    assert max(waits) > 1


def test_a_bot_tells_the_same_story_once() -> None:
    """Its messages are edited and have threads, and everything is said exactly once."""
    done = subprocess.run(
        [str(COMMAND), "demo", "--json", "--slack", "bot", "--port", "0", "--pace", "0.3"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("COV")},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["complete"] is True


def test_a_port_in_use_is_said_and_ends_with_an_error() -> None:

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [str(COMMAND), "demo", "--exit", "--port", str(port)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"port {port} is already in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP], ids=["killed", "terminal closed"])
def test_nothing_is_left_behind_when_it_is_stopped_half_way(
    tmp_path: Path, sign: signal.Signals
) -> None:
    process = subprocess.Popen(
        [str(COMMAND), "demo", "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if "data points" in line:
                break
        engines = [path.name for path in tmp_path.glob("bedrock-alerts-engine-*")]
        process.send_signal(sign)
        said = process.stdout.read()
    assert process.wait(timeout=60) == 130
    assert "Stopped." in said
    assert "Traceback" not in said
    assert len(engines) == 1
    assert list(tmp_path.glob("bedrock-alerts-engine-*")) == []
    assert not any(str(tmp_path) in line for line in command_lines())
