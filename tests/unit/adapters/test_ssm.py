"""A parameter is read once a minute at most, and a failure names its code and nothing more."""

from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import SSMProvider
from botocore.stub import Stubber

from bedrock_alerts.adapters.ssm import Parameter
from bedrock_alerts.errors import PermanentError, TransientError


@pytest.fixture
def ssm() -> Any:
    return boto3.client("ssm", region_name="eu-west-1")


def test_the_text_is_kept_for_a_while(ssm: Any) -> None:
    with Stubber(ssm) as stub:
        stub.add_response("get_parameter", {"Parameter": {"Name": "/watch/routes", "Value": "{}"}})
        parameter = Parameter("/watch/routes", SSMProvider(boto3_client=ssm))
        assert parameter.text() == parameter.text() == "{}"
        stub.assert_no_pending_responses()


def test_a_refusal_may_pass(ssm: Any) -> None:
    with Stubber(ssm) as stub:
        stub.add_client_error("get_parameter", "AccessDeniedException", "no")
        with pytest.raises(TransientError) as caught:
            Parameter("/watch/routes", SSMProvider(boto3_client=ssm)).text()
    assert str(caught.value) == "parameter /watch/routes cannot be read: AccessDeniedException"


class Odd(SSMProvider):
    """Answers with what is no text."""

    def get(self, *_: Any, **__: Any) -> Any:
        return b"{}"


class Broken(SSMProvider):
    """Fails before it asked anybody."""

    def _get(self, name: str, decrypt: bool = False, **sdk_options: Any) -> str:  # noqa: FBT001, FBT002, ARG002 - Powertools' interface
        raise OSError("no network")


def test_what_is_no_text_is_refused(ssm: Any) -> None:
    with pytest.raises(PermanentError, match="must be text"):
        Parameter("/watch/routes", Odd(boto3_client=ssm)).text()


def test_no_answer_may_pass(ssm: Any) -> None:
    with pytest.raises(TransientError, match="cannot be read: OSError"):
        Parameter("/watch/routes", Broken(boto3_client=ssm)).text()
