"""An alarm's change of state is read the same, however it came and whatever kind of alarm it is."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bedrock_alerts.alerts.events import (
    AlarmState,
    Contributor,
    Expression,
    MetricRef,
    StateChange,
    Unrecognised,
)
from tests.support.alarms import ACCOUNT, ALARMS, REGION, alarm_event, envelope, metric, state
from tests.support.events import change_of, event_of, sample_body

AT = datetime(2026, 11, 23, 8, 10, 41, 529_000, tzinfo=UTC)
TIMESTAMP = "2026-11-23T08:10:41.529+0000"
ARN = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:chat-guardrail-blocks"


def read(event: Any) -> StateChange:
    return change_of(json.dumps(event))


def with_data(data: Any) -> dict[str, Any]:
    return alarm_event(state=state("ALARM", "…", TIMESTAMP, data))


def of_sns(**changes: Any) -> dict[str, Any]:
    """Return an alarm as a topic delivers it raw; `changes` replace fields, None takes them out."""
    message = {
        "AlarmName": "chat-guardrail-blocks",
        "AWSAccountId": ACCOUNT,
        "NewStateValue": "ALARM",
        "NewStateReason": "Threshold Crossed",
        "StateChangeTime": TIMESTAMP,
        "Region": "EU (Ireland)",
        "AlarmArn": ARN,
        **changes,
    }
    return {key: value for key, value in message.items() if value is not None}


def test_an_alarm_is_read_whole() -> None:
    assert event_of(ALARMS["an alarm fires"]) == StateChange(
        alarm_name="chat-guardrail-blocks",
        alarm_arn=ARN,
        account_id=ACCOUNT,
        region=REGION,
        state="ALARM",
        at=AT,
        reason="Threshold Crossed: 1 datapoint [12.0 (23/11/26 08:05:00)] was greater than or equal"
        " to the threshold (10.0).",
        description="A guardrail blocked calls of the chat.\nSeverity: critical\n"
        "Runbook: https://wiki.example.com/guardrails#blocks\nTeam: Chat",
        previous_state="OK",
        previous_at=datetime(2026, 11, 23, 7, 2, 41, 530_000, tzinfo=UTC),
        metrics=(
            MetricRef(
                name="ContentFilteredCount",
                namespace="BedrockAlerts",
                statistic="Sum",
                period=300,
                dimensions=(("Application", "chat"),),
                id="contentfilteredcount",
            ),
        ),
        threshold=10.0,
        operator="GreaterThanOrEqualToThreshold",
        recent_values=(4.0, 12.0),
        sent_at=datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC),
    )


@pytest.mark.parametrize("transport", ["direct", "sns", "sns_wrapped_event"])
def test_a_change_is_the_same_one_however_it_came(transport: str) -> None:
    change = change_of(sample_body("throttling"))
    copy = change_of(sample_body(f"throttling_{transport}"))
    told_apart_by = ("incident_key", "state", "at", "suppressed_by", "account_id", "region")
    for field in (*told_apart_by, "alarm_name", "description", "threshold", "operator", "kind"):
        assert getattr(copy, field) == getattr(change, field), field
    (ours,), (theirs,) = change.metrics, copy.metrics
    assert (theirs.name, theirs.namespace, theirs.statistic) == (
        ours.name,
        ours.namespace,
        ours.statistic,
    )
    assert (theirs.period, theirs.dimensions) == (ours.period, ours.dimensions)
    assert copy.recent_values[-1] == change.recent_values[-1] == 12.0


def test_a_series_and_a_composite_are_the_same_ones_by_sns() -> None:
    for name in ("contributor", "composite"):
        change, copy = change_of(sample_body(name)), change_of(sample_body(f"{name}_sns"))
        assert (copy.incident_key, copy.state, copy.at) == (
            change.incident_key,
            change.state,
            change.at,
        )
        assert (copy.kind, copy.contributor, copy.alarm_rule) == (
            change.kind,
            change.contributor,
            change.alarm_rule,
        )
        assert [child.state for child in copy.children] == [
            child.state for child in change.children
        ]
        assert (change.transport, copy.transport) == ("eventbridge", "sns")


@pytest.mark.parametrize(
    ("name", "kind", "expressions", "metrics"),
    [
        pytest.param("throttling", "metric", (), ("Throttles",), id="a metric"),
        pytest.param(
            "math",
            "math",
            ("100 * errors / (errors + calls)",),
            ("InvocationServerErrors", "Invocations"),
            id="metric math",
        ),
        pytest.param(
            "anomaly",
            "anomaly",
            ("ANOMALY_DETECTION_BAND(m1, 2)",),
            ("InvocationLatency",),
            id="anomaly detection",
        ),
        pytest.param(
            "many_series",
            "query",
            ('SELECT SUM(PolicyHits) FROM SCHEMA("BedrockAlerts", Principal) GROUP BY Principal',),
            (),
            id="a query over many series",
        ),
        pytest.param(
            "contributor",
            "contributor",
            ('SELECT SUM(PolicyHits) FROM SCHEMA("BedrockAlerts", Principal) GROUP BY Principal',),
            (),
            id="one of them",
        ),
        pytest.param("composite", "composite", (), (), id="a composite"),
        pytest.param(
            "promql",
            "promql",
            ("histogram_quantile(0.95, latency) > 8",),
            (),
            id="PromQL, without any reason",
        ),
        pytest.param(
            "log_alarm_sns",
            "log",
            ("filter level = 'ERROR' | stats count()",),
            (),
            id="an alarm over log lines",
        ),
    ],
)
def test_every_kind_is_known_by_what_it_looks_at(
    name: str, kind: str, expressions: tuple[str, ...], metrics: tuple[str, ...]
) -> None:
    change = change_of(sample_body(name))
    assert change.kind == kind
    assert tuple(item.text for item in change.expressions) == expressions
    assert tuple(item.name for item in change.metrics) == metrics


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param({}, id="nothing is said"),
        pytest.param({"metrics": []}, id="an empty list"),
        pytest.param({"novel": {"query": "x"}}, id="something new"),
    ],
)
def test_what_looks_at_nothing_we_know_is_of_an_unknown_kind(configuration: Any) -> None:
    assert read(alarm_event(configuration=configuration)).kind == "unknown"


@pytest.mark.parametrize(
    "fields",
    [
        {"LogGroups": []},
        {"logGroupIdentifiers": ["a"]},
        {"queryString": "stats count()"},
        {"scheduledQueryConfiguration": {}},
        {"ActionLogLineCount": 5},
    ],
)
def test_an_alarm_over_log_lines_says_nothing_that_may_quote_them(fields: Any) -> None:
    quoted = state("ALARM", "a prompt", TIMESTAMP, {"recentDatapoints": [7], "threshold": 5})
    changes = [
        read(alarm_event(configuration=fields, state=quoted)),
        read(of_sns(NewStateReason="a prompt", **fields)),
        read(of_sns(NewStateReason="a prompt", Trigger=fields)),
    ]
    assert {change.kind for change in changes} == {"log"}
    assert "prompt" not in repr(changes)
    assert changes[0].threshold == 5.0


def test_what_is_judged_stands_before_what_it_is_made_from() -> None:
    change = change_of(sample_body("math"))
    assert change.expressions == (
        Expression(text="100 * errors / (errors + calls)", label="Failed calls (%)", id="rate"),
    )
    assert [item.is_shown for item in change.metrics] == [False, False]
    items = [metric("Calls", namespace="a", returned=False), metric("Errors", namespace="a")]
    shown_last = read(alarm_event(configuration={"metrics": items}))
    assert [item.name for item in shown_last.metrics] == ["Errors", "Calls"]


def test_a_series_is_told_by_its_attributes() -> None:
    change = change_of(sample_body("contributor"))
    assert change.contributor == Contributor(
        id="0a1b2c3d4e5f6071", attributes=(("Principal", "role/checkout-bot"),)
    )
    parent = change_of(sample_body("many_series"))
    assert parent.contributor is None
    assert change.incident_key == f"{parent.incident_key}#0a1b2c3d4e5f6071"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"attributes": {"a": "1"}}, {"attributes": {"a": "2"}}, id="no id"),
        pytest.param({"id": "x"}, {"id": "y", "attributes": 5}, id="odd attributes"),
        pytest.param({"attributes": '{"a": "1"}'}, {"id": "x"}, id="attributes in a string"),
    ],
)
def test_two_series_are_never_taken_for_one(one: Any, other: Any) -> None:
    keys = {read(alarm_event(alarmContributor=item)).incident_key for item in (one, other)}
    assert len(keys | {ARN}) == 3


def test_the_children_of_a_composite_are_named_with_their_states() -> None:
    change = change_of(sample_body("composite"))
    assert [(child.name, child.state) for child in change.children] == [
        ("bedrock-alerts.Throttling", "ALARM"),
        ("bedrock-alerts.Latency", "OK"),
        ("bedrock-alerts.ServerErrors", "ALARM"),
    ]
    assert change.children[0].at is not None
    odd = [None, {}, {"arn": "a"}, {"arn": 5}]
    assert read(with_data({"triggeringAlarms": odd})).children == (
        AlarmState(name="a", arn="a", state=""),
    )


def test_a_held_composite_says_by_what_and_its_release_does_not() -> None:
    held, released = (change_of(sample_body(name)) for name in ("composite_held", "composite"))
    assert (held.suppressed_by, released.suppressed_by) == ("WaitPeriod", "")
    assert (released.previous_state, released.state) == ("ALARM", "ALARM")
    assert held.at < released.at


@pytest.mark.parametrize(
    ("mute", "by", "is_until_known"),
    [
        pytest.param({"mutedByArn": "a", "muteWindowEnd": TIMESTAMP}, "a", True, id="all said"),
        pytest.param({"muteWindowEnd": "soon"}, "mute", False, id="nothing that can be read"),
        pytest.param({}, "mute", False, id="nothing at all"),
        pytest.param("yes", "mute", False, id="something else"),
    ],
)
def test_a_muted_change_says_so(mute: Any, by: str, *, is_until_known: bool) -> None:
    change = read(alarm_event(muteDetail=mute))
    assert change.muted_by == by
    assert (change.muted_until is not None) is is_until_known


@pytest.mark.parametrize("name", ["throttling", "composite", "throttling_sns"])
def test_what_is_not_muted_does_not_say_it_is(name: str) -> None:
    change = change_of(sample_body(name))
    assert (change.muted_by, change.muted_until) == ("", None)


@pytest.mark.parametrize(
    ("data", "band"),
    [
        pytest.param(
            {"recentLowerThresholds": [1.0, 2.0], "recentUpperThresholds": [8.0, 9.0]},
            (2.0, 9.0),
            id="both limits",
        ),
        pytest.param({"recentUpperThresholds": [9.0]}, (None, 9.0), id="the upper one"),
        pytest.param({"recentLowerThresholds": [2.0]}, (2.0, None), id="the lower one"),
        pytest.param({"recentLowerThresholds": "x"}, None, id="none"),
    ],
)
def test_a_band_has_the_limits_of_the_last_value(data: Any, band: Any) -> None:
    assert read(with_data(data)).band == band


@pytest.mark.parametrize(
    ("reason", "operator"),
    [
        ("was greater than or equal to the threshold (1.0)", "GreaterThanOrEqualToThreshold"),
        ("was not greater than the threshold (1.0)", "GreaterThanThreshold"),
        ("was less than the threshold (1.0)", "LessThanThreshold"),
        ("was less than or equal to the threshold", "LessThanOrEqualToThreshold"),
        ("were greater than the upper thresholds [2.0]", "GreaterThanUpperThreshold"),
        ("were less than the lower thresholds [2.0]", "LessThanLowerThreshold"),
        (
            "was less than the lower thresholds [1.0] or greater than the upper thresholds [2.0]",
            "LessThanLowerOrGreaterThanUpperThreshold",
        ),
        ("testing", None),
    ],
)
def test_the_operator_stands_in_the_reason(reason: str, operator: str | None) -> None:
    assert read(alarm_event(state=state("ALARM", reason, TIMESTAMP))).operator == operator
    assert read(of_sns(NewStateReason=reason)).operator == operator


def test_what_the_message_says_of_the_operator_counts_more_than_the_reason() -> None:
    trigger = {"ComparisonOperator": "LessThanThreshold", "Threshold": 3}
    change = read(of_sns(Trigger=trigger, NewStateReason="greater than the threshold (4.0)"))
    assert (change.operator, change.threshold) == ("LessThanThreshold", 3.0)


@pytest.mark.parametrize(
    ("reason", "values"),
    [
        pytest.param(
            "2 datapoints [12.0 (23/11/26 08:09:00), -4.5 (23/11/26 08:08:00)] were",
            (-4.5, 12.0),
            id="the newest is the last",
        ),
        pytest.param("1 datapoint [1.0E-4 (23/11/26 08:09:00)]", (0.0001,), id="a small one"),
        pytest.param("1 datapoint [1.0E999 (23/11/26 08:09:00)]", (), id="more than a number"),
        pytest.param("no datapoints were received", (), id="none"),
        pytest.param("testing (23/11)", (), id="a date alone"),
    ],
)
def test_by_sns_the_values_are_those_of_the_reason(reason: str, values: tuple[float, ...]) -> None:
    assert read(of_sns(NewStateReason=reason)).recent_values == values


@pytest.mark.parametrize(
    ("statistic", "stat"),
    [
        pytest.param({"Statistic": "SUM"}, "Sum", id="in capitals"),
        pytest.param({"Statistic": "SAMPLE_COUNT"}, "SampleCount", id="in other words"),
        pytest.param({"ExtendedStatistic": "p95"}, "p95", id="a percentile"),
        pytest.param({"Statistic": "NOVEL"}, "NOVEL", id="an unknown one"),
        pytest.param({}, None, id="none"),
    ],
)
def test_the_statistic_of_an_sns_message_is_written_as_everywhere(
    statistic: Any, stat: str | None
) -> None:
    trigger = {"MetricName": "Calls", "Namespace": "Invented", "Period": 60, **statistic}
    (found,) = read(of_sns(Trigger=trigger)).metrics
    assert found.statistic == stat


def test_metric_math_is_read_from_sns_too() -> None:
    metrics = [
        {"Id": "e1", "Expression": "m1 * 2", "Label": "Twice", "ReturnData": True},
        {
            "Id": "m1",
            "MetricStat": {
                "Metric": {
                    "MetricName": "Calls",
                    "Namespace": "Invented",
                    "Dimensions": [{"value": "v", "name": "n"}],
                },
                "Period": 60,
                "Stat": "Sum",
            },
            "ReturnData": False,
        },
    ]
    change = read(of_sns(Trigger={"Metrics": metrics, "Threshold": 5}))
    assert change.kind == "math"
    assert change.expressions == (Expression(text="m1 * 2", label="Twice", id="e1"),)
    assert change.metrics == (
        MetricRef(
            name="Calls",
            namespace="Invented",
            statistic="Sum",
            period=60,
            dimensions=(("n", "v"),),
            id="m1",
            is_shown=False,
        ),
    )


@pytest.mark.parametrize(
    ("given", "arn", "region"),
    [
        pytest.param(ARN, ARN, REGION, id="the ARN knows"),
        pytest.param(None, ARN, REGION, id="without it the name of the Region does"),
        pytest.param("nonsense", ARN, REGION, id="and when it is none"),
    ],
)
def test_the_region_is_a_code_also_by_sns(given: str | None, arn: str, region: str) -> None:
    change = read(of_sns(AlarmArn=given))
    assert (change.alarm_arn, change.region, change.account_id) == (arn, region, ACCOUNT)


@pytest.mark.parametrize(
    ("name", "code", "partition"),
    [
        ("US East (N. Virginia)", "us-east-1", "aws"),
        ("Europe (Ireland)", "eu-west-1", "aws"),
        ("EU (Frankfurt)", "eu-central-1", "aws"),
        ("AWS GovCloud (US-West)", "us-gov-west-1", "aws-us-gov"),
        ("China (Beijing)", "cn-north-1", "aws-cn"),
        ("eu-west-1", "eu-west-1", "aws"),
        ("Mars (Olympus)", "Mars (Olympus)", "aws"),
    ],
)
def test_an_arn_is_put_together_for_any_region(name: str, code: str, partition: str) -> None:
    change = read(of_sns(AlarmArn=None, Region=name))
    assert change.region == code
    assert change.alarm_arn == (
        f"arn:{partition}:cloudwatch:{code}:{ACCOUNT}:alarm:chat-guardrail-blocks"
    )


def test_the_arn_of_an_alarm_counts_more_than_where_its_event_says_it_is() -> None:
    event = alarm_event()
    event["resources"] = [f"arn:aws:cloudwatch:us-east-2:{ACCOUNT}:alarm:a:b"]
    change = read(event)
    assert (change.account_id, change.region) == (ACCOUNT, "us-east-2")


@pytest.mark.parametrize(
    "changes",
    [
        {"AlarmName": None},
        {"NewStateValue": ""},
    ],
)
def test_an_sns_message_that_does_not_say_what_is_incomplete(changes: Any) -> None:
    found = event_of(json.dumps(of_sns(**changes)))
    assert isinstance(found, Unrecognised)


@pytest.mark.parametrize("time", [None, "yesterday"])
def test_without_its_time_a_message_is_of_when_it_was_published(time: Any) -> None:
    envelope = {
        "TopicArn": "arn:aws:sns:eu-west-1:111122223333:inbox",
        "Message": json.dumps(of_sns(StateChangeTime=time)),
        "Timestamp": "2026-11-23T08:10:41.000Z",
    }
    assert change_of(json.dumps(envelope)).at == datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC)


def test_an_event_without_any_time_is_of_now() -> None:
    event = alarm_event(state={"value": "ALARM", "reason": "testing"})
    del event["time"]
    assert abs((read(event).at - datetime.now(UTC)).total_seconds()) < 60


def test_a_band_is_that_of_the_newest_value_outside_of_it() -> None:
    data = {
        "recentDatapoints": [5.0, 12.0, 5.0],
        "recentLowerThresholds": [1.0, 2.0, 3.0],
        "recentUpperThresholds": [8.0, 9.0, 10.0],
    }
    change = read(with_data(data))
    assert (change.value, change.band) == (12.0, (2.0, 9.0))


def test_limits_are_read_out_of_a_reason_the_newest_first() -> None:
    reason = (
        "Thresholds Crossed: 1 out of the last 2 datapoints [50.0 (20/11/26 08:05:00), 41.0"
        " (20/11/26 08:00:00)] were less than the lower thresholds [40.5, 118.4] or greater than"
        " the upper thresholds [300.0, 305.9] (minimum 1 datapoint for OK -> ALARM transition)."
    )
    change = read(of_sns(NewStateReason=reason))
    assert (change.value, change.band) == (41.0, (118.4, 305.9))


def test_the_unit_the_account_and_the_evaluation_stand_in_the_event() -> None:
    entry = {
        "id": "m1",
        "accountId": "444455556666",
        "metricStat": {"metric": {"name": "Late"}, "unit": "Seconds", "stat": "Sum"},
    }
    event = alarm_event(
        configuration={"metrics": [entry]},
        state={
            **state("ALARM", "testing", TIMESTAMP),
            "evaluationState": "PARTIAL_DATA",
            "reasonData": json.dumps({"unit": "Seconds"}),
        },
    )
    change = read(event)
    assert (change.metrics[0].account_id, change.metrics[0].unit) == ("444455556666", "Seconds")
    assert (change.unit, change.evaluation) == ("Seconds", "PARTIAL_DATA")


@pytest.mark.parametrize(
    ("tags", "read_as"),
    [
        pytest.param({"team": "chat"}, (("team", "chat"),), id="a map"),
        pytest.param([{"Key": "team", "Value": "chat"}], (("team", "chat"),), id="a list"),
        pytest.param("team", (), id="something else"),
        pytest.param(None, (), id="none"),
    ],
)
def test_tags_are_read_however_they_are_written(tags: Any, read_as: Any) -> None:
    assert read(alarm_event(tags=tags)).tags == read_as
    assert read(of_sns(AlarmTags=tags)).tags == read_as


@pytest.mark.parametrize(
    ("data", "threshold", "values"),
    [
        pytest.param({"threshold": 3, "recentDatapoints": [1, 2.5]}, 3.0, (1.0, 2.5), id="both"),
        pytest.param({"recentDatapoints": [9125.5]}, None, (9125.5,), id="an anomaly"),
        pytest.param({"threshold": "3"}, None, (), id="a threshold that is text"),
        pytest.param({"threshold": True}, None, (), id="a threshold that is a truth value"),
        pytest.param({"threshold": 10**400}, None, (), id="a threshold that no float holds"),
        pytest.param('{"threshold": NaN}', None, (), id="a threshold that is no number"),
        pytest.param({"recentDatapoints": [1, None, "x", 2]}, None, (1.0, 2.0), id="odd values"),
        pytest.param(
            {"recentDatapoints": list(range(100))}, None, tuple(range(40, 100)), id="many"
        ),
        pytest.param("not JSON", None, (), id="a state set by hand"),
        pytest.param("[" * 100_000, None, (), id="JSON too deep to read"),
        pytest.param("[1]", None, (), id="JSON that is no object"),
        pytest.param(None, None, (), id="no data at all"),
    ],
)
def test_threshold_and_values_come_from_the_reason_data_where_it_has_them(
    data: Any, threshold: float | None, values: tuple[float, ...]
) -> None:
    change = read(with_data(data))
    assert (change.threshold, change.recent_values) == (threshold, values)


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        pytest.param("2026-11-23T08:10:41.529+0000", AT, id="with an offset"),
        pytest.param("2026-11-23T08:10:41.529Z", AT, id="with a Z"),
        pytest.param("2026-11-23T10:10:41.529+02:00", AT, id="elsewhere on earth"),
        pytest.param("2026-11-23T08:10:41.529", AT, id="without any: it is UTC"),
        pytest.param("yesterday", AT.replace(microsecond=0), id="unreadable: the event's own time"),
        pytest.param(
            "0001-01-01T00:00:00+14:00", AT.replace(microsecond=0), id="before all time: likewise"
        ),
        pytest.param(1_795_420_800, AT.replace(microsecond=0), id="a number: likewise"),
    ],
)
def test_times_are_read_however_they_are_written(timestamp: Any, at: datetime) -> None:
    assert read(alarm_event(state=state("ALARM", "…", timestamp))).at == at


def test_an_alarm_without_previous_state_is_read() -> None:
    change = read(alarm_event(previousState=None))
    assert (change.previous_state, change.previous_at) == (None, None)


@pytest.mark.parametrize("resources", [[], None, "x", [5], ["arn:aws:s3:::bucket"]])
def test_an_alarm_without_arn_gets_the_one_it_must_have(resources: Any) -> None:
    event = alarm_event()
    event["resources"] = resources
    assert read(event).alarm_arn == ARN


def test_more_metrics_and_dimensions_than_an_alarm_can_have_are_left_out() -> None:
    many = {f"d{number}": "x" for number in range(100)}
    metrics = [metric(f"m{n}", namespace="Invented", dimensions=many) for n in range(100)]
    change = read(alarm_event(configuration={"metrics": metrics}))
    assert len(change.metrics) == 20
    assert {len(metric.dimensions) for metric in change.metrics} == {30}


@pytest.mark.parametrize(
    "metrics",
    [
        pytest.param("m1", id="text"),
        pytest.param([None, 1, "m1", {}, {"metricStat": []}, {"metricStat": {}}], id="odd items"),
        pytest.param([{"expression": 5}], id="an expression that is no text"),
    ],
)
def test_metrics_that_are_none_are_left_out(metrics: Any) -> None:
    change = read(alarm_event(configuration={"metrics": metrics}))
    assert (change.metrics, change.expressions) == ((), ())


@pytest.mark.parametrize(
    ("period", "found"),
    [
        pytest.param(60, 60, id="a minute"),
        pytest.param(10.0, 10, id="a float"),
        pytest.param(0, None, id="none"),
        pytest.param(0.5, None, id="less than a second"),
        pytest.param(-60, None, id="a negative one"),
        pytest.param(10**300, None, id="longer than any alarm's"),
        pytest.param("60", None, id="text"),
    ],
)
def test_a_period_is_read_if_it_can_be_one(period: Any, found: int | None) -> None:
    metrics = [metric("Calls", namespace="Invented", period=period)]
    change = read(alarm_event(configuration={"metrics": metrics}))
    assert [metric.period for metric in change.metrics] == [found]


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(json.loads(ALARMS["an incomplete alarm event"]), id="no state"),
        pytest.param(envelope("CloudWatch Alarm State Change", ["odd"]), id="a list for a detail"),
        pytest.param(alarm_event(alarmName="\u200b "), id="a name that cannot be seen"),
    ],
)
def test_an_alarm_event_that_does_not_say_what_changed_is_incomplete(event: Any) -> None:
    found = event_of(json.dumps(event))
    assert isinstance(found, Unrecognised)
    assert found.title == "Received an incomplete alarm event"
