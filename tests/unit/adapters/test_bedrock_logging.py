"""The calls behind model invocation logging: exact requests, and what their failures mean."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber
from moto import mock_aws

from bedrock_alerts.adapters.bedrock_logging import BedrockLogging, LogGroups, ParameterMemory
from bedrock_alerts.errors import GoneError, PermanentError, TransientError
from bedrock_alerts.invocation_logging.logging_state import RefusedError, SubscriptionFilter
from tests.support.custom_resources import COLLECTOR, LOG_GROUP, MEMORY, ours, theirs


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield


@pytest.mark.usefixtures("aws")
def test_logging_is_read_set_and_turned_off() -> None:
    logging = BedrockLogging()
    assert logging.get() is None
    logging.put(ours())
    assert logging.get() == ours()
    logging.put(theirs())
    assert logging.get() == theirs()
    logging.delete()
    assert logging.get() is None


def older_client() -> Any:
    """Return a client whose botocore does not know the switch for audio."""
    client: Any = boto3.client("bedrock", region_name="eu-west-1")
    put = client.meta.service_model.operation_model("PutModelInvocationLoggingConfiguration")
    members = put.input_shape.members["loggingConfig"].members
    members.pop("audioDataDeliveryEnabled", None)
    return client


def test_a_switch_that_an_older_botocore_does_not_know_is_left_out_where_it_is_off() -> None:
    client = older_client()
    known = {key: value for key, value in ours().items() if key != "audioDataDeliveryEnabled"}
    with Stubber(client) as stub:
        stub.add_response(
            "put_model_invocation_logging_configuration", {}, {"loggingConfig": known}
        )
        BedrockLogging(client).put(ours())
        stub.assert_no_pending_responses()


def test_a_switch_that_an_older_botocore_does_not_know_is_refused_where_it_is_on() -> None:
    with pytest.raises(PermanentError, match="too old to set audioDataDeliveryEnabled"):
        BedrockLogging(older_client()).put(ours(audioDataDeliveryEnabled=True))


@pytest.mark.usefixtures("aws")
def test_a_memory_lasts_until_it_is_forgotten() -> None:
    memory = ParameterMemory()
    assert memory.load(MEMORY) is None
    memory.save(MEMORY, '{"owner":"a"}')
    memory.save(MEMORY, '{"owner":"b"}')
    assert memory.load(MEMORY) == '{"owner":"b"}'
    memory.forget(MEMORY)
    memory.forget(MEMORY)
    assert memory.load(MEMORY) is None


@pytest.mark.usefixtures("aws")
def test_subscriptions_are_listed_with_what_they_are_for() -> None:
    logs, streams = boto3.client("logs"), boto3.client("kinesis")
    logs.create_log_group(logGroupName=LOG_GROUP)
    streams.create_stream(StreamName="lake", ShardCount=1)
    lake = streams.describe_stream(StreamName="lake")["StreamDescription"]["StreamARN"]
    found = LogGroups()
    assert found.subscriptions(LOG_GROUP) == ()
    for name in ("one", "two"):
        logs.put_subscription_filter(
            logGroupName=LOG_GROUP, filterName=name, filterPattern="", destinationArn=lake
        )
    assert set(found.subscriptions(LOG_GROUP)) == {
        SubscriptionFilter("one", lake),
        SubscriptionFilter("two", lake),
    }


@pytest.mark.usefixtures("aws")
def test_a_log_group_that_is_not_there_is_gone() -> None:
    with pytest.raises(GoneError, match="DescribeSubscriptionFilters: ResourceNotFoundException"):
        LogGroups().subscriptions("/not/there")


def client(service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload] # any of the three
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


# Every call, and the API operation behind it.
CALLS: dict[str, tuple[str, str, Callable[[Any], object]]] = {
    "get": (
        "bedrock",
        "get_model_invocation_logging_configuration",
        lambda c: BedrockLogging(c).get(),
    ),
    "put": (
        "bedrock",
        "put_model_invocation_logging_configuration",
        lambda c: BedrockLogging(c).put(ours()),
    ),
    "delete": (
        "bedrock",
        "delete_model_invocation_logging_configuration",
        lambda c: BedrockLogging(c).delete(),
    ),
    "load": ("ssm", "get_parameter", lambda c: ParameterMemory(c).load(MEMORY)),
    "save": ("ssm", "put_parameter", lambda c: ParameterMemory(c).save(MEMORY, "{}")),
    "forget": ("ssm", "delete_parameter", lambda c: ParameterMemory(c).forget(MEMORY)),
    "list": (
        "logs",
        "describe_subscription_filters",
        lambda c: LogGroups(c).subscriptions(LOG_GROUP),
    ),
}


def failing(call: str, code: str, message: str) -> tuple[BaseClient, Callable[[Any], object]]:
    service, operation, use = CALLS[call]
    stubbed = client(service)
    stubber = Stubber(stubbed)
    stubber.add_client_error(operation, code, message)
    stubber.activate()
    return stubbed, use


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "Unheard"])
def test_a_failure_may_pass_and_is_named(call: str, code: str) -> None:
    stubbed, use = failing(call, code, "not\n\x1bnow")
    with pytest.raises(TransientError) as caught:
        use(stubbed)
    assert type(caught.value) is TransientError
    operation = CALLS[call][1].replace("_", "")
    assert str(caught.value).lower() == f"{operation}: {code}: not now".lower()


def test_a_configuration_that_bedrock_does_not_take_is_refused_in_its_words() -> None:
    words = "Failed to validate permissions for log group"
    stubbed, use = failing("put", "ValidationException", words)
    with pytest.raises(RefusedError, match=words):
        use(stubbed)


def test_a_long_complaint_is_cut() -> None:
    stubbed, use = failing("put", "ValidationException", "x" * 10_000)
    with pytest.raises(RefusedError) as caught:
        use(stubbed)
    assert len(str(caught.value)) < 600


def test_a_configuration_that_cannot_be_sent_is_a_permanent_failure() -> None:
    with pytest.raises(PermanentError, match="is not valid"):
        BedrockLogging(client("bedrock")).put({"cloudWatchConfig": {"logGroupName": LOG_GROUP}})


def test_no_answer_may_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_answer(*_: object, **__: object) -> None:
        raise ConnectTimeoutError(endpoint_url="https://bedrock.eu-west-1.amazonaws.com")

    stubbed = client("bedrock")
    monkeypatch.setattr(stubbed, "_make_request", no_answer)
    with pytest.raises(TransientError, match=r"^no response from AWS: ConnectTimeoutError$"):
        BedrockLogging(stubbed).get()


def test_what_says_nothing_in_a_configuration_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stubbed = client("bedrock")
    answer = {
        "loggingConfig": {
            "cloudWatchConfig": {
                "logGroupName": "",
                "roleArn": "",
                "largeDataDeliveryS3Config": {"bucketName": "", "keyPrefix": ""},
            },
            "s3Config": {"bucketName": "their-archive", "keyPrefix": ""},
            "textDataDeliveryEnabled": False,
        }
    }
    monkeypatch.setattr(stubbed, "_make_api_call", lambda *_: answer)
    assert BedrockLogging(stubbed).get() == {
        "s3Config": {"bucketName": "their-archive"},
        "textDataDeliveryEnabled": False,
    }


def test_a_subscription_is_asked_for_by_its_group() -> None:
    stubbed = client("logs")
    with Stubber(stubbed) as stubber:
        stubber.add_response(
            "describe_subscription_filters",
            {"subscriptionFilters": [{"filterName": "a", "destinationArn": COLLECTOR}]},
            {"logGroupName": LOG_GROUP},
        )
        assert LogGroups(stubbed).subscriptions(LOG_GROUP) == (SubscriptionFilter("a", COLLECTOR),)
