"""What would stop a deployment is said before it begins, with what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import boto3
import click
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from click.testing import CliRunner, Result
from samcli.cli.types import CfnParameterOverridesType

from bedrock_alerts_cli import project
from bedrock_alerts_cli.commands import deploy as module
from bedrock_alerts_cli.commands import test_alert as test_alert_command
from bedrock_alerts_cli.commands.deploy import Found, Plan, checks, deploy
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.user_errors import CommandError, InputError
from tests.support.account_in_memory import AccountInMemory

CALLER: Final = {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/alex"}
LOG: Final = {"cloudWatchConfig": {"logGroupName": "/their/log", "roleArn": "arn:…"}}


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Operation")


class Account:
    """An AWS account in memory; every answer can be replaced, also by an exception."""

    def __init__(self, **answers: Any) -> None:
        self._answers = {
            "get_caller_identity": CALLER,
            "get_model_invocation_logging_configuration": {},
            "describe_stacks": refused("ValidationError"),
            "describe_log_groups": {"logGroups": [{"logGroupName": "/their/log"}]},
            "describe_subscription_filters": {"subscriptionFilters": []},
            **answers,
        }

    def __call__(self, _service: str) -> "Account":
        return self

    def get_paginator(self, name: str) -> "Account":
        self.paginate = lambda **arguments: [getattr(self, name)(**arguments)]
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def answer(**_arguments: Any) -> Any:
            found = self._answers[name]
            if isinstance(found, Exception):
                raise found
            return found

        return answer


def looked(*parameters: str, **answers: Any) -> list[Found]:
    given = dict(one.split("=", 1) for one in ("AlertEmail=you@example.com", *parameters))
    account = Account(**answers)
    return list(checks(account, Plan("bedrock-alerts", "eu-west-1", given, kept(account))))


def kept(account: Account) -> dict[str, str]:
    return module.kept(account, "bedrock-alerts")


def stack(status: str = "UPDATE_COMPLETE", **parameters: str) -> dict[str, Any]:
    return {
        "Stacks": [
            {
                "StackStatus": status,
                "Parameters": [
                    {"ParameterKey": name, "ParameterValue": value}
                    for name, value in parameters.items()
                ],
            }
        ]
    }


def test_a_fresh_account_is_ready() -> None:
    found = looked()
    assert [one.about for one in found] == ["Credentials", "Bedrock", "Stack", "Invocation log"]
    assert not any(one.fix for one in found)
    assert "is switched on" in found[-1].says


def test_without_credentials_nothing_else_is_looked_at() -> None:
    (found,) = looked(get_caller_identity=NoCredentialsError())
    assert "aws sso login" in found.fix


@pytest.mark.parametrize(
    ("answers", "fix"),
    [
        (
            {"describe_stacks": {"Stacks": [{"StackStatus": "ROLLBACK_COMPLETE"}]}},
            "sam delete --stack-name bedrock-alerts --region eu-west-1",
        ),
        (
            {"describe_stacks": {"Stacks": [{"StackStatus": "UPDATE_ROLLBACK_FAILED"}]}},
            "continue-update-rollback --stack-name bedrock-alerts",
        ),
        ({"describe_stacks": {"Stacks": [{"StackStatus": "UPDATE_IN_PROGRESS"}]}}, "wait"),
        (
            {
                "get_model_invocation_logging_configuration": EndpointConnectionError(
                    endpoint_url="https://bedrock.example.com"
                )
            },
            "another Region",
        ),
        (
            {
                "get_model_invocation_logging_configuration": {
                    "loggingConfig": {"s3Config": {"bucketName": "their-archive"}}
                }
            },
            "InvocationLogBucketName=their-archive",
        ),
        (
            {
                "get_model_invocation_logging_configuration": {"loggingConfig": LOG},
                "describe_subscription_filters": {
                    "subscriptionFilters": [
                        {"filterName": name, "destinationArn": f"arn:aws:kinesis:…:{name}"}
                        for name in ("lake", "siem")
                    ]
                },
            },
            "--log-group-name /their/log --filter-name NAME",
        ),
        (
            {
                "get_model_invocation_logging_configuration": {"loggingConfig": LOG},
                "describe_log_groups": {
                    "logGroups": [
                        {"logGroupName": "/their/log", "logGroupClass": "INFREQUENT_ACCESS"}
                    ]
                },
            },
            "STANDARD",
        ),
    ],
)
def test_what_is_in_the_way_is_named_with_its_remedy(answers: dict[str, Any], fix: str) -> None:
    assert any(fix in one.fix for one in looked(**answers))


def test_an_update_of_the_same_stack_keeps_its_own_subscription() -> None:
    own = "arn:aws:lambda:eu-west-1:111122223333:function:bedrock-alerts-collect-logs"
    found = looked(
        get_model_invocation_logging_configuration={"loggingConfig": LOG},
        describe_stacks={"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]},
        describe_subscription_filters={
            "subscriptionFilters": [
                {"filterName": "ours", "destinationArn": own},
                {"filterName": "lake", "destinationArn": "arn:aws:kinesis:…:lake"},
            ]
        },
    )
    assert not any(one.fix for one in found)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, **answers: Any) -> tuple[Result, Any]:
    called: list[tuple[str, ...]] = []
    monkeypatch.setattr(module, "_sam", lambda *words: called.append(words))
    monkeypatch.setattr(boto3.Session, "client", lambda _self, name, **_: Account(**answers)(name))
    result = CliRunner().invoke(
        deploy, ["--region", "eu-west-1", *arguments], standalone_mode=False, catch_exceptions=False
    )
    return result, called


def test_it_builds_deploys_and_says_what_to_do_next(monkeypatch: pytest.MonkeyPatch) -> None:
    result, called = run(monkeypatch, "--email", "you@example.com", "--yes")
    assert result.return_value == 0
    assert called[0] == ("build",)
    assert called[1][:3] == ("deploy", "--stack-name", "bedrock-alerts")
    assert called[1][-1] == 'AlertEmail="you@example.com"'
    assert "1. Confirm the subscription" in result.output


@pytest.mark.parametrize("is_here", [True, False])
def test_it_says_where_the_layers_could_not_be_compiled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, is_here: bool
) -> None:
    script = tmp_path / "tools" / "lambda-python"
    script.parent.mkdir()
    script.write_text("echo /usr/bin/python3.13\n" if is_here else "true\n")
    monkeypatch.setattr(project, "ROOT", tmp_path)

    result, _ = run(monkeypatch, "--email", "you@example.com", "--yes")

    assert ("take about twice as long to start" in result.output) != is_here


def test_nothing_is_built_where_a_check_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    result, called = run(
        monkeypatch, "--email", "you@example.com", "--yes", get_caller_identity=refused("Expired")
    )
    assert result.return_value == 1
    assert called == []
    assert "To fix it, sign in" in result.output


def test_only_checking_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    result, called = run(monkeypatch, "--email", "you@example.com", "--check")
    assert (result.return_value, called) == (0, [])


@pytest.mark.parametrize(
    "value", ["My Team", "", '{"entries": [{"a": 1}]}', "a,b", "rate(5 minutes)", "x\\y"]
)
def test_sam_reads_every_value_as_it_was_given(value: str) -> None:
    (text,) = Plan("s", "r", {"Team": value}).overrides()
    assert CfnParameterOverridesType().convert((text,), None, None) == {"Team": value}


def test_a_change_set_that_was_declined_is_no_stack() -> None:
    found = looked(describe_stacks=stack("REVIEW_IN_PROGRESS", InvocationLogBucketName="b"))
    assert not any(one.fix for one in found)
    assert "is switched on" in found[-1].says


def test_what_the_stack_was_deployed_with_counts_as_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {
        "describe_stacks": stack(AlertEmail="you@example.com", InvocationLogBucketName="archive"),
        "get_model_invocation_logging_configuration": {
            "loggingConfig": {"s3Config": {"bucketName": "archive"}}
        },
    }
    assert not any(one.fix for one in looked(**answers))
    result, called = run(monkeypatch, "--yes", **answers)
    assert result.return_value == 0
    assert called[1][-1] == "--no-fail-on-empty-changeset"


def test_creating_over_a_log_of_others_is_told_before_it_is_refused() -> None:
    answers = {"get_model_invocation_logging_configuration": {"loggingConfig": LOG}}
    (found,) = [one for one in looked("InvocationLogging=create", **answers) if one.fix]
    assert "/their/log already" in found.says
    own = {**LOG["cloudWatchConfig"], "roleArn": "arn:aws:iam::111122223333:role/bedrock-alerts-X"}
    answers = {
        "get_model_invocation_logging_configuration": {"loggingConfig": {"cloudWatchConfig": own}}
    }
    assert not any(one.fix for one in looked("InvocationLogging=create", **answers))


def test_a_parameter_that_is_gone_is_named() -> None:
    (found,) = [one for one in looked("CreateOffloadedBodyBucket=true") if one.fix]
    assert "what you give names CreateOffloadedBodyBucket" in found.says
    assert "CHANGELOG.md" in found.fix
    (said,) = [
        one
        for one in looked(describe_stacks=stack(FlapCount="4", Evidence="true"))
        if one.about == "Parameters"
    ]
    assert said.says.startswith("2 of the deployed version are gone")
    assert not said.fix


@pytest.mark.parametrize(
    "overrides",
    ['"FlapCount=5 AlertEmail=\\"a FlapMinutes=b\\""', '["FlapCount=5", "AlertEmail=a"]'],
)
def test_so_is_one_in_a_saved_configuration(tmp_path: Path, overrides: str) -> None:
    saved = tmp_path / "samconfig.toml"
    saved.write_text(f"[default.deploy.parameters]\nparameter_overrides = {overrides}\n")
    (found,) = module.unknown_parameters(Plan("s", "r", {}), saved)
    assert found.says == "samconfig.toml names FlapCount, which the template does not have"


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (True, "See an alert arrive:\n  bedrock-alerts test-alert --stack bedrock-alerts"),
        (False, "This is what `bedrock-alerts doctor` finds"),
        (KeyboardInterrupt(), "Not waited for. The stack is deployed"),
    ],
)
def test_at_the_end_the_terminal_waits_for_a_record(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    came: bool | KeyboardInterrupt,  # noqa: FBT001 - what the wait comes to
    said: str,
) -> None:
    def wait(_stack: DeployedStack) -> bool:
        if isinstance(came, KeyboardInterrupt):
            raise came
        return came

    monkeypatch.setattr(module, "saw_first_record", wait)
    module._wait(AccountInMemory().stack, may_ask=False)  # noqa: SLF001 - without a terminal
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "code", "said", "not_said"),
    [
        ("", 0, "Calls are counted.", "bedrock-alerts doctor"),
        ("", 1, "This is what `bedrock-alerts doctor` finds", "send it later"),
        ("", CommandError("the secret is gone"), "✗ the secret is gone", "send it later"),
        ("n", 0, "To send it later:\n  bedrock-alerts test-alert", "doctor"),
    ],
)
def test_at_the_end_the_terminal_offers_a_test_alert(
    monkeypatch: pytest.MonkeyPatch, answer: str, code: int | CommandError, said: str, not_said: str
) -> None:
    asked: list[list[str]] = []

    def test_alert(options: list[str], **_: bool) -> int:
        asked.append(options)
        if isinstance(code, CommandError):
            raise code
        return code

    @click.command()
    def waits() -> None:
        module._wait(AccountInMemory().stack, may_ask=True)  # noqa: SLF001 - without a terminal

    monkeypatch.setattr(module, "saw_first_record", lambda _stack: True)
    monkeypatch.setattr(test_alert_command.test_alert, "main", test_alert)
    result = CliRunner().invoke(waits, input=f"{answer}\n", catch_exceptions=False)
    assert said in result.output
    assert not_said not in result.output.replace("bedrock-alerts test-alert", "")
    expected = ["--stack", "bedrock-alerts", "--region", "eu-west-1", "--yes"]
    assert asked == ([] if answer else [expected])


def test_no_one_waits_without_a_terminal_or_with_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_wait", lambda _stack, **_: pytest.fail("it waits"))
    given = ("--email", "you@example.com", "--yes")
    assert run(monkeypatch, *given)[0].return_value == 0
    assert run(monkeypatch, *given, "--no-wait")[0].return_value == 0


def test_a_region_that_cannot_be_one_is_named() -> None:
    with pytest.raises(InputError, match="'eu west 1' is not a valid Region name"):
        deploy.main(
            ["--check", "--email", "a@example.com", "--region", "eu west 1"], standalone_mode=False
        )
