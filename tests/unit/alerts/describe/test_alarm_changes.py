"""A state change becomes words and facts that a tired person understands."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from bedrock_alerts.alerts.alert import (
    Alert,
    Fact,
    Link,
    Notification,
    Reason,
)
from bedrock_alerts.alerts.describe import Details, describe, time_label, without_memory
from bedrock_alerts.alerts.describe.headline import singular
from bedrock_alerts.alerts.events import (
    AlarmState,
    Contributor,
    Expression,
    MetricRef,
    StateChange,
)
from bedrock_alerts.alerts.next_steps import catalogue
from tests.support.alarms import ALARMS
from tests.support.changes import ARN, AT, EVENT_LOG, change_with
from tests.support.events import alert_of, change_of, sample_body

CONSOLE = (
    "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/"
)
HOME = Details(event_logs=(EVENT_LOG,), dashboard="stack-eu-west-1")
BEGAN = AT - timedelta(hours=2)


def told(event: StateChange, kind: Reason | None = None, **memory: Any) -> Alert:
    return describe(event, Notification(kind=kind, **memory) if kind else without_memory(event))


def fact(alert: Alert, label: str) -> list[str]:
    return [found.value for found in alert.facts if found.label == label]


# ---- without memory ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "previous", "tone", "status", "summary"),
    [
        pytest.param("ALARM", "OK", "warning", "ALARM · warning", "", id="it fires"),
        pytest.param(
            "OK", "ALARM", "ok", "RESOLVED", "Back to normal after 14 min.", id="it is over"
        ),
        pytest.param("OK", None, "ok", "RESOLVED", "Back to normal.", id="over, since who knows"),
        pytest.param(
            "OK",
            "INSUFFICIENT_DATA",
            "ok",
            "OK",
            "CloudWatch has data for this alarm now; it is not firing.",
            id="data came, and nothing had been wrong",
        ),
        pytest.param(
            "OK", "OK", "ok", "OK", "This alarm is not firing.", id="a composite was created"
        ),
        pytest.param(
            "INSUFFICIENT_DATA",
            "ALARM",
            "unknown",
            "NO DATA",
            "CloudWatch has no data for this alarm. This is not a recovery.",
            id="no data is no recovery",
        ),
        pytest.param(
            "SNOOZED",
            "OK",
            "unknown",
            "SNOOZED",
            "CloudWatch calls this state SNOOZED.\nCalls fail.",
            id="an unknown state",
        ),
    ],
)
def test_a_state_is_put_into_words(
    state: str, previous: str | None, tone: str, status: str, summary: str
) -> None:
    alert = told(change_with(state=state, previous_state=previous, description="Calls fail."))
    assert (alert.tone, alert.status, alert.summary) == (tone, status, summary)


def test_a_recovery_from_an_alarm_of_unknown_age_does_not_say_how_long_it_lasted() -> None:
    alert = told(change_with(state="OK", previous_state="ALARM", previous_at=None))
    assert alert.summary == "Back to normal."


@pytest.mark.parametrize("name", ["alarm_changed", "logging_deleted", "prose_sns"])
def test_what_is_no_state_change_has_no_life(name: str) -> None:
    assert alert_of(sample_body(name)).kind == "notice"


# ---- every notification -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "memory", "tone", "status", "says"),
    [
        pytest.param("firing", {"opened_at": AT}, "critical", "ALARM · critical", "", id="firing"),
        pytest.param(
            "escalated",
            {},
            "critical",
            "WORSE · critical",
            "",
            id="it got worse",
        ),
        pytest.param(
            "still_firing",
            {"opened_at": BEGAN, "at": AT, "transitions": 0},
            "critical",
            "STILL IN ALARM · critical",
            "",
            id="a reminder",
        ),
        pytest.param(
            "still_firing",
            {},
            "critical",
            "STILL IN ALARM · critical",
            "",
            id="a reminder of who knows when",
        ),
        pytest.param(
            "acknowledged",
            {"acked_by": "Sam"},
            "info",
            "ACKNOWLEDGED",
            "No more reminders. You are still notified if severity rises.",
            id="acknowledged",
        ),
        pytest.param(
            "silenced",
            {"held_by": "Sam", "until": AT + timedelta(hours=4)},
            "info",
            "SILENCED",
            "You are still notified if severity rises.",
            id="silenced",
        ),
        pytest.param(
            "silenced",
            {},
            "info",
            "SILENCED",
            "You are still notified if severity rises.",
            id="silenced by who knows whom",
        ),
    ],
)
def test_an_alarm_is_told_with_the_reason_it_is_told_for(
    kind: Reason, memory: dict[str, Any], tone: str, status: str, says: str
) -> None:
    event = change_with(description="Calls fail.\nSeverity: critical")
    alert = told(event, kind, **memory)
    assert alert.summary == says
    assert (alert.kind, alert.tone, alert.status) == (kind, tone, status)


@pytest.mark.parametrize(
    ("kind", "memory", "tone", "status", "says"),
    [
        pytest.param(
            "resolved",
            {"opened_at": BEGAN, "ended_at": AT},
            "ok",
            "RESOLVED",
            "Back to normal after 2 h.",
            id="resolved",
        ),
    ],
)
def test_an_alarm_that_is_over_is_told_so(
    kind: Reason, memory: dict[str, Any], tone: str, status: str, says: str
) -> None:
    alert = told(change_with(state="OK", description="Calls fail."), kind, **memory)
    assert (alert.tone, alert.status, alert.summary) == (tone, status, says)


@pytest.mark.parametrize("kind", get_args(Reason))
@pytest.mark.parametrize("state", ["ALARM", "OK", "INSUFFICIENT_DATA", "SNOOZED"])
def test_every_telling_of_every_state_has_words(kind: Reason, state: str) -> None:
    alert = told(change_with(state=state), kind)
    assert alert.status.strip()
    assert alert.title
    assert (alert.kind, alert.state, alert.incident) == (kind, state, ARN)


@pytest.mark.parametrize(
    "reason", ["No data was returned for this contributor.", "no datapoints were received"]
)
def test_a_series_that_sent_nothing_any_more_is_not_called_a_recovery(reason: str) -> None:
    series = Contributor(id="a", attributes=(("Principal", "role/bot"),))
    event = change_with(state="OK", previous_state=None, reason=reason, contributor=series)
    alert = told(event)
    assert (alert.label, alert.headline) == ("No data", "chat-blocks (bot)")
    assert (alert.tone, alert.status) == ("unknown", "NO DATA")
    assert "does not prove" in alert.summary


def test_a_series_that_recovered_by_its_data_is_resolved() -> None:
    series = Contributor(id="a")
    alert = told(change_with(state="OK", previous_state=None, contributor=series))
    assert (alert.tone, alert.status) == ("ok", "RESOLVED")


def test_an_alarm_stands_since_it_began_and_all_else_happened_at_its_time() -> None:
    alerts = [
        told(change_with(), "still_firing", opened_at=BEGAN),
        told(change_with(), "firing"),
        told(change_with(state="OK"), "resolved", opened_at=BEGAN),
        told(change_with(state="SNOOZED")),
    ]
    assert [alert.at for alert in alerts] == [BEGAN, AT, AT, AT]
    assert [time_label(alert) for alert in alerts] == ["Since", "Since", "At", "At"]


# ---- keys ----------------------------------------------------------------------------------------


def keys(alerts: Iterable[Alert]) -> int:
    return len({alert.key for alert in alerts})


def test_what_is_told_has_the_same_key_by_whatever_way_it_came() -> None:
    names = ("throttling", "throttling_direct", "throttling_sns", "throttling_sns_wrapped_event")
    assert keys(alert_of(sample_body(name)) for name in names) == 1


def test_the_same_telling_has_the_same_key_whenever_it_is_told() -> None:
    assert keys(told(change_with(), "still_firing", at=at) for at in (AT, BEGAN)) == 1
    assert keys(told(change_with(description=text)) for text in ("", "Severity: critical")) == 1


def test_two_tellings_have_two_keys() -> None:
    series = Contributor(id="a")
    assert (
        keys(
            (
                told(change_with()),
                told(change_with(state="OK")),
                told(change_with(at=AT + timedelta(milliseconds=1))),
                told(change_with(contributor=series)),
                told(change_with(), "escalated"),
                told(change_with(), "still_firing"),
                told(change_with(), "silenced", held_by="Sam", until=AT),
                told(change_with(), "silenced", held_by="Sam", until=AT + timedelta(hours=1)),
                told(change_with(), "silenced", held_by="Kim", until=AT),
            )
        )
        == 9
    )


# ---- facts ---------------------------------------------------------------------------------------


def test_the_facts_stand_in_the_order_of_their_worth() -> None:
    assert alert_of(sample_body("throttling")).facts == (
        Fact("Value", "12 in 1 min (threshold: 10)"),
        Fact("Recent", "0, 3, 12"),
        Fact("Metric", "BedrockAlerts Throttles (ModelId=a.model-v1), Sum over 1 min"),
        Fact("Before", "OK for 3 h"),
        Fact("Team", "platform"),
    )


def test_a_series_is_named_in_the_title_and_by_its_attributes() -> None:
    alert = alert_of(sample_body("contributor"))
    assert alert.title == "bedrock-alerts.RepeatOffender: role/checkout-bot"
    assert fact(alert, "Principal") == ["role/checkout-bot"]
    assert alert.incident.endswith("#0a1b2c3d4e5f6071")


def test_a_series_without_attributes_is_named_by_its_id() -> None:
    alert = told(change_with(contributor=Contributor(id="0a1b")))
    assert alert.title == "chat-blocks: 0a1b"


def test_a_composite_names_its_children_in_alarm_without_the_stack() -> None:
    alert = alert_of(sample_body("composite"))
    assert fact(alert, "In alarm") == ["Throttling, ServerErrors"]


def test_children_of_another_stack_keep_their_names() -> None:
    children = tuple(
        AlarmState(name=name, arn=name, state="ALARM") for name in ("chat-blocks", "other.Latency")
    )
    assert fact(told(change_with(children=children)), "In alarm") == ["chat-blocks, other.Latency"]


def test_a_composite_that_names_no_child_shows_its_rule() -> None:
    assert fact(told(change_with(alarm_rule='ALARM("a")')), "Rule") == ['ALARM("a")']
    over = change_with(
        state="OK", alarm_rule="r", children=(AlarmState(name="a", arn="a", state="ALARM"),)
    )
    assert fact(told(over), "In alarm") == []


def test_an_expression_stands_for_the_metrics_it_reads() -> None:
    assert fact(alert_of(ALARMS["metric math"]), "Metric") == ["Throttled calls (%)"]


def test_of_an_anomaly_the_metric_is_shown_and_not_its_band() -> None:
    alert = alert_of(ALARMS["anomaly detection"])
    assert fact(alert, "Metric") == ["AWS/Bedrock InvocationLatency, Sum over 1 min"]


def test_an_alarm_over_log_lines_says_what_is_left_out() -> None:
    alert = alert_of(sample_body("log_alarm_sns"))
    assert alert.reason == "(left out: an alarm over log lines may quote them)"
    assert "somebody" not in repr(alert)


def test_who_has_taken_it_on_is_named_with_what_comes_after() -> None:
    assert fact(told(change_with(), "still_firing", acked_by="Sam"), "Acknowledged by") == ["Sam"]
    assert fact(told(change_with(), "acknowledged", acked_by="Sam"), "Acknowledged by") == []


@pytest.mark.parametrize("previous", [None, "ALARM"])
def test_what_was_before_is_said_only_where_it_says_something(previous: str | None) -> None:
    assert fact(told(change_with(previous_state=previous)), "Before") == []


def test_what_is_too_long_for_any_message_is_cut() -> None:
    long = "x" * 5000
    alert = told(
        change_with(
            alarm_rule=long,
            contributor=Contributor(id="a", attributes=(("Principal", long),)),
            metrics=(MetricRef(name="m", dimensions=((long, long),)),),
        )
    )
    assert len(alert.title) < 500
    assert all(len(value) <= 400 for label in ("Rule", "Metric") for value in fact(alert, label))


def test_tags_say_what_the_description_does_not() -> None:
    tags = (("Team", "chat"), ("Severity", "critical"))
    alert = told(change_with(tags=tags, description="Severity: info"))
    assert (alert.team, alert.severity) == ("chat", "info")


# ---- links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "runbook",
    [
        pytest.param("https://wiki.example.com", id="a host"),
        pytest.param("https://wiki.example.com:8443/a/b.md?x=1&y=2#top", id="everything"),
    ],
)
def test_a_runbook_is_a_link(runbook: str) -> None:
    alert = told(change_with(description=f"Runbook: {runbook}"))
    assert alert.links == (Link("Runbook", runbook), Link("chat-blocks", f"{CONSOLE}chat-blocks"))
    assert fact(alert, "Runbook") == []


@pytest.mark.parametrize(
    "runbook",
    [
        pytest.param("wiki/guardrails", id="the name of a page"),
        pytest.param("http://wiki.example.com", id="no https"),
        pytest.param("https://", id="no host"),
        pytest.param("https://wiki.example.com/a b", id="a blank"),
        pytest.param("https://wiki.example.com|here", id="Slack's bar"),
        pytest.param("https://user@wiki.example.com", id="a user"),
        pytest.param("https://wiki.example.com/<x>", id="angles"),
        pytest.param("https://wiki.example.com/größe", id="not ASCII"),
        pytest.param("javascript:alert(1)", id="something else altogether"),
    ],
)
def test_a_runbook_that_makes_no_sound_link_is_shown_as_text(runbook: str) -> None:
    alert = told(change_with(description=f"Runbook: {runbook}"))
    assert [link.label for link in alert.links] == ["chat-blocks"]
    assert fact(alert, "Runbook") == [runbook]


@pytest.mark.parametrize("region", ["", "EU (Ireland)", "evil.example.com/"])
def test_where_the_region_is_no_code_there_is_no_link_to_nowhere(region: str) -> None:
    assert told(change_with(region=region)).links == ()


def test_at_home_the_calls_the_quotas_and_the_dashboard_are_linked() -> None:
    event = change_of(sample_body("throttling"))
    alert = describe(event, without_memory(event), HOME)
    urls = {link.label: link.url for link in alert.links}
    name = "bedrock-alerts.Throttling"
    assert list(urls) == ["Runbook", "Calls", "Quotas", "Dashboard", name]
    assert urls["Dashboard"].endswith("#dashboards/dashboard/stack-eu-west-1")
    assert urls["Quotas"].endswith("/servicequotas/home/services/bedrock/quotas")
    assert "#logsV2:logs-insights$3FqueryDetail$3D" in urls["Calls"]
    # Slack refuses a button with a longer one.
    assert all(len(url) <= 3000 for url in urls.values())


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"account_id": "444455556666"},
        {"region": "us-east-1"},
    ],
)
def test_what_is_elsewhere_is_not_linked_with_what_is_at_home(elsewhere: dict[str, str]) -> None:
    event = change_with(metrics=(MetricRef(name="Throttles"),), **elsewhere)
    alert = describe(event, without_memory(event), HOME)
    assert [link.label for link in alert.links] == ["chat-blocks"]


# ---- what next -----------------------------------------------------------------------------------


def test_what_to_do_is_said_while_the_alarm_stands() -> None:
    steps = alert_of(sample_body("throttling")).next_steps
    assert "Service Quotas" in steps[1]
    over = change_with(alarm_name="stack.Throttling", state="OK")
    assert told(over).next_steps == ()


def test_an_alarm_without_data_says_what_that_means() -> None:
    (step,) = alert_of(sample_body("throttling_no_data")).next_steps
    assert "stopped" in step


def test_a_picture_comes_with_an_alarm_that_stands() -> None:
    event = change_with(metrics=(MetricRef(name="Calls", namespace="Invented"),))
    assert told(event).widget
    assert told(event, "resolved").widget == ""


def test_what_a_channel_draws_or_judges_by_is_passed_on() -> None:
    alert = alert_of(sample_body("throttling"))
    assert (alert.recent_values, alert.threshold) == ((0.0, 3.0, 12.0), 10.0)
    assert alert.alarm_arn.endswith(":alarm:bedrock-alerts.Throttling")
    assert (alert.team, alert.severity, alert.opened_at) == ("platform", "warning", alert.at)


def test_an_expression_and_times_in_other_zones_are_no_trouble() -> None:
    event = change_with(
        expressions=(Expression(text="a + b"),), at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert fact(told(event), "Metric") == ["a + b"]


# ---- headlines -----------------------------------------------------------------------------------


def line(event: StateChange, kind: Reason | None = None, **memory: Any) -> str:
    alert = told(event, kind, **memory)
    return f"{alert.label}: {alert.headline}"


def ours(name: str, *values: float, text: str = "a", period: int = 300, **fields: Any) -> Any:
    """Return an alarm of the catalogue that calculates."""
    return change_with(
        alarm_name=f"stack.{name}",
        recent_values=values,
        expressions=(Expression(text=text, period=period),),
        **fields,
    )


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (ours("PromptAttack", 14.0), "Warning: 14 prompt attacks blocked in 5 min"),
        (ours("PromptAttack", 1.0), "Warning: 1 prompt attack blocked in 5 min"),
        (ours("SpendHour", 31.4, period=3600), "Warning: Bedrock spend $31.40 in 1 h"),
        (
            ours("SpendAnomaly", 31.4, period=3600),
            "Warning: Bedrock spend $31.40 in 1 h, more than usual",
        ),
        (
            ours("SpendDay80", 83.1, text="100 * a / 50", period=86400),
            "Warning: 83.1% of the daily budget used in 24 h: $41.55 of $50.00",
        ),
        (ours("Throttling", 12.4), "Warning: 12.4% of Bedrock calls throttled in 5 min"),
        (ours("Throttling"), "Warning: Bedrock calls throttled"),
        (ours("SpendDay100"), "Warning: Daily budget used"),
        (ours("Latency", 2740.0), "Warning: Latency of Bedrock calls (p95) 2,740 ms in 5 min"),
        (
            ours("NotifierHeartbeat", operator="LessThanThreshold"),
            "Warning: No heartbeats received in 5 min",
        ),
        (
            change_with(alarm_name="stack.BedrockDegraded"),
            "Warning: Bedrock calls are failing, throttled or slow",
        ),
        (
            ours(
                "RepeatOffender",
                9.0,
                period=10800,
                contributor=Contributor(id="a", attributes=(("Principal", "role/bot"),)),
            ),
            "Warning: 9 calls of one caller blocked in 3 h: bot",
        ),
        (change_with(recent_values=(12.0,)), "Warning: chat-blocks: 12"),
        (
            change_with(description="Orders are late. Call Kim.", recent_values=(12.0,)),
            "Warning: Orders are late: 12",
        ),
        (change_with(description="x" * 300), "Warning: chat-blocks"),
        (change_with(state="SNOOZED"), "SNOOZED: chat-blocks"),
    ],
)
def test_a_headline_says_how_bad_what_and_how_much(event: StateChange, says: str) -> None:
    assert line(event) == says


@pytest.mark.parametrize(
    ("kind", "memory", "says"),
    [
        ("escalated", {}, "Escalated to warning: chat-blocks"),
        ("still_firing", {"opened_at": BEGAN, "at": AT}, "Still firing after 2 h (warning): chat-"),
        ("still_firing", {"transitions": 9}, "Still firing, on and off (warning): chat-blocks"),
        ("undelivered", {}, "Still firing (warning): chat-blocks"),
        ("recovering", {}, "Recovering: chat-blocks"),
        ("acknowledged", {"acked_by": "Sam"}, "Acknowledged by Sam: chat-blocks"),
        ("acknowledged", {}, "Acknowledged by someone: chat-blocks"),
        ("silenced", {"held_by": "Sam"}, "Silenced by Sam: chat-blocks"),
        (
            "silenced",
            {"held_by": "Sam", "at": AT, "until": AT + timedelta(hours=4)},
            "Silenced by Sam until 12:10 UTC: chat-blocks",
        ),
        (
            "silenced",
            {"held_by": "Sam", "at": AT, "until": AT + timedelta(hours=24)},
            "Silenced by Sam until 2026-11-24 08:10 UTC: chat-blocks",
        ),
    ],
)
def test_a_headline_says_which_state(kind: Reason, memory: Any, says: str) -> None:
    assert line(change_with(), kind, **memory).startswith(says)


@pytest.mark.parametrize(
    ("kind", "state", "says"),
    [
        ("resolved", "OK", "Resolved: Throttling lasted 2 h"),
        ("no_data", "INSUFFICIENT_DATA", "No data: Throttling"),
        ("notice", "OK", "OK: Throttling"),
    ],
)
def test_an_end_says_how_long_it_lasted(kind: Reason, state: str, says: str) -> None:
    event = change_with(alarm_name="stack.Throttling", state=state)
    assert line(event, kind, opened_at=BEGAN, ended_at=AT) == says


def test_an_end_that_comes_late_says_so() -> None:
    event = change_with(alarm_name="stack.Throttling", state="OK")
    shown = line(event, "resolved", opened_at=BEGAN, ended_at=AT, is_late=True)
    assert shown == "Resolved: Throttling lasted 2 h (delivered late)"


def test_on_and_off_says_how_often_in_what_time_and_what_share_of_it() -> None:
    memory = {"opened_at": AT - timedelta(minutes=30), "at": AT, "transitions": 6, "share": 0.8}
    alert = told(change_with(), "still_firing", **memory)
    assert alert.summary == "Still firing, on and off: 6 times in 30 min, 80% of the time."


def test_what_only_the_memory_knows_is_said() -> None:
    alert = told(change_with(), "firing", former_end="The one before ended.", note="No OK action.")
    assert alert.summary == "The one before ended.\nNo OK action."


def test_every_headline_of_the_catalogue_can_be_about_one() -> None:
    counted = [entry.headline for entry in catalogue().values() if entry.unit == "count"]
    assert counted
    for words in counted:
        one = singular(words)
        assert one != words
        assert len(words) - len(one) in {1, 2}
    assert singular("log batches lost") == "log batch lost"
    assert singular("log deliveries failed") == "log delivery failed"


def test_who_is_the_caller_of_a_contributor_or_the_query_that_finds_them() -> None:
    bot = Contributor(id="a", attributes=(("Principal", "role/bot"),))
    assert told(change_with(contributor=bot)).who == "bot"
    throttled = change_with(
        alarm_name="stack.Throttling", metrics=(MetricRef(name="InvocationThrottles"),)
    )
    assert told(throttled).who.startswith("Not known yet; run in Logs Insights, on the event lines")
    assert "ThrottlingException" in told(throttled).who
    spend = change_with(alarm_name="stack.SpendHour", metrics=(MetricRef(name="EstimatedCost"),))
    assert "on the usage lines" in told(spend).who
    bypass = change_with(
        alarm_name="stack.GuardrailBypass", metrics=(MetricRef(name="UnguardedInvocations"),)
    )
    assert "Bedrock's invocation log" in told(bypass).who
    assert told(throttled, "acknowledged").who == told(change_with()).who == ""
