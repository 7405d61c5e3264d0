"""AWS is asked for exactly what is needed, briefly, and seldom twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, StubResponseError
from botocore.stub import Stubber

from bedrock_alerts.adapters.cloudwatch import AlarmDefinitions
from bedrock_alerts.adapters.iam import AccountAlias
from bedrock_alerts.adapters.logs_insights import EventLines
from bedrock_alerts.alerts.events import AlarmDefinition
from bedrock_alerts.errors import TransientError
from tests.support.changes import EVENT_LOG

START = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)
END = datetime(2026, 11, 23, 8, 11, 41, tzinfo=UTC)


class Clock:
    """A clock that only goes when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def stubbed(service: str) -> tuple[Any, Stubber]:
    client: Any = boto3.client(service)  # type: ignore[call-overload]
    stubber = Stubber(client)
    stubber.activate()
    return client, stubber


# ---- alarms --------------------------------------------------------------------------------------


@pytest.fixture
def cloudwatch() -> Iterator[tuple[Any, Stubber]]:
    client, stubber = stubbed("cloudwatch")
    yield client, stubber
    stubber.assert_no_pending_responses()


def expect_alarm(stubber: Stubber, answer: dict[str, Any]) -> None:
    stubber.add_response(
        "describe_alarms",
        answer,
        {"AlarmNames": ["a"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]},
    )


@pytest.mark.parametrize(
    ("alarm", "definition"),
    [
        pytest.param(
            {
                "Threshold": 10.0,
                "ComparisonOperator": "GreaterThanThreshold",
                "Period": 60,
                "EvaluationPeriods": 5,
                "DatapointsToAlarm": 3,
                "ActionsEnabled": False,
                "EvaluationState": "PARTIAL_DATA",
            },
            AlarmDefinition(
                threshold=10.0,
                operator="GreaterThanThreshold",
                period=60,
                periods=5,
                to_alarm=3,
                actions_enabled=False,
                evaluation="PARTIAL_DATA",
            ),
            id="a metric",
        ),
        pytest.param(
            {
                "EvaluationPeriods": 1,
                "ActionsEnabled": True,
                "Metrics": [
                    {"Id": "e", "Expression": "m * 2"},
                    {"Id": "q", "Expression": "SELECT", "Period": 60},
                    {
                        "Id": "m",
                        "MetricStat": {
                            "Metric": {"MetricName": "m"},
                            "Period": 300,
                            "Stat": "Sum",
                        },
                    },
                ],
            },
            AlarmDefinition(period=300, periods=1),
            id="metric math: the longest period",
        ),
    ],
)
def test_an_alarm_is_described(
    cloudwatch: tuple[Any, Stubber], alarm: dict[str, Any], definition: AlarmDefinition
) -> None:
    client, stubber = cloudwatch
    expect_alarm(stubber, {"MetricAlarms": [alarm]})
    assert AlarmDefinitions(client).definition("a") == definition


def test_a_composite_is_described_too(cloudwatch: tuple[Any, Stubber]) -> None:
    client, stubber = cloudwatch
    expect_alarm(stubber, {"CompositeAlarms": [{"AlarmName": "a", "ActionsEnabled": False}]})
    assert AlarmDefinitions(client).definition("a") == AlarmDefinition(actions_enabled=False)


def test_an_alarm_is_asked_about_once_a_minute(
    cloudwatch: tuple[Any, Stubber], clock: Clock
) -> None:
    client, stubber = cloudwatch
    definitions = AlarmDefinitions(client, clock)
    expect_alarm(stubber, {"MetricAlarms": [{"Threshold": 1.0}]})
    first = definitions.definition("a")
    clock.sleep(59)
    assert definitions.definition("a") == first
    clock.sleep(2)
    expect_alarm(stubber, {})
    assert definitions.definition("a") is None
    assert definitions.definition("a") is None


def test_not_more_alarms_are_remembered_than_there_is_room_for(
    cloudwatch: tuple[Any, Stubber], clock: Clock
) -> None:
    client, stubber = cloudwatch
    definitions = AlarmDefinitions(client, clock)
    expect_alarm(stubber, {})
    definitions.definition("a")
    for number in range(500):
        stubber.add_response("describe_alarms", {})
        definitions.definition(f"b{number}")
    expect_alarm(stubber, {})
    definitions.definition("a")


# ---- the account ---------------------------------------------------------------------------------


def test_an_account_is_asked_for_its_alias_once_an_hour(clock: Clock) -> None:
    client, stubber = stubbed("iam")
    account = AccountAlias(client, clock)
    stubber.add_response("list_account_aliases", {"AccountAliases": ["prod"]}, {})
    assert [account.alias(), account.alias()] == ["prod", "prod"]
    clock.sleep(3601)
    stubber.add_response("list_account_aliases", {"AccountAliases": []}, {})
    assert [account.alias(), account.alias()] == ["", ""]
    stubber.assert_no_pending_responses()


