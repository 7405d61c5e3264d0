"""A silence shows in the console as a mute rule: one an incident, in whole minutes, bounded."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import ANY, Stubber

from bedrock_alerts.adapters.mute_rules import MuteRules
from bedrock_alerts.errors import TransientError

INCIDENT = "0" * 32


@pytest.fixture
def cloudwatch() -> Any:
    return boto3.client("cloudwatch", region_name="eu-west-1")


class Recorder:
    """Takes one mute rule."""

    def __init__(self) -> None:
        self.rule: dict[str, Any] = {}

    def put_alarm_mute_rule(self, **rule: Any) -> None:
        self.rule = rule


@pytest.mark.parametrize(
    ("hours", "at_least", "at_most"), [(1, 59, 60), (24, 1439, 1440), (-1, 1, 1)]
)
def test_an_alarm_is_muted_from_the_next_minute_on(hours: int, at_least: int, at_most: int) -> None:
    client: Any = Recorder()
    until = datetime.now(UTC) + timedelta(hours=hours)
    MuteRules("watch-", client).mute("watch.Throttling", INCIDENT, until, "ada")
    schedule = client.rule["Rule"]["Schedule"]
    begin = datetime.strptime(schedule["Expression"], "at(%Y-%m-%dT%H:%M)").replace(tzinfo=UTC)
    assert timedelta() < begin - datetime.now(UTC) <= timedelta(minutes=1)
    minutes = int(schedule["Duration"].removeprefix("PT").removesuffix("M"))
    assert at_least <= minutes <= at_most
    assert client.rule["ExpireDate"] == begin + timedelta(minutes=minutes)
    assert client.rule["Name"] == f"watch-{INCIDENT}"
    assert client.rule["MuteTargets"] == {"AlarmNames": ["watch.Throttling"]}
    assert client.rule["Description"] == "Silenced by ada in Slack"


def test_cloudwatch_s_own_model_accepts_it(cloudwatch: Any) -> None:
    with Stubber(cloudwatch) as stub:
        stub.add_response(
            "put_alarm_mute_rule",
            {},
            {
                "Name": f"watch-{INCIDENT}",
                "Description": ANY,
                "Rule": ANY,
                "MuteTargets": {"AlarmNames": ["a"]},
                "ExpireDate": ANY,
            },
        )
        until = datetime.now(UTC) + timedelta(hours=4)
        MuteRules("watch-", cloudwatch).mute("a", INCIDENT, until, "n" * 5000)
        stub.assert_no_pending_responses()


def test_a_refusal_names_its_code(cloudwatch: Any) -> None:
    with Stubber(cloudwatch) as stub:
        stub.add_client_error("put_alarm_mute_rule", "LimitExceededFault", "too many")
        with pytest.raises(TransientError, match="no mute rule: LimitExceededFault"):
            MuteRules("watch-", cloudwatch).mute("a", INCIDENT, datetime.now(UTC), "ada")


class Unreachable:
    """CloudWatch does not answer."""

    def put_alarm_mute_rule(self, **_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://example.com")


def test_no_answer_may_pass() -> None:
    client: Any = Unreachable()
    with pytest.raises(TransientError, match="EndpointConnectionError"):
        MuteRules("watch-", client).mute("a", INCIDENT, datetime.now(UTC), "ada")


def test_a_boto3_that_knows_no_mute_rules_is_said() -> None:
    with pytest.raises(TransientError, match="too old for mute rules"):
        MuteRules("watch-", cast("Any", object())).mute("a", INCIDENT, datetime.now(UTC), "ada")
