"""What people do to a deployed stack: a test alert, who was notified, close, resend, silence."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from bedrock_alerts_cli.main import main
from tests.support.live_stack import LiveStack, changed, live_stack, wait_until

pytestmark = pytest.mark.e2e

Run: TypeAlias = Callable[..., Any]
THROTTLING = "bedrock-alerts.Throttling"


@pytest.fixture(scope="module")
def live(locally_built: Path) -> Iterator[LiveStack]:
    with live_stack(locally_built, relayed=()) as found:
        yield found


@pytest.fixture
def run(live: LiveStack, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command on the stack, and return what it printed as JSON, and its exit status."""

    def run_it(*words: str) -> tuple[Any, int]:
        options = ("--endpoint-url", live.engine.url, "--json")
        monkeypatch.setattr(sys, "argv", ["bedrock-alerts", *words, *options])
        code = main()
        printed = capfd.readouterr()
        if printed.err:
            assert "account 111122223333, eu-west-1" in printed.err
        return json.loads(printed.out), code

    return run_it


def test_a_test_alert_reaches_slack_and_email_and_ends_on_both(live: LiveStack, run: Run) -> None:
    found, code = run("test-alert", "--yes", "--severity", "critical")
    assert (code, found["is_fine"]) == (0, True)
    assert [one["result"] for one in found["channels"]] == ["yes", "yes"]
    assert all(0 < one["notified_seconds"] < one["end_seconds"] for one in found["channels"])
    name = found["alarm"]
    wait_until(lambda: len(live.emails(name)) == 2)
    first, last = (email.subject for email in live.emails(name))
    assert first.startswith("[Test] Nothing is wrong, this is a test alert")
    assert last.startswith("[Test resolved] Test alert lasted ")
    wait_until(lambda: live.slack.messages(name))
    assert "Test: Nothing is wrong" in live.slack.messages(name)[0].text
    shown = [live.view(name, channel).shown for channel in ("email", "slack")]
    assert [one.state for one in shown if one] == ["resolved", "resolved"]
    wait_until(live.is_quiet)
    assert run("incidents") == (
        {
            "stack": "bedrock-alerts",
            "account": "111122223333",
            "region": "eu-west-1",
            "incidents": [],
        },
        0,
    )


def test_an_incident_is_silenced_heard_again_resent_and_closed(live: LiveStack, run: Run) -> None:
    live.happen(changed(THROTTLING))
    wait_until(lambda: live.slack.messages(THROTTLING) and live.emails(THROTTLING))
    wait_until(live.is_quiet)
    found, _ = run("incidents", "list")
    assert [(one["name"], one["state"]) for one in found["incidents"]] == [("Throttling", "firing")]
    assert {one["channel"]: one["shows"] for one in found["incidents"][0]["channels"]} == {
        "email": "firing",
        "slack": "firing",
    }

    found, code = run("silence", "add", "Throttling", "--for", "2h", "--by", "ada", "--yes")
    assert (code, found["by"]) == (0, "ada")
    wait_until(lambda: any("Silenced by ada" in one.text for one in live.slack.messages()))
    assert [one["by"] for one in run("silence")[0]["silences"]] == ["ada"]
    assert run("silence", "end", "Throttling", "--yes")[1] == 0
    assert run("silence", "list")[0]["silences"] == []
    wait_until(live.is_quiet)

    live.slack.refuses_with = "channel_not_found"
    live.happen(changed("bedrock-alerts.Latency", severity="critical"))
    refused = "bedrock-alerts.Latency"
    wait_until(lambda: live.view(refused, "slack").refusal)
    found, _ = run("incidents", "show", "Latency")
    slack = next(one for one in found["channels"] if one["channel"] == "slack")
    assert "channel_not_found" in slack["problem"]
    live.slack.refuses_with = ""
    found, code = run("incidents", "resend", "Latency", "--channel", "slack", "--yes")
    assert (code, [one["shows"] for one in found["channels"]]) == (0, ["firing"])
    assert len(live.slack.messages(refused)) == 1

    found, code = run("incidents", "close", "Latency", "--by", "ada", "--yes", "--wait", "40")
    assert found["closed_by"] == "ada"
    wait_until(lambda: any("Closed by ada" in email.subject for email in live.emails("Latency")))
    wait_until(lambda: any("Closed by ada" in one.text for one in live.slack.messages("Latency")))
    found, code = run("incidents", "show", "Latency")
    assert (code, found["state"], found["closed_by"]) == (0, "resolved", "ada")
    wait_until(live.is_quiet)
    assert live.take("DeliveriesDeadLetterQueue") == live.take("AlertsDeadLetterQueue") == []
