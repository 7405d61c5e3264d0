"""A trial in an account: every request fits the service models, and nothing is ever left unnamed."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from syrupy.assertion import SnapshotAssertion

from bedrock_alerts_cli.deployed import trial_cleanup
from bedrock_alerts_cli.deployed.aws_trial import AwsTrial, Checked
from bedrock_alerts_cli.deployed.doctor.finding import Area, Check, ok, wrong
from bedrock_alerts_cli.deployed.trial_cost import cents
from bedrock_alerts_cli.deployed.trial_guardrail import WORD
from bedrock_alerts_cli.deployed.trial_transcript import Transcript, masked
from bedrock_alerts_cli.notifier.world import Outage
from bedrock_alerts_cli.user_errors import CommandError
from tests.support.account_in_memory import (
    ACCOUNT,
    CREATED,
    DENIED,
    NAME,
    REGION,
    AccountInMemory,
    Refused,
)
from tests.support.played_notifier import START, PlayedNotifier, state_change

MODEL: Final = "amazon.nova-micro-v1:0"
ALARM: Final = f"{NAME}.ContentFiltered"
BUCKET: Final = f"{NAME}-failedbatchesbucket-0a1b"
GONE: Final = Refused("ValidationError", f"Stack with id {NAME} does not exist")
DELETIONS: Final = {
    "DeleteGuardrail", "DeleteStack", "DeleteObjects", "DeleteBucket", "DeleteLogGroup",
}  # fmt: skip


class ScratchAccount(AccountInMemory):
    """An account that the trial deploys into: empty before, empty after."""

    def __init__(self, alarm_set: str = "all") -> None:
        super().__init__(AlarmSet=alarm_set, MetricsNamespace="Trial")
        self.played = PlayedNotifier()
        self.is_deployed = self.has_log = self.is_logged = False
        self.refuses: dict[str, Any] = {}
        self.resources["FailedBatchesBucket"] = BUCKET
        self.deploys: Callable[[], None] = self._deploy
        self.checked = [Checked("Credentials", f"account {ACCOUNT}, arn:aws:iam::{ACCOUNT}:user/a")]
        self.areas = (Area("Stack", (Check("stack state", lambda *_: iter([ok("s", "fine")])),)),)
        there = self.answers["DescribeStacks"]
        self.answers |= {
            "DescribeStacks": lambda StackName: (  # noqa: N803 - AWS's name
                self._sams() if "sam" in StackName else there() if self.is_deployed else GONE
            ),
            "DeleteStack": lambda **_: self._gone(),
            "GetModelInvocationLoggingConfiguration": {},
            "DescribeLogGroups": self._groups,
            "CreateGuardrail": self._guardrail,
            "CreateGuardrailVersion": {"guardrailId": "gr0a1b", "version": "1"},
            "GetGuardrail": self._guardrail | self._ready,
            "Converse": self._converse,
            "ListGuardrails": {"guardrails": []},
            "DeleteGuardrail": {},
            "FilterLogEvents": lambda **_: {"events": [{"message": '{"Invocations":1}'}]},
            "GetMetricData": lambda **_: {
                "MetricDataResults": [{"Id": "blocked", "Values": [1.0]}]
            },
            "DescribeAlarms": lambda **_: {"MetricAlarms": [{"StateValue": self._fires()}]},
            "ListObjectVersions": {"Versions": [{"Key": "batch", "VersionId": "null"}]},
            "DeleteObjects": {},
            "DeleteBucket": {},
            "DeleteLogGroup": {},
        }

    _guardrail: Final = {
        "guardrailId": "gr0a1b",
        "guardrailArn": f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/gr0a1b",
        "version": "DRAFT",
        "createdAt": CREATED,
    }
    _ready: Final = {
        "name": NAME, "status": "READY", "updatedAt": CREATED, "blockedInputMessaging": "No.",
        "blockedOutputsMessaging": "No.",
    }  # fmt: skip

    def _sams(self) -> dict[str, Any]:
        output = {"OutputKey": "SourceBucket", "OutputValue": "aws-sam-cli-managed-default-x"}
        return {"Stacks": [self.described() | {"Outputs": [output]}]}

    def _deploy(self) -> None:
        self.is_deployed = self.has_log = True

    def _gone(self) -> Any:
        self.is_deployed = False
        return {}

    def _groups(self, logGroupNamePrefix: str) -> Any:  # noqa: N803 - AWS's name
        there = self.has_log or "lambda" in logGroupNamePrefix
        name = (
            f"{logGroupNamePrefix}route" if "lambda" in logGroupNamePrefix else logGroupNamePrefix
        )
        return {"logGroups": [{"logGroupName": name}] if there else []}

    def _converse(self, **asked: Any) -> Any:
        assert WORD in asked["messages"][0]["content"][0]["text"]
        assert asked["guardrailConfig"]["guardrailIdentifier"] == "gr0a1b"
        return self.conversed("guardrail_intervened")

    @staticmethod
    def conversed(reason: str) -> dict[str, Any]:
        """Return an answer of Converse."""
        return {
            "output": {"message": {"role": "assistant", "content": [{"text": "Blocked."}]}},
            "stopReason": reason,
            "usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0},
            "metrics": {"latencyMs": 200},
        }

    def _fires(self) -> str:
        if not self.is_logged:
            self.is_logged = True
            self.played.put(json.dumps(state_change(ALARM, "ALARM", self.played.world.now())), 0)
        return "ALARM"

    def _call(self, client: Any, operation: str, arguments: Any) -> Any:
        if operation in self.refuses:
            self.answers[operation] = self.refuses[operation]
        return super()._call(client, operation, arguments)

    def trial(self, **given: Any) -> AwsTrial:
        """Return the trial."""
        return AwsTrial(
            name=NAME,
            account=ACCOUNT,
            region=REGION,
            model=MODEL,
            has_email=True,
            client=self.client,
            check=lambda: self.checked,
            deploy=self.deploys,
            areas=self.areas,
            notifier_of=lambda _: self.played.notifier,
            clock=self.played.world.now,
            sleep=self.played.pass_time,
            **given,
        )

    def ran(self, **given: Any) -> Transcript:
        """Run the trial."""
        return self.trial(**given).run()

    @property
    def deleted(self) -> list[str]:
        """Which deletions were asked for."""
        return [name for name, _ in self.asked if name in DELETIONS]


@pytest.fixture
def account() -> ScratchAccount:
    return ScratchAccount()


def names(found: Transcript) -> list[str]:
    return [f"{step.name}: {step.result}" for step in found.steps]


def test_a_trial_that_goes_well(account: ScratchAccount, snapshot: SnapshotAssertion) -> None:
    found = account.ran()
    assert found.is_fine, found.text()
    assert found.text() == snapshot
    assert not account.is_deployed
    assert account.deleted[:2] == ["DeleteGuardrail", "DeleteStack"]
    assert set(account.deleted) == DELETIONS
    groups = [given["logGroupName"] for name, given in account.asked if name == "DeleteLogGroup"]
    assert groups == [f"/aws/lambda/{NAME}-route", "/aws/bedrock/invocations"]
    assert found.document()["is_fine"]


def test_with_the_essential_alarms_the_message_is_that_of_a_test() -> None:
    account = ScratchAccount("essential")
    found = account.ran()
    assert found.is_fine, found.text()
    assert "the message is that of `test-alert`" in found.text()
    assert account.played.said("email") == ["Test", "Test resolved"]


def never(account: ScratchAccount) -> None:
    account.answers["FilterLogEvents"] = {"events": []}


def no_metric(account: ScratchAccount) -> None:
    account.answers["GetMetricData"] = {"MetricDataResults": [{"Id": "blocked", "Values": [0.0]}]}


def no_alarm(account: ScratchAccount) -> None:
    account.answers["DescribeAlarms"] = {"MetricAlarms": [{"StateValue": "OK"}]}


def no_channel(account: ScratchAccount) -> None:
    account.played.world.outages.append(Outage("slack", START, START + 9 * 3600, 503))


def failed_deployment(account: ScratchAccount) -> None:
    def deploy() -> None:
        account.is_deployed = True
        raise CommandError("`sam deploy` failed; what to do is above")

    account.deploys = deploy


def failed_check(account: ScratchAccount) -> None:
    account.checked = [Checked("Subscriptions", "both are taken", "delete one")]


def refused(operation: str, answer: Any = DENIED) -> Callable[[ScratchAccount], None]:
    return lambda account: account.refuses.update({operation: answer})


def bad_doctor(account: ScratchAccount) -> None:
    look = lambda *_: iter([wrong("queue", "3 dead letters", "Redrive them.")])  # noqa: E731
    account.areas = (Area("Queues", (Check("queue", look),)),)


FAILURES: Final[dict[str, tuple[Callable[[ScratchAccount], None], str]]] = {
    "check": (failed_check, "1 check"),
    "log unseen": (refused("GetModelInvocationLoggingConfiguration"), "1 check"),
    "deployment": (failed_deployment, "2 deploy"),
    "guardrail denied": (refused("CreateGuardrail"), "3 guarded call"),
    "guardrail failed": (
        refused(
            "GetGuardrail",
            ScratchAccount._guardrail | ScratchAccount._ready | {"status": "FAILED"},  # noqa: SLF001
        ),
        "3 guarded call",
    ),
    "model denied": (refused("Converse"), "3 guarded call"),
    "not blocked": (refused("Converse", ScratchAccount.conversed("end_turn")), "3 guarded call"),
    "no record": (never, "4 message"),
    "no metric": (no_metric, "4 message"),
    "no alarm": (no_alarm, "4 message"),
    "no channel": (no_channel, "4 message"),
    "doctor": (bad_doctor, "5 doctor"),
    "its own error": (refused("Converse", ValueError("odd")), "3 guarded call"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_stops_cleanly_says_what_to_do_and_deletes(
    account: ScratchAccount, name: str, snapshot: SnapshotAssertion
) -> None:
    breaks, step_name = FAILURES[name]
    breaks(account)
    found = account.ran()
    (failed,) = [step for step in found.steps if step.result == "failed"]
    assert (failed.name, bool(failed.fix)) == (step_name, True)
    assert found.steps[-1].name == "6 delete"
    assert not account.is_deployed
    is_guarded = step_name[0] > "2" and name != "guardrail denied"
    assert ("DeleteGuardrail" in account.deleted) == is_guarded
    assert found.text() == snapshot


def test_a_model_that_has_only_a_profile_is_called_by_it(account: ScratchAccount) -> None:
    no = Refused("ValidationException", "with on-demand throughput isn't supported")
    account.answers["Converse"] = lambda modelId, **_: (  # noqa: N803 - AWS's name
        no if modelId == MODEL else account.conversed("guardrail_intervened")
    )
    assert f"a call of eu.{MODEL} was blocked" in account.ran().text()


def test_calls_that_bedrock_does_not_log_yet_are_repeated(account: ScratchAccount) -> None:
    account.answers["FilterLogEvents"] = lambda **_: {
        "events": [{"message": '{"Invocations":1}'}]
        if account.played.world.now() > START + 250
        else []
    }
    assert "3 calls were made until Bedrock logged one" in account.ran().text()


@pytest.mark.parametrize("operation", ["CreateGuardrail", "Converse", "FilterLogEvents"])
def test_ctrl_c_ends_the_trial_and_deletes(account: ScratchAccount, operation: str) -> None:
    def interrupted(**_: Any) -> Any:
        raise KeyboardInterrupt

    listed = {"id": "gr0a1b", "arn": account._guardrail["guardrailArn"], "status": "READY",  # noqa: SLF001
              "name": NAME, "version": "DRAFT", "createdAt": CREATED, "updatedAt": CREATED}  # fmt: skip
    account.answers["ListGuardrails"] = {"guardrails": [listed]}
    account.answers[operation] = interrupted
    found = account.ran()
    assert [step.result for step in found.steps][-2:] == ["stopped", "ok"]
    assert "DeleteGuardrail" in account.deleted
    assert not account.is_deployed


def test_ctrl_c_while_it_deploys_deletes_the_half_made_stack(account: ScratchAccount) -> None:
    def deploy() -> None:
        account.is_deployed = True
        raise KeyboardInterrupt

    account.deploys = deploy
    assert names(account.ran()) == ["1 check: ok", "2 deploy: stopped", "6 delete: ok"]
    assert not account.is_deployed


def test_a_second_ctrl_c_names_everything_that_is_left(
    account: ScratchAccount, snapshot: SnapshotAssertion
) -> None:
    def interrupted(**_: Any) -> Any:
        raise KeyboardInterrupt

    account.answers["DeleteStack"] = interrupted
    found = account.ran()
    assert found.steps[-1].result == "failed"
    assert found.steps[-1].text() == snapshot


@pytest.mark.parametrize("operation", sorted(DELETIONS))
def test_what_cannot_be_deleted_is_named_with_the_command(
    account: ScratchAccount, operation: str
) -> None:
    account.refuses[operation] = DENIED
    last = account.ran().steps[-1]
    assert last.result == "failed"
    assert any(line.startswith("NOT deleted: ") for line in last.lines)
    assert any(line.startswith("to delete it: aws ") for line in last.lines)
    # A bucket that cannot be emptied is not deleted.
    assert set(account.deleted) >= DELETIONS - {"DeleteBucket"}


def test_what_cloudformation_cannot_delete_is_named(account: ScratchAccount) -> None:
    def fails(**_: Any) -> dict[str, Any]:
        account.answers["DescribeStacks"] = lambda **_: {
            "Stacks": [{**account.described(), "StackStatus": "DELETE_FAILED"}]
        }
        account.answers["ListStackResources"] = lambda **_: {
            "StackResourceSummaries": [
                {
                    "LogicalResourceId": "ReportsBucket",
                    "ResourceType": "AWS::S3::Bucket",
                    "LastUpdatedTimestamp": CREATED,
                    "ResourceStatus": "DELETE_FAILED",
                    "ResourceStatusReason": "The bucket you tried to delete is not empty",
                }
            ]
        }
        return {}

    account.answers["DeleteStack"] = fails
    text = account.ran().steps[-1].text()
    assert "CloudFormation could not delete ReportsBucket (The bucket you tried" in text
    assert "then delete the stack again" in text
    assert "cannot be reached" not in text


def test_a_log_group_that_was_there_or_is_written_to_is_not_deleted(
    account: ScratchAccount,
) -> None:
    account.has_log = True
    account.ran()
    groups = [given["logGroupName"] for name, given in account.asked if name == "DeleteLogGroup"]
    assert groups == [f"/aws/lambda/{NAME}-route"]
    other = ScratchAccount()
    used = {"loggingConfig": {"cloudWatchConfig": {
        "logGroupName": trial_cleanup.DEFAULT_LOG, "roleArn": "arn:aws:iam::…"}}}  # fmt: skip
    other.answers["GetModelInvocationLoggingConfiguration"] = lambda **_: (
        used if "DeleteStack" in other.deleted else {}
    )
    assert "Bedrock still writes to" in other.ran().text()


def test_keep_deletes_nothing_and_names_the_commands(account: ScratchAccount) -> None:
    found = account.ran(keep=True)
    assert account.deleted == []
    assert f"aws cloudformation delete-stack --stack-name {NAME}" in found.text()


def test_an_unconfirmed_email_is_said(account: ScratchAccount) -> None:
    account.answers["ListSubscriptionsByTopic"] = {
        "Subscriptions": [{"Protocol": "email", "SubscriptionArn": "PendingConfirmation"}]
    }
    text = account.ran().text()
    assert "the email subscription is not confirmed: no email will arrive" in text
    assert "email: SNS took it, but no recipient has confirmed the subscription" in text


PRIVATE: Final = (
    ACCOUNT,
    "you@example.com",
    f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:hook-AbCdEf",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/alex",
    "https://hooks.slack.com/services/T0/B0/abc",
)


@pytest.mark.parametrize("text", PRIVATE)
def test_what_is_private_is_masked(text: str) -> None:
    found = masked(f"it says {text} and more")
    assert text not in found
    assert not any(part in found for part in ("AbCdEf", "alex", "you@", "abc", ACCOUNT))
    assert found.endswith("and more")
    assert masked(f"account {ACCOUNT}") == "account 1111…3333"


def test_the_estimate_is_of_cents() -> None:
    essential, every = (cents({"AlarmSet": which}) for which in ("essential", "all"))
    assert 2 < essential < every < 30
