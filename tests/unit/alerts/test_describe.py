"""A state change becomes words and facts that a tired person understands."""

from datetime import UTC, datetime, timedelta

import pytest

from bedrock_alerts.alerts.describe import (
    alarm_url,
    describe,
    lasting,
    place,
    sent_late,
    split_description,
    time_label,
    utc,
    without_memory,
)
from bedrock_alerts.alerts.model import Alert, Fact, Link, MetricRef, StateChange
from tests.support.alarms import ALARMS
from tests.support.events import alert_of

AT = datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC)
ARN = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:chat-blocks"
CONSOLE = (
    "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/"
)


def change(
    *,
    state: str = "ALARM",
    previous_state: str | None = "OK",
    previous_at: datetime | None = AT - timedelta(minutes=14),
    description: str = "",
    metrics: tuple[MetricRef, ...] = (),
    threshold: float | None = None,
    recent_values: tuple[float, ...] = (),
    region: str = "eu-west-1",
    at: datetime = AT,
) -> StateChange:
    return StateChange(
        alarm_name="chat-blocks",
        alarm_arn=ARN,
        account_id="111122223333",
        region=region,
        state=state,
        at=at,
        reason="Threshold Crossed",
        description=description,
        previous_state=previous_state,
        previous_at=previous_at,
        metrics=metrics,
        threshold=threshold,
        recent_values=recent_values,
    )


def told(event: StateChange) -> Alert:
    return describe(event, without_memory(event))


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
        pytest.param("SNOOZED", "OK", "unknown", "SNOOZED", "Calls fail.", id="an unknown state"),
    ],
)
def test_a_state_is_put_into_words(
    state: str, previous: str | None, tone: str, status: str, summary: str
) -> None:
    alert = told(change(state=state, previous_state=previous, description="Calls fail."))
    assert (alert.tone, alert.status, alert.summary) == (tone, status, summary)


def test_a_recovery_from_an_alarm_of_unknown_age_does_not_say_how_long_it_lasted() -> None:
    alert = told(change(state="OK", previous_state="ALARM", previous_at=None))
    assert alert.summary == "Back to normal."


@pytest.mark.parametrize(
    ("description", "tone"),
    [
        pytest.param("Severity: critical", "critical", id="critical"),
        pytest.param("severity:INFO", "info", id="in any case"),
        pytest.param("Severity: dreadful", "warning", id="unknown words are warnings"),
        pytest.param("", "warning", id="and so is nothing"),
    ],
)
def test_the_severity_stands_in_the_description(description: str, tone: str) -> None:
    alert = told(change(description=description))
    assert (alert.tone, alert.status) == (tone, f"ALARM · {tone}")


@pytest.mark.parametrize(
    ("description", "text", "trailers"),
    [
        pytest.param("", "", {}, id="nothing"),
        pytest.param("Calls fail.", "Calls fail.", {}, id="text alone"),
        pytest.param(
            "Calls fail.\n\nTeam: Chat\nSeverity: info",
            "Calls fail.",
            {"team": "Chat", "severity": "info"},
            id="text and trailers",
        ),
        pytest.param("Note: calls fail.", "Note: calls fail.", {}, id="other words are text"),
        pytest.param("Team:\nRunbook: ", "Team:\nRunbook:", {}, id="an empty trailer is text"),
        pytest.param("Team: A\nTeam: B", "", {"team": "B"}, id="the last one counts"),
    ],
)
def test_a_description_is_parted(description: str, text: str, trailers: dict[str, str]) -> None:
    assert split_description(description) == (text, trailers)


@pytest.mark.parametrize(
    ("values", "threshold", "facts"),
    [
        pytest.param((0.0, 4.0), 1.0, [Fact("Value", "4 (threshold 1)")], id="both"),
        pytest.param((4.0,), None, [Fact("Value", "4")], id="the value alone"),
        pytest.param((), 1.0, [Fact("Threshold", "1")], id="the threshold alone"),
        pytest.param((), None, [], id="neither"),
        pytest.param(
            (1234567.0,), 0.12345, [Fact("Value", "1,234,567 (threshold 0.1235)")], id="readable"
        ),
        pytest.param((12345.6,), 99.95, [Fact("Value", "12,346 (threshold 99.95)")], id="rounded"),
        pytest.param((1e300,), -2.5, [Fact("Value", "1e+300 (threshold -2.5)")], id="huge"),
    ],
)
def test_the_value_stands_beside_its_threshold(
    values: tuple[float, ...], threshold: float | None, facts: list[Fact]
) -> None:
    alert = told(change(recent_values=values, threshold=threshold))
    assert list(alert.facts) == facts


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        pytest.param(MetricRef(name="Calls"), "Calls", id="a name alone"),
        pytest.param(MetricRef(name="Calls", statistic="Sum"), "Calls", id="no period"),
        pytest.param(
            MetricRef(
                name="Calls",
                namespace="Invented",
                statistic="p95",
                period=300,
                dimensions=(("ModelId", "m"), ("App", "chat")),
            ),
            "Invented Calls (ModelId=m, App=chat), p95 over 5 min",
            id="all there is",
        ),
    ],
)
def test_a_metric_is_written_out(metric: MetricRef, text: str) -> None:
    assert told(change(metrics=(metric,))).facts == (Fact("Metric", text),)


def test_an_expression_stands_for_the_metrics_it_reads() -> None:
    alert = alert_of(ALARMS["metric math"])
    assert alert.facts[0] == Fact("Metric", "Throttled calls (%)")


def test_of_an_anomaly_the_metric_is_shown_and_not_its_band() -> None:
    alert = alert_of(ALARMS["anomaly detection"])
    assert alert.facts[0] == Fact("Metric", "AWS/Bedrock InvocationLatency, Sum over 1 min")


