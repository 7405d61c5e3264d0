"""A state change becomes words and facts that a tired person understands."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from bedrock_alerts.alerts.describe import Details, describe, time_label, without_memory
from bedrock_alerts.alerts.model import (
    AlarmState,
    Alert,
    Contributor,
    Expression,
    Fact,
    Link,
    MetricRef,
    StateChange,
    Telling,
    TellingKind,
)
from tests.support.alarms import ALARMS
from tests.support.changes import ARN, AT, EVENT_LOG, change_with
from tests.support.events import alert_of, change_of, sample_body

CONSOLE = (
    "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/"
)
HOME = Details(event_logs=(EVENT_LOG,), dashboard="stack-eu-west-1")
BEGAN = AT - timedelta(hours=2)


def told(event: StateChange, kind: TellingKind | None = None, **memory: Any) -> Alert:
    return describe(event, Telling(kind=kind, **memory) if kind else without_memory(event))


def fact(alert: Alert, label: str) -> list[str]:
    return [found.value for found in alert.facts if found.label == label]


# ---- without memory ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "previous", "tone", "status", "summary"),
    [
        pytest.param("ALARM", "OK", "warning", "ALARM · warning", "Calls fail.", id="it fires"),
        pytest.param(
            "OK", "ALARM", "ok", "RESOLVED", "Back to normal after 14 min.", id="it is over"
        ),
        pytest.param("OK", None, "ok", "RESOLVED", "Back to normal.", id="over, since who knows"),
        pytest.param(
            "OK",
            "INSUFFICIENT_DATA",
            "ok",
            "OK",
            "CloudWatch can judge this alarm now, and it is not firing.",
            id="data came, and nothing had been wrong",
        ),
        pytest.param(
            "INSUFFICIENT_DATA",
            "ALARM",
            "unknown",
            "NO DATA",
            "CloudWatch has no data to judge this alarm by. This is not a recovery.",
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
    assert alert_of(sample_body(name)).kind == "plain"


# ---- every telling -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "memory", "tone", "status", "says"),
    [
        pytest.param("first", {"opened_at": AT}, "critical", "ALARM · critical", "", id="first"),
        pytest.param(
            "escalation",
            {},
            "critical",
            "WORSE · critical",
            "It is worse than what was told before: critical now.\n",
            id="it got worse",
        ),
        pytest.param(
            "release",
            {"held_by": "WaitPeriod", "opened_at": BEGAN, "at": AT},
            "critical",
            "ALARM · critical",
            "It was held back by the wait period of its suppressor, and still stands after 2 h.\n",
            id="a composite is released",
        ),
        pytest.param(
            "release",
            {"held_by": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm-mute-rule:night"},
            "critical",
            "ALARM · critical",
            "It was held back by arn:aws:cloudwatch:eu-west-1:111122223333:alarm-mute-rule:night,"
            " and still stands.\n",
            id="a mute rule has ended",
        ),
        pytest.param(
            "release",
            {},
            "critical",
            "ALARM · critical",
            "It was held back, and still stands.\n",
            id="held back by who knows what",
        ),
        pytest.param(
            "reminder",
            {"opened_at": BEGAN, "at": AT, "reminders": 2},
            "critical",
            "STILL IN ALARM · critical",
            "Still in alarm after 2 h.\n",
            id="a reminder",
        ),
        pytest.param(
            "reminder",
            {},
            "critical",
            "STILL IN ALARM · critical",
            "Still in alarm.\n",
            id="a reminder of who knows when",
        ),
        pytest.param(
            "late",
            {"opened_at": BEGAN, "ended_at": BEGAN + timedelta(minutes=14)},
            "ok",
            "OVER ALREADY",
            "It was in alarm from 2026-11-23 06:10:41 UTC to 2026-11-23 06:24:41 UTC (14 min), and"
            " is over already.\n",
            id="late",
        ),
        pytest.param(
            "late",
            {},
            "ok",
            "OVER ALREADY",
            "It was in alarm from 2026-11-23 08:10:41 UTC on, and is over already.\n",
            id="late, ended who knows when",
        ),
        pytest.param(
            "flapping",
            {"transitions": 6},
            "critical",
            "FLAPPING · critical",
            "It comes and goes (6 times within a short while). Nothing more is said of it until it"
            " stays as it is, or gets worse.\n",
            id="flapping",
        ),
        pytest.param(
            "settled",
            {},
            "critical",
            "SETTLED · ALARM",
            "It came and went, and stays in ALARM since 2026-11-23 08:10:41 UTC.",
            id="settled, and not well",
        ),
        pytest.param(
            "acknowledged",
            {"acked_by": "Sam"},
            "info",
            "ACKNOWLEDGED",
            "Sam has taken it on. No more reminders.",
            id="acknowledged",
        ),
        pytest.param(
            "silenced",
            {"held_by": "Sam", "until": AT + timedelta(hours=4)},
            "info",
            "SILENCED",
            "Sam silenced it until 2026-11-23 12:10:41 UTC. Worse news is still told.",
            id="silenced",
        ),
        pytest.param(
            "silenced",
            {},
            "info",
            "SILENCED",
            "Somebody silenced it. Worse news is still told.",
            id="silenced by who knows whom",
        ),
    ],
)
def test_an_alarm_is_told_with_the_reason_it_is_told_for(
    kind: TellingKind, memory: dict[str, Any], tone: str, status: str, says: str
) -> None:
    event = change_with(description="Calls fail.\nSeverity: critical")
    alert = told(event, kind, **memory)
    says_what_it_is = says.endswith("\n") or not says
    assert alert.summary == says + ("Calls fail." if says_what_it_is else "")
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
        pytest.param(
            "settled",
            {},
            "ok",
            "SETTLED · OK",
            "It came and went, and has been OK since 2026-11-23 08:10:41 UTC.",
            id="settled",
        ),
    ],
)
def test_an_alarm_that_is_over_is_told_so(
    kind: TellingKind, memory: dict[str, Any], tone: str, status: str, says: str
) -> None:
    alert = told(change_with(state="OK", description="Calls fail."), kind, **memory)
    assert (alert.tone, alert.status, alert.summary) == (tone, status, says)


@pytest.mark.parametrize("kind", get_args(TellingKind))
@pytest.mark.parametrize("state", ["ALARM", "OK", "INSUFFICIENT_DATA", "SNOOZED"])
def test_every_telling_of_every_state_has_words(kind: TellingKind, state: str) -> None:
    alert = told(change_with(state=state), kind)
    assert alert.status.strip()
    assert alert.title
    assert (alert.kind, alert.state, alert.incident) == (kind, state, ARN)


@pytest.mark.parametrize(
    "reason", ["No data was returned for this contributor.", "no datapoints were received"]
)
def test_a_series_that_sent_nothing_any_more_is_not_called_a_recovery(reason: str) -> None:
    series = Contributor(id="a", attributes=(("Principal", "role/bot"),))
    alert = told(change_with(state="OK", reason=reason, contributor=series))
    assert (alert.tone, alert.status) == ("unknown", "NO LONGER SEEN")
    assert "does not prove" in alert.summary


def test_a_series_that_recovered_by_its_data_is_resolved() -> None:
    series = Contributor(id="a")
    alert = told(change_with(state="OK", contributor=series))
    assert (alert.tone, alert.status) == ("ok", "RESOLVED")


def test_an_alarm_stands_since_it_began_and_all_else_happened_at_its_time() -> None:
    alerts = [
        told(change_with(), "reminder", opened_at=BEGAN),
        told(change_with(), "first"),
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
    assert keys(told(change_with(), "reminder", at=at, reminders=1) for at in (AT, BEGAN)) == 1
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
                told(change_with(), "escalation"),
                told(change_with(), "reminder", reminders=1),
                told(change_with(), "reminder", reminders=2),
                told(change_with(), "silenced", held_by="Sam", until=AT),
                told(change_with(), "silenced", held_by="Sam", until=AT + timedelta(hours=1)),
                told(change_with(), "silenced", held_by="Kim", until=AT),
            )
        )
        == 10
    )


# ---- facts ---------------------------------------------------------------------------------------


def test_the_facts_stand_in_the_order_of_their_worth() -> None:
    assert alert_of(sample_body("throttling")).facts == (
        Fact("Value", "12, allowed below 10"),
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
    assert fact(told(change_with(), "reminder", acked_by="Sam"), "Acknowledged by") == ["Sam"]
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
    assert alert.links == (Link("Open alarm", f"{CONSOLE}chat-blocks"), Link("Runbook", runbook))
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
    assert [link.label for link in alert.links] == ["Open alarm"]
    assert fact(alert, "Runbook") == [runbook]


@pytest.mark.parametrize("region", ["", "EU (Ireland)", "evil.example.com/"])
def test_where_the_region_is_no_code_there_is_no_link_to_nowhere(region: str) -> None:
    assert told(change_with(region=region)).links == ()


def test_at_home_the_calls_the_quotas_and_the_dashboard_are_linked() -> None:
    event = change_of(sample_body("throttling"))
    alert = describe(event, without_memory(event), HOME)
    urls = {link.label: link.url for link in alert.links}
    assert list(urls) == ["Open alarm", "Runbook", "See the calls", "Quotas", "Dashboard"]
    assert urls["Dashboard"].endswith("#dashboards/dashboard/stack-eu-west-1")
    assert urls["Quotas"].endswith("/servicequotas/home/services/bedrock/quotas")
    assert "#logsV2:logs-insights$3FqueryDetail$3D" in urls["See the calls"]
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
    assert [link.label for link in alert.links] == ["Open alarm"]


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
