"""The whole product on the local stack: traffic in, alerts out, with Slack down meanwhile."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("bedrock-alerts")


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


def test_both_alarms_fire_and_recover(outage: dict[str, Any]) -> None:
    assert [(change["alarm"], change["state"]) for change in outage["state_changes"]] == [
        ("bedrock-alerts.ContentFiltered", "ALARM"),
        ("bedrock-alerts.ContentFiltered", "OK"),
        ("bedrock-alerts.Throttling", "ALARM"),
        ("bedrock-alerts.Throttling", "OK"),
    ]


def test_the_email_does_not_wait_for_slack(outage: dict[str, Any]) -> None:
    first = outage["state_changes"][0]
    assert first["email_seconds"] < first["slack_seconds"]


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
