"""`bedrock-alerts routes`: mistakes are told by line, decisions with their reasons."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from bedrock_alerts_lab.errors import InputError, LabError
from bedrock_alerts_lab.routes_command import routes

ROOT: Final = Path(__file__).resolve().parents[3]
EXAMPLE: Final = ROOT / "config" / "routes.yaml"
ALARM: Final = ROOT / "events" / "route" / "throttling.json"


def run(*arguments: str | Path, given: str | None = None) -> Result:
    result = CliRunner().invoke(
        routes, [str(each) for each in arguments], input=given, standalone_mode=False
    )
    if result.exception is not None:
        raise result.exception
    return result


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "routes.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_example_is_fine() -> None:
    result = run("check", EXAMPLE, "--channels", "email,slack")
    assert result.return_value == 0
    assert "is fine: 3 routes" in result.output


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (
            "routes:\n  - name: a\n    channels: [slack]\n    match:\n      severity: [hot]\n",
            5,
            "hot",
        ),
        ("routes:\n  - name: a\n    channels: [slack]\n    colour: red\n", 2, "`colour`"),
        ("routes:\n  - name: a\n    channels:\n      - slack\n      - fax\n", 5, "takes email"),
        (
            "routes:\n  - name: a\n    channels: []\n    quiet_hours:\n      to: '07:00'\n      from: 22:00\n",
            6,
            "in quotes",
        ),
        (
            "routes:\n  - name: a\n    channels: []\n    mentions:\n      info: [hre]\n",
            4,
            "takes here",
        ),
        ("routes: [\n", 2, "no YAML"),
        ("a: \u0000\n", 1, "no YAML"),
        ("routes: 2026-01-01\n", 1, "cannot be written as JSON"),
        ("[]\n", 1, "Expected `object`"),
        (f"default: [{'slack, ' * 2000}]\n", 1, "bytes are too many"),
    ],
)
def test_a_mistake_is_told_by_line(
    written: Callable[[str], Path], text: str, line: int, says: str
) -> None:
    file = written(text)
    with pytest.raises(LabError) as caught:
        run("check", file)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert says in str(caught.value)
    assert caught.value.exit_code == 1
    result = run("check", file, "--json")
    assert result.return_value == 1
    outcome = json.loads(result.output)
    assert (outcome["ok"], outcome["line"]) == (False, line)


def test_an_empty_file_means_no_routes(written: Callable[[str], Path]) -> None:
    result = run("check", written("# nothing yet\n"), "--json")
    assert json.loads(result.output) == {"ok": True, "routes": 0, "bytes": 2}


def test_a_file_that_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError):
        run("check", path)


def test_a_channel_the_stack_lacks_is_a_mistake() -> None:
    with pytest.raises(LabError, match="this stack has no channel slack"):
        run("check", EXAMPLE, "--channels", "email")


def test_explain_says_which_route_decides_and_why_the_others_do_not() -> None:
    result = run("explain", ALARM, "--routes", EXAMPLE)
    assert result.return_value == 0
    assert "bedrock-alerts.Throttling (" in result.output
    assert "route on call: does not match: severity is warning" in result.output
    assert "no route matches: the default channels hear it" in result.output
    assert "-> slack, now" in result.output


def test_explain_tells_a_machine_the_same(written: Callable[[str], Path]) -> None:
    file = written(
        "routes:\n  - name: night\n    channels: [slack, email]\n    mentions: {warning: [here]}\n"
        "    quiet_hours: {from: '22:00', to: '07:00'}\n"
    )
    result = run("explain", ALARM, "--routes", file, "--json", "--at", "2026-11-23T23:00:00")
    (outcome,) = [json.loads(line) for line in result.output.splitlines()]
    assert outcome["routes"] == [{"name": "night", "matches": True, "because": ""}]
    assert outcome["channels"] == [
        {"channel": name, "mentions": ["here"], "wait_until": "2026-11-24T07:00:00+00:00"}
        for name in ("slack", "email")
    ]
    words = run("explain", ALARM, "--routes", file, "--at", "2026-11-23T23:00:00+01:00").output
    assert "-> slack, at 2026-11-24 07:00:00 UTC, mentions here" in words


def test_explain_says_when_nobody_hears(written: Callable[[str], Path]) -> None:
    file = written("routes:\n  - name: a\n    channels: []\n")
    assert "-> nobody" in run("explain", ALARM, "--routes", file).output


def test_explain_reads_one_event_from_standard_input() -> None:
    body = json.loads(ALARM.read_text(encoding="utf-8"))["Records"][0]["body"]
    assert "Throttling" in run("explain", "-", given=body).output
    with pytest.raises(InputError, match="no JSON"):
        run("explain", "-", given="{")


@pytest.mark.parametrize(
    "arguments", [("check", EXAMPLE, "--channels", "fax"), ("explain", ALARM, "--at", "noon")]
)
def test_bad_usage_is_said(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(Exception, match="is n"):
        run(*arguments)


# --- storing ----------------------------------------------------------------------------------

TEMPLATE: Final = {
    "Resources": {
        "Routes": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": "/watch/routes", "Type": "String", "Value": "{}"},
        }
    },
    "Outputs": {
        "RoutesParameterName": {"Value": {"Ref": "Routes"}},
        "Channels": {"Value": "email,slack"},
    },
}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("ssm", region_name="eu-west-1")


def deploy(template: dict[str, Any]) -> None:
    client = boto3.client("cloudformation", region_name="eu-west-1")
    client.create_stack(StackName="watch", TemplateBody=json.dumps(template))


def test_put_stores_what_has_been_checked(aws: Any, written: Callable[[str], Path]) -> None:
    deploy(TEMPLATE)
    run("put", EXAMPLE, "--stack", "watch", "--region", "eu-west-1")
    stored = aws.get_parameter(Name="/watch/routes")["Parameter"]["Value"]
    assert [route["name"] for route in json.loads(stored)["routes"]] == [
        "on call",
        "payments",
        "for information",
    ]
    with pytest.raises(LabError, match="no channel pagerduty"):
        run("put", written("default: [pagerduty]\n"), "--stack", "watch", "--region", "eu-west-1")
    assert aws.get_parameter(Name="/watch/routes")["Parameter"]["Value"] == stored


@pytest.mark.usefixtures("aws")
def test_put_says_what_is_missing() -> None:
    with pytest.raises(LabError, match="were not stored"):
        run("put", EXAMPLE, "--stack", "watch", "--region", "eu-west-1")
    deploy({**TEMPLATE, "Outputs": {"Channels": {"Value": "email"}}})
    with pytest.raises(LabError, match="no stack of Bedrock Alerts"):
        run("put", EXAMPLE, "--stack", "watch", "--region", "eu-west-1")
