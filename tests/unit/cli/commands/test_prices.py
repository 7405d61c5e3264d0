"""Prices are shown with their age, and a list that cannot be used never reaches a stack."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import click
import pytest
from moto import mock_aws

from bedrock_alerts.invocations.price_list import PRICES_FILE
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts_cli.commands.prices import prices
from bedrock_alerts_cli.user_errors import InputError

BUCKET = "example-prices"


def run(*arguments: str) -> Any:
    return prices.main([*arguments], standalone_mode=False)


def listed(path: Path, day: str) -> str:
    path.write_text(json.dumps({**json.loads(PRICES_FILE.read_bytes()), "dated": day}))
    return str(path)


def test_the_shipped_list_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run("show", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert shown["dated"] == Prices.load().dated
    assert shown["models"] > 300


def test_an_old_list_is_said_to_be_old(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", listed(tmp_path / "old.json", "2024-01-01")) == 1
    assert "New models may be unpriced" in capsys.readouterr().out
    assert run("show", listed(tmp_path / "new.json", "2999-01-01")) == 0


def test_a_list_that_cannot_be_used_is_an_error_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text('{"entries": [{"model": "a"}]}')
    with pytest.raises(InputError, match=r"prices.json: price overrides, a: `rates` holds no rate"):
        run("show", str(file))


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3")
        where = {"LocationConstraint": "eu-west-1"}
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)  # type: ignore[arg-type]
        yield client


def deploy(value: str) -> None:
    template = {
        "Parameters": {"PriceOverrides": {"Type": "String", "Default": value}},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
    }
    boto3.client("cloudformation").create_stack(
        StackName="bedrock-alerts", TemplateBody=json.dumps(template)
    )


def stored(s3: Any) -> dict[str, str]:
    found = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {
        one["Key"]: json.loads(s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read())["dated"]
        for one in found
    }


def test_a_newer_list_is_put_and_the_one_before_is_kept(s3: Any, tmp_path: Path) -> None:
    deploy(f"s3://{BUCKET}/p.json")
    file = tmp_path / "prices.json"
    assert run("put", listed(file, "2999-01-01"), "--yes") == 0
    assert stored(s3) == {"p.json": "2999-01-01"}
    assert run("put", listed(file, "2999-02-01"), "--dry-run") == 0
    assert stored(s3) == {"p.json": "2999-01-01"}
    assert run("put", listed(file, "2999-02-01"), "--yes") == 0
    assert stored(s3) == {"p.json": "2999-02-01", "p.json.previous": "2999-01-01"}


def test_a_broken_list_is_not_kept_as_the_one_before(s3: Any, tmp_path: Path) -> None:
    deploy(f"s3://{BUCKET}/p.json")
    s3.put_object(Bucket=BUCKET, Key="p.json", Body=b"{}")
    assert run("put", listed(tmp_path / "prices.json", "2999-01-01"), "--yes") == 0
    assert stored(s3) == {"p.json": "2999-01-01"}


@pytest.mark.parametrize("value", ["", '{"entries":[]}'])
def test_a_stack_without_a_place_for_prices_says_what_to_do(
    s3: Any, tmp_path: Path, value: str
) -> None:
    deploy(value)
    with pytest.raises(InputError, match="deploy it with PriceOverrides=s3://BUCKET/KEY"):
        run("put", listed(tmp_path / "prices.json", "2999-01-01"), "--yes")
    assert stored(s3) == {}


def test_help_has_examples() -> None:
    for command in prices.commands.values():
        assert "Example" in command.get_help(click.Context(command))
