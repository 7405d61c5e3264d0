"""Alarm events that are easily misread: each message says what a person needs to know.

Rendered as `bedrock-alerts render` does it. Every event is invented.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from bedrock_alerts_cli.commands.render import RENDERERS, render

EVENTS: Final = Path(__file__).parents[2] / "fixtures" / "alarm_events"
NAMES: Final = sorted(path.stem for path in EVENTS.glob("*.json"))


def message(name: str, channel: str) -> dict[str, Any]:
    arguments = [str(EVENTS / f"{name}.json"), "--channel", channel, "--json"]
    result = CliRunner().invoke(render, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def body(name: str) -> str:
    text: str = message(name, "email")["body"]
    return text


def value(name: str) -> str:
    """Return the line that says the value, on a channel that has no room for more."""
    (line,) = (line for line in body(name).splitlines() if line.startswith("Value:"))
    return line.removeprefix("Value:").strip()


@pytest.mark.parametrize("channel", RENDERERS)
@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_rendered_for_every_channel(name: str, channel: str) -> None:
    assert message(name, channel)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("band-lower-limit", "41 in 5 min (expected: 118.4 to 305.9)"),
        ("band-lower-limit-sns", "41 in 5 min (expected: 118.4 to 305.9)"),
        ("band-latency-unit", "2,740 ms in 5 min (expected: up to 1,310 ms)"),
        ("unit-elb-latency", "1.8 s in 1 min (threshold: 1.5 s)"),
        ("unit-in-the-event", "95 s in 1 min (threshold: 60 s)"),
        ("unit-percent", "93% in 1 min (threshold: 90%)"),
        ("unit-bytes", "4 GiB in 1 min (threshold: 5 GiB)"),
        ("unit-sample-count", "1,800 in 1 min (threshold: 1,200)"),
        ("unit-dollars", "$27.42 in 1 h (budget: $20.00)"),
        ("budget-in-percent", "83.1% in 24 h, $41.55 of $50.00 (threshold: 80%)"),
        ("rounding-latency", "3,000.2 ms in 1 min (threshold: 3,000 ms)"),
        ("rounding-availability", "99.9941 in 1 min (threshold: 99.995)"),
        ("rounding-count", "7.0003 in 1 min (threshold: 7)"),
        ("prompt-attack", "14 in 5 min (threshold: 3)"),
    ],
)
def test_a_value_has_its_unit_its_period_and_its_limits(name: str, says: str) -> None:
    assert value(name) == says


@pytest.mark.parametrize("name", ["cross-account-metric", "cross-account-metric-sns"])
@pytest.mark.parametrize("channel", RENDERERS)
def test_the_account_of_a_metric_is_named(name: str, channel: str) -> None:
    assert "444455556666" in json.dumps(message(name, channel))


@pytest.mark.parametrize("channel", RENDERERS)
def test_an_evaluation_of_partial_data_is_said(channel: str) -> None:
    assert "partial data" in json.dumps(message("partial-data", channel))


def test_the_metrics_of_an_expression_without_a_label_are_named() -> None:
    shown = body("math-without-label")
    assert "100*(m1/(m1+m2)); m1 = AWS/Bedrock InvocationThrottles, m2 = AWS/Bedrock" in shown


@pytest.mark.parametrize(
    "name",
    ["trailers-inline", "trailers-markdown", "trailers-html", "trailers-escaped-newline"],
)
def test_trailers_are_found_however_they_are_written(name: str) -> None:
    subject = message(name, "email")["subject"]
    shown = body(name)
    assert subject == "[Critical] Orders are late: 12 in 1 min - 111122223333 us-east-1"
    assert "Runbook:\n  https://runbooks.example.com/orders\n" in shown
    assert "Severity" not in shown
    assert shown.count("runbooks.example.com") == 1
    assert message(name, "pagerduty")["payload"]["severity"] == "critical"


@pytest.mark.parametrize("name", ["severity-in-tags", "severity-in-tags-sns"])
def test_tags_that_come_with_an_event_count(name: str) -> None:
    event = message(name, "webhook")["data"]
    assert (event["severity"], event["team"]) == ("critical", "orders")


@pytest.mark.parametrize("name", ["sovereign-cloud", "iso-partition"])
@pytest.mark.parametrize("channel", RENDERERS)
def test_no_link_leads_to_another_partition(name: str, channel: str) -> None:
    shown = json.dumps(message(name, channel))
    assert "aws.amazon.com" not in shown
    assert "orders-late" in shown


def test_a_name_with_a_percent_sign_is_looked_for_in_the_list() -> None:
    assert "#alarmsV2:?~(search~'orders*2flate*20over*205*20*25*20*28api*29)" in body(
        "name-with-percent"
    )


@pytest.mark.parametrize("name", ["threshold-moved", "alarm-deleted-while-ok"])
def test_a_change_of_an_alarm_that_does_not_fire_pages_no_one(name: str) -> None:
    event = message(name, "pagerduty")
    alarm = message(name, "webhook")["data"]
    assert event["event_action"] == "resolve"
    assert event["dedup_key"] != alarm["incident"]


def test_a_contributor_that_ends_without_data_never_triggers() -> None:
    assert message("contributor-ends-without-data", "pagerduty")["event_action"] == "resolve"
    assert "does not prove a recovery" in body("contributor-ends-without-data")


@pytest.mark.parametrize("channel", ["email", "slack", "teams", "webhook", "amazon_q"])
def test_a_composite_that_was_created_is_not_resolved(channel: str) -> None:
    shown = json.dumps(message("composite-created", channel)).lower()
    assert "resolved" not in shown
    assert "back to normal" not in shown


def test_a_phone_shows_how_bad_what_how_much_and_where() -> None:
    line = "Critical: 14 prompt attacks blocked in 5 min"
    slack = message("prompt-attack", "slack")
    assert slack["text"] == f"{line} (threshold: 3) · 111122223333 us-east-1"
    assert len(slack["text"]) <= 100
    pagerduty = message("prompt-attack", "pagerduty")
    assert pagerduty["payload"]["summary"] == f"{line} · 111122223333 us-east-1"
    assert message("prompt-attack", "email")["subject"] == (
        "[Critical] 14 prompt attacks blocked in 5 min - 111122223333 us-east-1"
    )


@pytest.mark.parametrize("channel", RENDERERS)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_refers_to_what_is_not_there(name: str, channel: str) -> None:
    assert "below" not in json.dumps(message(name, channel)).lower()


@pytest.mark.parametrize("name", ["no-time", "detail-alone"])
@pytest.mark.parametrize("channel", RENDERERS)
def test_an_event_without_its_time_or_its_envelope_has_a_name_and_a_state(
    name: str, channel: str
) -> None:
    assert "orders-late" in json.dumps(message(name, channel))
    assert message(name, "webhook")["data"]["state"] == "ALARM"


def test_an_unknown_event_shows_its_envelope_alone() -> None:
    shown = body("unknown-event")
    assert "Something Nobody Knows" in shown
    assert "com.example.orders" in shown
    assert "must not be shown" not in shown


@pytest.mark.parametrize("name", NAMES)
def test_no_line_of_an_email_is_a_link_that_fills_the_screen(name: str) -> None:
    links = [line.strip() for line in body(name).splitlines() if "https://" in line]
    assert all(len(line) <= 200 for line in links)