def test_the_team_is_named() -> None:
    assert told(change(description="Team: Chat")).facts == (Fact("Team", "Chat"),)


@pytest.mark.parametrize(
    "runbook",
    [
        pytest.param("https://wiki.example.com", id="a host"),
        pytest.param("https://wiki.example.com:8443/a/b.md?x=1&y=2#top", id="everything"),
    ],
)
def test_a_runbook_is_a_link(runbook: str) -> None:
    alert = told(change(description=f"Runbook: {runbook}"))
    assert alert.links == (Link("Open alarm", f"{CONSOLE}chat-blocks"), Link("Runbook", runbook))
    assert alert.facts == ()


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
    alert = told(change(description=f"Runbook: {runbook}"))
    assert [link.label for link in alert.links] == ["Open alarm"]
    assert alert.facts == (Fact("Runbook", runbook),)


@pytest.mark.parametrize(
    ("arn", "region", "name", "url"),
    [
        pytest.param(ARN, "eu-west-1", "chat-blocks", f"{CONSOLE}chat-blocks", id="plain"),
        pytest.param(ARN, "eu-west-1", "a/b c#ü", f"{CONSOLE}a%2Fb%20c%23%C3%BC", id="an odd name"),
        pytest.param(
            "arn:aws-us-gov:cloudwatch:us-gov-west-1:111122223333:alarm:a",
            "us-gov-west-1",
            "a",
            "https://us-gov-west-1.console.amazonaws-us-gov.com/cloudwatch/home"
            "?region=us-gov-west-1#alarmsV2:alarm/a",
            id="GovCloud",
        ),
        pytest.param(
            "arn:aws-cn:cloudwatch:cn-north-1:111122223333:alarm:a",
            "cn-north-1",
            "a",
            "https://cn-north-1.console.amazonaws.cn/cloudwatch/home"
            "?region=cn-north-1#alarmsV2:alarm/a",
            id="China",
        ),
        pytest.param("no ARN", "eu-west-1", "a", f"{CONSOLE}a", id="an ARN that is none"),
    ],
)
def test_an_alarm_has_a_page_in_the_console(arn: str, region: str, name: str, url: str) -> None:
    assert alarm_url(arn, region, name) == url


@pytest.mark.parametrize("region", ["", "EU (Ireland)", "evil.example.com/"])
def test_where_the_region_is_no_code_there_is_no_link_to_nowhere(region: str) -> None:
    assert told(change(region=region)).links == ()


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        pytest.param(timedelta(seconds=-5), "0 s", id="clocks that disagree"),
        pytest.param(timedelta(seconds=45), "45 s", id="seconds"),
        pytest.param(timedelta(minutes=14, seconds=59), "14 min", id="minutes"),
        pytest.param(timedelta(hours=3), "3 h", id="whole hours"),
        pytest.param(timedelta(hours=3, minutes=20), "3 h 20 min", id="hours"),
        pytest.param(timedelta(days=2, hours=4), "2 d 4 h", id="days"),
        pytest.param(timedelta(days=2, minutes=4), "2 d", id="days, and no matter what else"),
    ],
)
def test_a_duration_is_written_as_people_say_it(duration: timedelta, text: str) -> None:
    assert lasting(duration) == text


def test_the_same_state_change_has_the_same_key_and_another_one_has_not() -> None:
    keys = [
        told(found).key
        for found in (
            change(),
            change(description="Severity: critical"),
            change(state="OK"),
            change(at=AT + timedelta(milliseconds=1)),
        )
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_an_unknown_event_is_told_plainly_and_without_its_content() -> None:
    alert = alert_of(ALARMS["an unknown event"])
    assert (alert.tone, alert.status) == ("unknown", "UNKNOWN EVENT")
    assert Fact("detail-type", "Something New") in alert.facts
    assert "prompt" not in repr(alert)


@pytest.mark.parametrize(
    ("account", "region", "text"),
    [
        pytest.param("111122223333", "eu-west-1", "111122223333 · eu-west-1", id="both"),
        pytest.param("111122223333", "", "111122223333", id="the account"),
        pytest.param("", "eu-west-1", "eu-west-1", id="the Region"),
        pytest.param("", "", "", id="neither"),
    ],
)
def test_the_place_is_what_is_known_of_it(account: str, region: str, text: str) -> None:
    alert = Alert(
        key="k",
        tone="ok",
        status="OK",
        title="t",
        summary="",
        account_id=account,
        region=region,
        at=None,
    )
    assert place(alert) == text


def test_an_alarm_stands_since_a_time_and_all_else_happened_at_it() -> None:
    labels = [time_label(told(change(state=state))) for state in ("ALARM", "OK", "SNOOZED")]
    assert labels == ["Since", "At", "At"]


def test_a_time_says_its_zone() -> None:
    assert utc(AT) == "2026-11-23 08:10:41 UTC"


@pytest.mark.parametrize(
    ("waited", "says"),
    [
        pytest.param(-5.0, None, id="clocks that disagree say nothing"),
        pytest.param(59.0, None, id="under a minute is not late"),
        pytest.param(60.0, "held back for 1 min", id="a minute is said"),
        pytest.param(7500.0, "held back for 2 h 5 min", id="hours are said"),
    ],
)
def test_an_alert_that_waited_for_its_channel_says_so_first(
    waited: float, says: str | None
) -> None:
    alert = told(change())
    shown = [fact.value for fact in sent_late(alert, waited).facts if fact.label == "Sent late"]
    assert shown == ([] if says is None else [says])
