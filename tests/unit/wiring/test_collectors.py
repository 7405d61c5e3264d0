"""A collector takes a newer price list from S3 when it starts, and none that is broken."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from bedrock_alerts.invocations.price_list import PRICES_FILE
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.wiring import collectors
from bedrock_alerts.wiring.collector_settings import CollectorSettings

BUCKET = "example-prices"
SHIPPED = Prices.load().dated


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3")
        where = {"LocationConstraint": "eu-west-1"}
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)  # type: ignore[arg-type]
        yield client


def dated(day: str) -> bytes:
    return json.dumps({**json.loads(PRICES_FILE.read_bytes()), "dated": day}).encode()


def prices_of() -> Any:
    settings = CollectorSettings(
        metrics_namespace="BedrockAlerts", price_overrides=f"s3://{BUCKET}/prices.json"
    )
    return collectors.collecting(settings).parts.prices


def put(s3: Any, body: bytes, key: str = "prices.json") -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def events(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]


def test_a_newer_list_is_read_from_s3(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    put(s3, dated("2999-01-02"))
    assert prices_of().dated == "2999-01-02"
    assert events(capsys) == []


@pytest.mark.parametrize("broken", [b"", b"{}", b"x" * 1000])
def test_a_broken_list_gives_way_to_the_one_before(
    s3: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, broken: bytes
) -> None:
    before = dated("2999-01-01")
    monkeypatch.setattr(collectors, "MAX_PRICES_BYTES", len(before))
    put(s3, broken)
    put(s3, before, "prices.json.previous")
    assert prices_of().dated == "2999-01-01"
    assert events(capsys) == ["price_overrides_refused"]


def test_a_list_that_is_too_large_is_not_read(
    s3: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collectors, "MAX_PRICES_BYTES", 1000)
    put(s3, dated("2999-01-02"))
    assert prices_of().dated == SHIPPED
    assert events(capsys)[:2] == ["price_overrides_refused"] * 2


def test_without_any_list_the_shipped_one_is_used(
    s3: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    del s3
    assert prices_of().dated == SHIPPED
    assert events(capsys)[:2] == ["price_overrides_refused"] * 2
