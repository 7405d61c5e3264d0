"""Doctor across accounts: the bus of the central stack, who was heard, and a member's own side."""

import copy
import functools
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from click.testing import CliRunner, Result
from syrupy.assertion import SnapshotAssertion

from bedrock_alerts.alerts.incidents.item import AlarmItem, Incident
from bedrock_alerts_cli.commands import doctor as command
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.areas import areas_of
from bedrock_alerts_cli.deployed.doctor.doctor_text import as_text
from bedrock_alerts_cli.deployed.doctor.finding import Finding
from bedrock_alerts_cli.deployed.doctor.looked_at import Seen, look_at
from bedrock_alerts_cli.template import load
from bedrock_alerts_cli.user_errors import InputError
from tests.support.account_in_memory import NAME, NOW, AccountInMemory, Refused
from tests.support.aws_command import read
from tests.support.events import change_of, sample_body

CLOCK: Final = NOW.timestamp
CENTRAL_BUS: Final = "arn:aws:events:eu-west-1:111122223333:event-bus/bedrock-alerts-members"
NAMES: Final = {"444455556666": "payments-prod"}
MEMBERS: Final = Path(__file__).parents[5] / "members" / "template.yaml"


@functools.cache
def members_template() -> dict[str, Any]:
    return dict(load(MEMBERS))


class Member(AccountInMemory):
    """An account in which only members/template.yaml is deployed."""

    given: Mapping[str, str] = {"CentralBusArn": CENTRAL_BUS}

    def __init__(self, **parameters: str) -> None:
        super().__init__(**parameters)
        for alarm in self.alarms.values():
            assert not alarm
        self.alarms = {f"{NAME}.Throttling": {"AlarmName": f"{NAME}.Throttling"}}
        answer = self.answers["DescribeAlarms"]
        self.answers["DescribeAlarms"] = lambda AlarmNamePrefix, **asked: {  # noqa: N803
            kind: [one for one in found if one["AlarmName"].startswith(AlarmNamePrefix)]
            for kind, found in answer(**asked).items()
        }

    def _template(self) -> dict[str, Any]:
        return copy.deepcopy(members_template())


def central(**parameters: str) -> AccountInMemory:
    account = AccountInMemory(InboxAccounts="o-exampleorgid,777788889999", **parameters)
    account.answers["GetParameter"] = {"Parameter": {"Value": json.dumps({"accounts": NAMES})}}
    return account


def look(account: AccountInMemory, area: str = "") -> list[Finding]:
    areas = [one for one in areas_of(account.stack) if area in ("", one.title)]
    return [one for seen in look_at(account.stack, areas, CLOCK) for one in seen.findings]


def known(account_id: str, region: str, name: str, *, fires: bool, days: int) -> dict[str, Any]:
    arn = f"arn:aws:cloudwatch:{region}:{account_id}:alarm:{name}"
    change = msgspec.structs.replace(
        change_of(sample_body("throttling")), alarm_arn=arn, at=NOW - timedelta(days=days)
    )
    incident = Incident(number=1, since=1, last_alarm=1, window=600) if fires else None
    item = AlarmItem(arn=arn, latest=change, incident=incident)
    return {"data": {"S": msgspec.json.encode(item).decode()}}


# ---- the central stack --------------------------------------------------------------------------


def test_without_inbox_accounts_nothing_is_said_of_members() -> None:
    assert look(AccountInMemory(), "Members") == []
    text = as_text(
        "stack x", look_at(AccountInMemory().stack, areas_of(AccountInMemory().stack), CLOCK)
    )
    assert "Members" not in text


def test_it_says_who_was_heard_and_who_was_not(snapshot: SnapshotAssertion) -> None:
    account = central()
    account.answers["Scan"] = {
        "Items": [
            known("444455556666", "us-east-1", "bedrock-alerts.A", fires=True, days=3),
            known("444455556666", "us-east-1", "bedrock-alerts.B", fires=False, days=5),
            known("444455556666", "eu-west-1", "bedrock-alerts.A", fires=False, days=9),
            known("111122223333", "eu-west-1", "bedrock-alerts.A", fires=True, days=0),
        ]
    }
    found = look(account, "Members")
    assert as_text("stack x", [Seen("Members", tuple(found))]) == snapshot


def test_a_bus_that_lets_nobody_in_is_wrong_and_the_fix_is_the_deployed_policy() -> None:
    account = central()
    account.answers["DescribeEventBus"] = {}
    (found,) = [one for one in look(account, "Members") if one.verdict == "wrong"]
    assert found.evidence == "its policy does not let in 777788889999, o-exampleorgid"
    fixed = read(found.fix.splitlines()[-1])
    assert fixed.operation == "PutPermission"
    account.answers["DescribeEventBus"] = {"Policy": fixed.arguments["Policy"]}
    assert not [one for one in look(account, "Members") if one.verdict == "wrong"]


def test_a_policy_that_lacks_one_account_is_wrong() -> None:
    account = central()
    policy = json.loads(account.answers["DescribeEventBus"]()["Policy"])
    for statement in policy["Statement"]:
        for key in statement["Condition"]["StringEquals"]:
            statement["Condition"]["StringEquals"][key] = "o-exampleorgid"
    account.answers["DescribeEventBus"] = {"Policy": json.dumps(policy)}
    (found,) = [one for one in look(account, "Members") if one.verdict == "wrong"]
    assert found.evidence == "its policy does not let in 777788889999"


def test_a_missing_bus_is_wrong() -> None:
    account = central()
    account.answers["DescribeEventBus"] = Refused("ResourceNotFoundException")
    (found,) = [one for one in look(account, "Members") if one.verdict == "wrong"]
    assert "alarms of other accounts are lost" in found.evidence