def test_an_alias_that_nobody_may_read_is_not_asked_for_again_at_once(clock: Clock) -> None:
    client, stubber = stubbed("iam")
    account = AccountAlias(client, clock)
    stubber.add_client_error("list_account_aliases", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        account.alias()
    assert account.alias() == ""
    clock.sleep(3601)
    stubber.add_response("list_account_aliases", {"AccountAliases": ["prod"]}, {})
    assert account.alias() == "prod"


# ---- event lines ---------------------------------------------------------------------------------


@pytest.fixture
def logs() -> Iterator[tuple[Any, Stubber]]:
    client, stubber = stubbed("logs")
    stubber.add_response(
        "start_query",
        {"queryId": "q-1"},
        {
            "logGroupIdentifiers": [EVENT_LOG],
            "startTime": int(START.timestamp()),
            "endTime": int(END.timestamp()) - 1,
            "queryString": "stats count(*)",
        },
    )
    yield client, stubber
    stubber.assert_no_pending_responses()


def results(stubber: Stubber, status: str, *rows: dict[str, str]) -> None:
    stubber.add_response(
        "get_query_results",
        {
            "status": status,
            "results": [
                [{"field": name, "value": value} for name, value in row.items()] for row in rows
            ],
        },
        {"queryId": "q-1"},
    )


def ask(client: Any, clock: Clock, deadline: float = 104.0) -> Any:
    lines = EventLines([EVENT_LOG], client, clock, clock.sleep)
    return lines.ask("stats count(*)", START, END, deadline)


def test_an_answer_is_waited_for(logs: tuple[Any, Stubber], clock: Clock) -> None:
    client, stubber = logs
    results(stubber, "Scheduled")
    results(stubber, "Running", {"calls": "1"})
    results(stubber, "Complete", {"principal": "a", "calls": "3"}, {"calls": "1"})
    assert ask(client, clock) == [{"principal": "a", "calls": "3"}, {"calls": "1"}]
    assert clock() == 100.5


def test_a_query_that_takes_too_long_is_stopped(logs: tuple[Any, Stubber], clock: Clock) -> None:
    client, stubber = logs
    results(stubber, "Running")
    results(stubber, "Running")
    stubber.add_response("stop_query", {"success": True}, {"queryId": "q-1"})
    with pytest.raises(TransientError, match="takes too long"):
        ask(client, clock, 100.4)
    assert clock() <= 100.4


def test_a_query_that_cannot_be_stopped_is_left_alone(
    logs: tuple[Any, Stubber], clock: Clock
) -> None:
    client, stubber = logs
    results(stubber, "Running")
    stubber.add_client_error("stop_query", "InvalidParameterException")
    with pytest.raises(TransientError, match="takes too long"):
        ask(client, clock, 100.1)


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Timeout", "Unknown"])
def test_a_query_that_fails_is_an_error(
    logs: tuple[Any, Stubber], clock: Clock, status: str
) -> None:
    client, stubber = logs
    results(stubber, status)
    with pytest.raises(TransientError, match=f"the query ended as {status}"):
        ask(client, clock)


def test_a_query_that_is_refused_is_an_error(clock: Clock) -> None:
    client, stubber = stubbed("logs")
    stubber.add_client_error("start_query", "LimitExceededException")
    with pytest.raises(ClientError, match="LimitExceededException"):
        ask(client, clock)


class Sessions:
    """Makes stubbed clients, and remembers how."""

    def __init__(self) -> None:
        self.made: list[tuple[str, float, float]] = []

    def __call__(self) -> "Sessions":
        return self

    def client(self, service: str, config: Any) -> Any:
        self.made.append((service, config.connect_timeout, config.read_timeout))
        client, _ = stubbed(service)
        return client


def test_clients_are_made_when_they_are_needed_and_wait_for_seconds_only(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    sessions = Sessions()
    for adapter in ("cloudwatch", "iam", "logs_insights"):
        monkeypatch.setattr(f"bedrock_alerts.adapters.{adapter}.Session", sessions)
    alarms, account, lines = (
        AlarmDefinitions(),
        AccountAlias(),
        EventLines([EVENT_LOG], None, clock),
    )
    assert sessions.made == []
    for call in (
        lambda: alarms.definition("a"),
        account.alias,
        lambda: lines.ask("fields @message", START, END, clock() + 4),
    ):
        with pytest.raises((ClientError, StubResponseError)):
            call()
    assert sessions.made == [("cloudwatch", 1, 2), ("iam", 1, 2), ("logs", 1, 2)]
