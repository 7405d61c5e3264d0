"""A secret is read seldom, seen soon when it was renewed, and never shown."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Self

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider, base
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber
from mypy_boto3_secretsmanager import SecretsManagerClient

from bedrock_alerts.adapters.secrets_manager import Secret
from bedrock_alerts.errors import PermanentError, TransientError
from tests.support.secrecy import lines, shown, traces

SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:slack-AbCdEf"
SECRET = "https://hooks.slack.com/services/T0/B0/s3cretInventedToken"


class Clock(datetime):
    """A clock that a test puts forward."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls(2026, 11, 23, 8, 0, tzinfo=tz) + cls.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr(Clock, "ahead", timedelta())
    monkeypatch.setattr(base, "datetime", Clock)
    return Clock


@pytest.fixture
def secrets() -> SecretsManagerClient:
    return boto3.client("secretsmanager", region_name="eu-west-1")


@pytest.fixture
def secrets_stub(secrets: SecretsManagerClient) -> Iterator[Stubber]:
    with Stubber(secrets) as stub:
        yield stub


@pytest.fixture
def secret(secrets: SecretsManagerClient) -> Secret:
    return Secret(SECRET_ARN, SecretsProvider(boto3_client=secrets))


def answer_with(stub: Stubber, text: str) -> None:
    stub.add_response("get_secret_value", {"SecretString": text}, {"SecretId": SECRET_ARN})


def test_a_secret_is_read_without_the_blanks_that_pasting_leaves(
    secret: Secret, secrets_stub: Stubber
) -> None:
    answer_with(secrets_stub, f" {SECRET}\n")
    assert secret.text() == SECRET


def test_a_secret_is_kept_for_five_minutes_and_then_read_anew(
    secret: Secret, secrets_stub: Stubber, clock: type[Clock]
) -> None:
    answer_with(secrets_stub, "before the rotation")
    assert secret.text() == "before the rotation"
    answer_with(secrets_stub, "after the rotation")
    clock.ahead = timedelta(minutes=4, seconds=59)
    assert secret.text() == "before the rotation"
    clock.ahead = timedelta(minutes=5, seconds=1)
    assert secret.text() == "after the rotation"


def test_a_secret_is_read_anew_when_asked_to_be(
    secret: Secret, secrets_stub: Stubber, clock: type[Clock]
) -> None:
    assert clock.ahead == timedelta()
    answer_with(secrets_stub, "before the rotation")
    assert secret.text() == "before the rotation"
    answer_with(secrets_stub, "after the rotation")
    assert secret.text(fresh=True) == secret.text() == "after the rotation"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("ResourceNotFoundException", id="it is missing"),
        pytest.param("AccessDeniedException", id="we may not"),
        pytest.param("DecryptionFailure", id="its key is out of reach"),
        pytest.param("InternalServiceError", id="its keeper has a fault"),
    ],
)
def test_a_secret_that_cannot_be_read_may_be_readable_later(
    secret: Secret, secrets_stub: Stubber, code: str
) -> None:
    secrets_stub.add_client_error("get_secret_value", code)
    with pytest.raises(TransientError, match=rf"^AWS Secrets Manager refused: {code}$"):
        secret.text()
    answer_with(secrets_stub, SECRET)
    assert secret.text() == SECRET


def test_a_keeper_of_secrets_that_does_not_answer_may_later(
    secret: Secret, secrets: SecretsManagerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_answers(*_: object) -> None:
        raise ConnectTimeoutError(endpoint_url="https://example.com")

    monkeypatch.setattr(secrets, "_make_api_call", never_answers)
    with pytest.raises(
        TransientError, match=r"^no response from AWS Secrets Manager: ConnectTimeoutError$"
    ):
        secret.text()


def test_a_binary_secret_is_none_and_is_not_shown(
    secret: Secret, secrets_stub: Stubber, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets_stub.add_response("get_secret_value", {"SecretBinary": SECRET.encode()})
    with pytest.raises(PermanentError, match="must be text, not binary") as caught:
        secret.text()
    assert not shown(["s3cret"], [*traces(caught.value), *lines(caplog.records)])