def test_the_rules_on_the_bus_are_looked_for_there() -> None:
    account = central()
    # CloudFormation names a rule on a bus of its own by both.
    for name in ("MembersAlarmsRule", "MembersChangesRule"):
        account.resources[name] = f"{NAME}-members|{name}"
    asked: list[tuple[str, str]] = []

    def described(Name: str, EventBusName: str = "") -> dict[str, str]:  # noqa: N803
        asked.append((Name, EventBusName))
        return {"State": "DISABLED" if EventBusName else "ENABLED"}

    account.answers["DescribeRule"] = described
    account.answers["ListTargetsByRule"] = {}
    wrong = [one for one in look(account, "Stack") if "disabled" in one.evidence]
    assert len(wrong) == 2
    bus = account.resources["MembersBus"]
    assert ("MembersAlarmsRule", bus) in asked
    fixed = read(wrong[0].fix.splitlines()[-1])
    assert fixed.arguments == {"Name": "MembersAlarmsRule", "EventBusName": bus}


# ---- a member -------------------------------------------------------------------------------------


def test_a_member_that_works_is_only_praised() -> None:
    member = Member()
    found = look(member)
    assert {one.verdict for one in found} == {"ok"}
    assert {one.check for one in found} == {
        "stack state", "rule AlarmsRule", "rule ChangesRule", f"alarms {NAME}.…",
        "forwarded events", "events not forwarded",
    }  # fmt: skip


def test_a_member_without_alarms_of_that_name_waits() -> None:
    member = Member(AlarmNamePrefix="payments-")
    (found,) = [one for one in look(member) if one.verdict != "ok"]
    assert (found.check, found.verdict) == ("alarms payments-…", "waiting")


def test_what_the_central_bus_refused_is_named() -> None:
    member = Member()
    rule = member.resources["AlarmsRule"]
    member.measure("AWS/Events", "MatchedEvents", (60, 4.0), RuleName=rule)
    member.measure("AWS/Events", "FailedInvocations", (60, 3.0), RuleName=rule)
    member.queues[member.resources["FailuresQueue"].rpartition("/")[2]] = 2
    wrong = {one.check: one for one in look(member) if one.verdict == "wrong"}
    assert wrong["forwarded events"].evidence == "the central bus refused 3 events in 24 h"
    assert CENTRAL_BUS in wrong["forwarded events"].fix
    assert wrong["events not forwarded"].evidence.startswith("2 events could not be forwarded")
    assert read(wrong["events not forwarded"].fix.splitlines()[-1]).operation == "PurgeQueue"


def test_a_target_is_given_back_with_its_role_and_its_dead_letter_queue() -> None:
    member = Member()
    member.answers["ListTargetsByRule"] = {}
    (found, _) = [one for one in look(member) if one.verdict == "wrong"]
    fixed = read(found.fix.splitlines()[-1])
    (target,) = fixed.arguments["Targets"]
    assert target["Arn"] == CENTRAL_BUS
    assert {"RoleArn", "DeadLetterConfig", "RetryPolicy"} <= target.keys()


# ---- several of them --------------------------------------------------------------------------------


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> dict[str | None, AccountInMemory]:
    """Accounts by profile; a profile that is not there cannot be signed in with."""
    found: dict[str | None, AccountInMemory] = {"good": Member(), "bad": Member()}
    found["bad"].queues[found["bad"].resources["FailuresQueue"].rpartition("/")[2]] = 1

    def opened(
        name: str, region: str | None, endpoint_url: str | None, profile: str | None
    ) -> DeployedStack:
        assert (name, endpoint_url) == ("bedrock-alerts", None)
        if profile not in found:
            raise InputError(f"The config profile ({profile}) could not be found")
        account = found[profile]
        stack = DeployedStack.read(name, region or "eu-west-1", account.client)
        return replace(stack, profile=profile or "")

    monkeypatch.setattr(DeployedStack, "open", opened)
    return found


def run(*words: str) -> Result:
    return CliRunner().invoke(command.doctor, words, standalone_mode=False)


@pytest.mark.usefixtures("places")
def test_several_profiles_and_regions_are_looked_at_in_turn() -> None:
    result = run(
        "--profile", "good", "--profile", "bad", "--region", "eu-west-1", "--region", "us-east-1"
    )
    assert result.return_value == 1
    end = result.output.splitlines()[-4:]
    assert [re.split(r"  +", line) for line in end] == [
        ["good eu-west-1", "6 ok."],
        ["good us-east-1", "6 ok."],
        ["bad eu-west-1", "5 ok, 1 wrong."],
        ["bad us-east-1", "5 ok, 1 wrong."],
    ]
    assert "\n      AWS_PROFILE=bad aws sqs " in result.output
    assert "AWS_PROFILE=good" not in result.output


@pytest.mark.usefixtures("places")
def test_one_that_cannot_be_read_stops_no_other() -> None:
    result = run("--profile", "nobody", "--profile", "good")
    assert result.return_value == 2
    assert result.output.splitlines()[-2].startswith("nobody")
    assert "could not be found" in result.output.splitlines()[-2]
    assert result.output.splitlines()[-1].endswith("6 ok.")


@pytest.mark.usefixtures("places")
def test_json_says_of_each_finding_where_it_is() -> None:
    result = run("--profile", "good", "--profile", "nobody", "--json")
    found = json.loads(result.output)
    assert {(one["stack"], one["account"], one["region"]) for one in found} == {
        ("bedrock-alerts", "111122223333", "eu-west-1"),
        ("bedrock-alerts", "", ""),
    }
    assert found[-1]["verdict"] == "unknown"


@pytest.mark.usefixtures("places")
def test_a_single_stack_that_cannot_be_read_is_an_error() -> None:
    result = run("--profile", "nobody")
    assert isinstance(result.exception, InputError)
