"""The reader of bodies is an ordinary reader of objects that gives up soon."""

import boto3
import pytest
from moto import mock_aws

from bedrock_alerts.adapters.s3 import body_reader
from bedrock_alerts.errors import TransientError
from tests.support.loopback import Answer, Hook


def test_a_body_is_read_from_its_bucket() -> None:
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(
            Bucket="example-bodies", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        s3.put_object(Bucket="example-bodies", Key="x/data/y", Body=b"{}")
        assert b"".join(body_reader().chunks("example-bodies", "x/data/y")) == b"{}"


def test_a_body_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with Hook(Answer(503, b"")) as hook:
        monkeypatch.setenv("AWS_ENDPOINT_URL", hook.url)
        with pytest.raises(TransientError, match="Amazon S3 refused the object: 503"):
            list(body_reader().chunks("example-bodies", "x/data/y"))
    assert len(hook.paths) == 1
