"""`doctor` ends with 1 where something is wrong, with 2 where there is no stack to look at."""

import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
import time_machine
from click.testing import CliRunner, Result

from bedrock_alerts_cli.deployed.doctor.read_permissions import ACTIONS, POLICY_PAGE
from bedrock_alerts_cli.main import cli
from bedrock_alerts_cli.project import ROOT
from bedrock_alerts_cli.user_errors import InputError
from tests.support.account_in_memory import DENIED, NOW, AccountInMemory, Refused


def run(
    monkeypatch: pytest.MonkeyPatch, account: AccountInMemory, *arguments: str
) -> tuple[Result, Any]:
    monkeypatch.setattr(
        boto3.Session, "client", lambda _self, service, **_: account.client(service)
    )
    with time_machine.travel(NOW, tick=False):
        result = CliRunner().invoke(
            cli, ["doctor", "--region", "eu-west-1", *arguments], standalone_mode=False
        )
    return result, result.return_value


def test_a_stack_that_works_ends_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    account = AccountInMemory()
    result, status = run(monkeypatch, account)
    assert status == 0, result.output
    assert result.output.startswith("Stack bedrock-alerts, account 111122223333, eu-west-1\n")
    assert "16 alarms" in result.output
    assert max(map(len, result.output.splitlines())) <= 80


def test_a_fault_ends_with_1_and_json_is_all_that_is_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = AccountInMemory()
    account.answers["GetModelInvocationLoggingConfiguration"] = {}
    result, status = run(monkeypatch, account, "--json")
    assert status == 1
    wrong = [one for one in json.loads(result.output) if one["verdict"] == "wrong"]
    assert [one["check"] for one in wrong] == ["invocation logging"]


@pytest.mark.parametrize("answer", [DENIED, Refused("ValidationError", "x does not exist")])
def test_a_stack_that_cannot_be_read_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, answer: Refused
) -> None:
    account = AccountInMemory()
    account.answers["DescribeStacks"] = answer
    result, _ = run(monkeypatch, account)
    assert isinstance(result.exception, InputError)


def test_the_page_has_the_policy() -> None:
    """Every action that doctor needs is on the page, and no other."""
    page = (Path(ROOT) / POLICY_PAGE).read_text()
    _, _, section = page.partition("### For doctor\n")
    (text,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    given: set[str] = set()
    for statement in json.loads(text)["Statement"]:
        actions = statement["Action"]
        given |= {actions} if isinstance(actions, str) else set(actions)
    waiting = {"logs:FilterLogEvents"}  # `make deploy`, at its end
    assert given == {*ACTIONS.values(), *waiting}
    assert all(name.split(":")[1].startswith(("Describe", "Filter", "Get", "List", "Query", "Scan"))
               for name in given)  # fmt: skip
