"""`bedrock-alerts routes`: mistakes are told by line, decisions with their reasons."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from bedrock_alerts_cli.commands.routes import routes
from bedrock_alerts_cli.user_errors import CommandError, InputError

ROOT: Final = Path(__file__).resolve().parents[3]
# What people are asked to store, and the example on the site's page.
STORED: Final = ROOT / "config" / "routes.yaml"
PAGE: Final = ROOT / "docs" / "routing.md"
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


@pytest.fixture
def example(written: Callable[[str], Path]) -> Path:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("```yaml\n")
    return written(rest.partition("```")[0])


def test_the_example_of_the_site_is_fine(example: Path) -> None:
    result = run("check", example, "--channels", "email,slack")
    assert result.return_value == 0
    assert "is valid: 4 routes" in result.output


@pytest.mark.parametrize("channels", ["email", "email,slack,pagerduty"])
def test_what_people_are_asked_to_store_changes_nothing_for_any_stack(channels: str) -> None:
    result = run("check", STORED, "--channels", channels)
    assert result.return_value == 0
    assert "is valid: 0 routes" in result.output
    result = run("explain", ALARM, "--routes", STORED, "--channels", channels)
    sent = [line.strip() for line in result.output.splitlines() if "->" in line]
    assert sent == [f"-> {channel}, now" for channel in channels.split(",")]


def test_the_routes_that_people_uncomment_are_fine(written: Callable[[str], Path]) -> None:
    head, _, rest = STORED.read_text(encoding="utf-8").partition("routes: []\n")
    lines = [line.replace("  # - ", "  - ").replace("  #   ", "    ") for line in rest.splitlines()]
    file = written("\n".join([head, "routes:", *lines]))
    assert "is valid: 2 routes" in run("check", file).output


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
        ("routes: [\n", 2, "not valid YAML"),
        ("a: \u0000\n", 1, "not valid YAML"),
        ("routes: 2026-01-01\n", 1, "cannot be written as JSON"),
        ("[]\n", 1, "Expected `object`"),
        ("", 1, "the routes file is empty"),
        ("# nothing yet\n", 1, "the routes file is empty"),
        ("routes: []\ndefault: []\n", 2, "would reach no one"),
        ("\nroutes:\n  - name: a\n    channels: []\n", 2, "no alert would reach anyone"),
        (
            (
                "routes:\n  - name: a\n    channels: [slack]\n    quiet_hours:\n"
                "      - days: [sat]\n      - from: '22:00'\n"
            ),
            6,
            "both `from` and `to`",
        ),
        (f"default: [{'slack, ' * 2000}]\n", 1, "bytes are too many"),
    ],
)
def test_a_mistake_is_told_by_line(
    written: Callable[[str], Path], text: str, line: int, says: str
) -> None:
    file = written(text)
    with pytest.raises(CommandError) as caught:
        run("check", file)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert says in str(caught.value)
    assert caught.value.exit_code == 1
    result = run("check", file, "--json")
    assert result.return_value == 1
    outcome = json.loads(result.output)
    assert (outcome["ok"], outcome["line"]) == (False, line)


def test_no_routes_at_all_are_written_as_such(written: Callable[[str], Path]) -> None:
    result = run("check", written("{}\n"), "--json")
    assert json.loads(result.output) == {"ok": True, "routes": 0, "bytes": 2}
    one = written("routes:\n  - {name: a, channels: [slack]}\n")
    assert "is valid: 1 route, " in run("check", one).output


@pytest.mark.parametrize("data", [b"\xff\xfe\xfa", b"default: [sl\xe4ck]", "{}".encode("utf-16")])
def test_a_file_that_is_not_utf_8_is_bad_input(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "routes.yaml"
    path.write_bytes(data)
    commands: list[tuple[str | Path, ...]] = [
        ("check", path),
        ("check", path, "--json"),
        ("explain", path),
        ("explain", ALARM, "--routes", path),
    ]
    for arguments in commands:
        with pytest.raises(InputError, match=r"routes\.yaml is not UTF-8 text") as caught:
            run(*arguments)
        assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file, event = tmp_path / "routes.yaml", tmp_path / "event.json"
    file.write_text("default: [slack]\n", encoding="utf-8-sig")
    event.write_text(ALARM.read_text(encoding="utf-8"), encoding="utf-8-sig")
    output = run("explain", event, "--routes", file).output
    assert [line for line in output.splitlines() if "->" in line] == ["  -> slack, now"]


def test_a_channel_the_stack_lacks_is_a_mistake(example: Path) -> None:
    with pytest.raises(CommandError, match="this stack has no channel slack"):
        run("check", example, "--channels", "email")


def test_explain_says_which_route_decides_and_why_the_others_do_not(example: Path) -> None:
    result = run("explain", ALARM, "--routes", example)
    assert result.return_value == 0
    assert "bedrock-alerts.Throttling (" in result.output
    assert "route on call: does not match: severity is warning" in result.output
    assert "no route matches: the default channels receive it" in result.output
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


def test_explain_says_why_no_one_receives_an_alert(written: Callable[[str], Path]) -> None:
    file = written("routes:\n  - {name: a, match: {severity: [warning]}, channels: []}\n")
    assert "-> no one: no channel in route a" in run("explain", ALARM, "--routes", file).output


def test_explain_does_not_go_by_routes_that_reach_no_one(written: Callable[[str], Path]) -> None:
    with pytest.raises(CommandError, match="would reach no one") as caught:
        run("explain", ALARM, "--routes", written("routes: []\ndefault: []\n"))
    assert caught.value.exit_code == 1


def test_explain_shows_who_receives_what_no_one_acknowledges(
    written: Callable[[str], Path],
) -> None:
    file = written(
        "routes:\n  - {name: lead, match: {unacknowledged: 15m}, channels: [email]}\n"
        "default: [slack]\n"
    )
    at_first = run("explain", ALARM, "--routes", file).output
    assert "-> email" not in at_first
    assert "further routes match when unacknowledged for 15 min" in at_first
    later = run("explain", ALARM, "--routes", file, "--unacknowledged", "20").output
    assert "no route matches: the default channels receive it" in later
    assert "-> slack, now" in later
    assert "-> email, now" in later


@pytest.mark.parametrize("caller", ["user/nightly.export", "role/orders"])
def test_an_alarm_over_many_matches_by_its_name(
    written: Callable[[str], Path], tmp_path: Path, caller: str
) -> None:
    event = tmp_path / "event.json"
    event.write_text(
        json.dumps(
            {
                "source": "aws.cloudwatch",
                "detail-type": "CloudWatch Alarm Contributor State Change",
                "account": "111122223333",
                "region": "us-east-1",
                "time": "2026-11-20T08:10:41Z",
                "resources": [
                    "arn:aws:cloudwatch:us-east-1:111122223333:alarm:bedrock-alerts.RepeatOffender"
                ],
                "detail": {
                    "alarmName": "bedrock-alerts.RepeatOffender",
                    "alarmContributor": {
                        "id": "00a1b2c3d4e5f604",
                        "attributes": {"Principal": caller},
                    },
                    "state": {"value": "ALARM", "timestamp": "2026-11-20T08:10:41.417+0000"},
                },
            }
        )
    )
    file = written(
        "routes:\n  - {name: a, match: {alarm: ['RepeatOffender*']}, channels: [pagerduty]}\n"
        "  - {name: b, match: {caller: ['*']}, channels: [teams]}\n"
        "default: [slack]\n"
    )
    (outcome,) = map(
        json.loads, run("explain", event, "--routes", file, "--json").output.splitlines()
    )
    assert [each["channel"] for each in outcome["channels"]] == ["pagerduty"]


def test_explain_without_an_alarm_event_is_bad_input() -> None:
    with pytest.raises(InputError, match="has no alarm event"):
        run("explain", ROOT / "events" / "route" / "heartbeat.json")


def test_explain_reads_one_event_from_standard_input() -> None:
    body = json.loads(ALARM.read_text(encoding="utf-8"))["Records"][0]["body"]
    assert "Throttling" in run("explain", "-", given=body).output
    with pytest.raises(InputError, match="not valid JSON"):
        run("explain", "-", given="{")


@pytest.mark.parametrize(
    "arguments", [("check", STORED, "--channels", "fax"), ("explain", ALARM, "--at", "noon")]
)
def test_bad_usage_is_said(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(Exception, match="is not"):
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


def test_put_stores_what_has_been_checked(
    aws: Any, example: Path, written: Callable[[str], Path]
) -> None:
    deploy(TEMPLATE)
    run("put", example, "--stack", "watch", "--region", "eu-west-1", "--yes")
    stored = aws.get_parameter(Name="/watch/routes")["Parameter"]["Value"]
    assert [route["name"] for route in json.loads(stored)["routes"]] == [
        "not acknowledged",
        "on call",
        "payments",
        "for information",
    ]
    with pytest.raises(CommandError, match="no channel pagerduty"):
        run("put", written("default: [pagerduty]\n"), "--stack", "watch", "--region", "eu-west-1")
    assert aws.get_parameter(Name="/watch/routes")["Parameter"]["Value"] == stored


@pytest.mark.usefixtures("aws")
def test_put_says_what_is_missing() -> None:
    with pytest.raises(CommandError, match="there is no stack watch"):
        run("put", STORED, "--stack", "watch", "--region", "eu-west-1")
    deploy({**TEMPLATE, "Outputs": {"Channels": {"Value": "email"}}})
    with pytest.raises(CommandError, match="is it a Bedrock Alerts stack"):
        run("put", STORED, "--stack", "watch", "--region", "eu-west-1")


@pytest.mark.parametrize(
    ("accounts", "line", "said"),
    [
        ('"1111": prod', 2, "in quotes"),
        ('"111122223333": 5', 2, "names of 1 to 40 characters"),
        ('"111122223333": prod\n  "444455556666": Prod', 4, "account 111122223333 is also called"),
    ],
)
def test_a_wrong_name_of_an_account_is_found_by_its_line(
    written: Callable[[str], Path], accounts: str, line: int, said: str
) -> None:
    file = written(f"routes: []\naccounts:\n  {accounts}\n")
    with pytest.raises(CommandError, match=said) as refused:
        run("check", file)
    assert f"routes.yaml:{line}: " in str(refused.value)
    assert "regex" not in str(refused.value)


@pytest.mark.parametrize("name", ["collect_logs/traffic", "collect_stream/broken_record"])
def test_explain_says_of_a_log_batch_that_it_is_one(name: str) -> None:
    with pytest.raises(InputError, match=r"batch of the invocation log.*events/route/alarm") as no:
        run("explain", ROOT / f"events/{name}.json")
    assert no.value.exit_code == 2
