"""Doctor is content with a stack that works, and names each fault with its fix."""

import io
import json
import re
import shlex
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import click
import msgspec
import pytest
from botocore.exceptions import EndpointConnectionError, UnauthorizedSSOTokenError
from botocore.response import StreamingBody
from syrupy.assertion import SnapshotAssertion

from bedrock_alerts.alerts.incidents.item import AlarmItem, Incident, View
from bedrock_alerts.invocations.price_list import PRICES_FILE, read_price_list
from bedrock_alerts_cli.deployed.doctor.areas import AREAS, areas_of
from bedrock_alerts_cli.deployed.doctor.doctor_text import as_text
from bedrock_alerts_cli.deployed.doctor.finding import Area, Finding
from bedrock_alerts_cli.deployed.doctor.looked_at import Seen, look_at
from bedrock_alerts_cli.deployed.doctor.read_permissions import ACTIONS
from bedrock_alerts_cli.fake_slack.server import Receiver
from bedrock_alerts_cli.fake_slack.slack_methods import BOT_TOKEN, CHANNEL_ID
from bedrock_alerts_cli.main import cli
from bedrock_alerts_cli.user_errors import InputError
from tests.support.account_in_memory import (
    BOT_SECRET,
    CREATED,
    DENIED,
    LOG_GROUP,
    NAME,
    NOW,
    AccountInMemory,
    Refused,
)
from tests.support.aws_command import read
from tests.support.loopback import Answer, Hook

CLOCK: Final = NOW.timestamp
WEBHOOK_SECRET: Final = BOT_SECRET.replace(":bot-", ":webhook-")
GONE: Final = Refused("ResourceNotFoundException")
Fault = Callable[[AccountInMemory], object]


def look(account: AccountInMemory, *checks: str) -> tuple[Seen, ...]:
    """Run some checks, all without any."""
    areas = [
        Area(area.title, tuple(one for one in area.checks if not checks or one.name in checks))
        for area in AREAS
    ]
    return look_at(account.stack, [area for area in areas if area.checks], CLOCK)


def findings(account: AccountInMemory, *checks: str) -> list[Finding]:
    return [one for area in look(account, *checks) for one in area.findings]


def bad(account: AccountInMemory, *checks: str) -> list[Finding]:
    return [one for one in findings(account, *checks) if one.verdict != "ok"]


def test_a_stack_that_works_is_only_praised() -> None:
    account = AccountInMemory()
    found = findings(account)
    assert {one.verdict for one in found} == {"ok"}
    assert len(found) > 40
    assert not [one.fix for one in found if one.fix]


def test_a_fresh_stack_waits_and_is_not_wrong() -> None:
    account = AccountInMemory()
    account.metrics.clear()
    account.answers["DescribeStacks"] = lambda **_: {
        "Stacks": [{**account.described(), "CreationTime": NOW - timedelta(minutes=5)}]
    }
    found = findings(account)
    assert {one.verdict for one in found} == {"ok", "waiting"}
    waits = {one.check: one for one in found if one.verdict == "waiting"}
    assert {"records", "guardrail traces", "heartbeat", "unpriced models"} <= waits.keys()
    assert "waiting for the first call" in waits["records"].evidence
    assert "Call a model in eu-west-1" in waits["records"].fix


def test_it_only_reads() -> None:
    account = AccountInMemory()
    findings(account)
    asked = {operation for operation, _ in account.asked}
    assert asked <= ACTIONS.keys()
    assert all(name.startswith(("Describe", "Get", "List", "Query", "Scan")) for name in asked)


# ---- faults ------------------------------------------------------------------------------------


def answer(operation: str, value: Any) -> Fault:
    return lambda account: account.answers.__setitem__(operation, value)


def logging(**changes: Any) -> Fault:
    def fault(account: AccountInMemory) -> None:
        answer_ = account.answers["GetModelInvocationLoggingConfiguration"]
        answer_["loggingConfig"].update(changes)

    return fault


def edited(name: str, **changes: Any) -> Fault:
    return lambda account: account.alarms[f"{NAME}.{name}"].update(changes)


def deleted(name: str) -> Fault:
    return lambda account: account.alarms.pop(f"{NAME}.{name}")


def environment(account: AccountInMemory) -> None:
    healthy = account.answers["GetFunctionConfiguration"]

    def changed(FunctionName: str) -> Any:  # noqa: N803 - AWS's name
        found = healthy(FunctionName)
        if FunctionName.endswith("-route"):
            found["Environment"]["Variables"]["RECOVERY_MINUTES"] = "600"
        return found

    account.answers["GetFunctionConfiguration"] = changed


def bedrock_counts(account: AccountInMemory, *points: tuple[float, float]) -> None:
    """Let Bedrock have counted so many calls, of a model and so of all."""
    for dimensions in ({}, {"ModelId": "example.model"}):
        account.measure("AWS/Bedrock", "Invocations", *points, **dimensions)


def calls_without_records(account: AccountInMemory) -> None:
    account.measure("BedrockAlerts", "RecordsReceived", (150, 4.0))
    bedrock_counts(account, (150, 4.0), (40, 2.0))


def no_record_ever(account: AccountInMemory) -> None:
    account.forget("BedrockAlerts", "RecordsReceived")
    bedrock_counts(account, (40, 2.0))


def no_traces(account: AccountInMemory) -> None:
    account.measure("BedrockAlerts", "GuardedInvocations", (5, 0.0))
    account.measure("AWS/Bedrock/Guardrails", "InvocationsIntervened", (9, 2.0))


def old_message(account: AccountInMemory) -> None:
    name = f"{NAME}-alerts"
    account.queues[name] = 12
    account.measure("AWS/SQS", "ApproximateAgeOfOldestMessage", (2, 4000.0), QueueName=name)


def item(**changes: Any) -> dict[str, Any]:
    arn = f"arn:aws:cloudwatch:eu-west-1:111122223333:alarm:{NAME}.Throttling"
    found = AlarmItem(arn=arn, incident=Incident(number=1, since=1, last_alarm=1, window=600))
    changed = msgspec.structs.replace(found, **changes)
    return {"pk": {"S": f"alarm#{arn}"}, "data": {"S": msgspec.json.encode(changed).decode()}}


def deployed_long_ago(account: AccountInMemory) -> None:
    days = timedelta(days=90)
    account.answers["DescribeStacks"] = lambda **_: {
        "Stacks": [{**account.described(), "CreationTime": NOW - days}]
    }


def new_model(account: AccountInMemory) -> None:
    account.measure("BedrockAlerts", "UnpricedInvocations", (5, 4.0))
    account.measure("BedrockAlerts", "UnpricedInvocations", (5, 4.0), ModelId="example.new")


def throttled(account: AccountInMemory) -> None:
    account.measure("AWS/Lambda", "Throttles", (20, 7.0), FunctionName=f"{NAME}-deliver")


def routes(text: str) -> Fault:
    return answer("GetParameter", {"Parameter": {"Value": text}})


def failed_deliveries(account: AccountInMemory) -> None:
    account.measure(
        "AWS/Logs", "DeliveryErrors", (30, 2.0), LogGroupName=LOG_GROUP, FilterName="ours"
    )


def queue_deleted(name: str) -> Fault:
    def fault(account: AccountInMemory) -> None:
        healthy = account.answers["GetQueueAttributes"]
        account.answers["GetQueueAttributes"] = lambda QueueUrl, AttributeNames: (  # noqa: N803
            Refused("AWS.SimpleQueueService.NonExistentQueue")
            if QueueUrl.endswith(f"/{name}")
            else healthy(QueueUrl, AttributeNames)
        )

    return fault


PENDING: Final = {"Protocol": "email", "Endpoint": "oncall@example.com"}
NOT_OURS: Final = {"filterName": "lake", "destinationArn": "arn:aws:kinesis:eu-west-1:…:lake"}
OURS: Final = {
    "filterName": "ours",
    "destinationArn": f"arn:aws:lambda:eu-west-1:111122223333:function:{NAME}-collect-logs",
}
INFREQUENT: Final = {"logGroupName": LOG_GROUP, "logGroupClass": "INFREQUENT_ACCESS"}
MAPPING: Final = {"UUID": "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f", "State": "Disabled"}
LETTER: Final = {"Key": "aws/lambda/async/0a1b", "LastModified": NOW - timedelta(hours=5)}
DUE: Final = {
    "pk": {"S": f"alarm#arn:aws:cloudwatch:eu-west-1:111122223333:alarm:{NAME}.Throttling"},
    "due": {"N": str(NOW.timestamp() - 3600)},
}

# What is done to the stack, which check looks there, and what it calls the fault.
FAULTS: Final[dict[str, tuple[Fault, str, str]]] = {
    "logging off": (
        answer("GetModelInvocationLoggingConfiguration", {}),
        "invocation logging",
        "invocation logging",
    ),
    "logging to another group": (
        logging(cloudWatchConfig={"logGroupName": "/their/log", "roleArn": "arn:aws:iam::…"}),
        "invocation logging",
        "invocation logging",
    ),
    "text not logged": (logging(textDataDeliveryEnabled=False), "invocation logging", "modalities"),
    "log group missing": (answer("DescribeLogGroups", {"logGroups": []}), "log group", "log group"),
    "log group of the wrong class": (
        answer("DescribeLogGroups", {"logGroups": [INFREQUENT]}),
        "log group",
        "log group",
    ),
    "subscription deleted": (
        answer("DescribeSubscriptionFilters", {"subscriptionFilters": []}),
        "log group",
        "subscription",
    ),
    "subscription of others only": (
        answer("DescribeSubscriptionFilters", {"subscriptionFilters": [NOT_OURS, NOT_OURS]}),
        "log group",
        "subscription",
    ),
    "subscription with a pattern": (
        answer(
            "DescribeSubscriptionFilters",
            {"subscriptionFilters": [{**OURS, "filterPattern": "ERROR"}]},
        ),
        "log group",
        "subscription",
    ),
    "permission to deliver removed": (
        answer("GetPolicy", GONE),
        "log group",
        "permission to deliver",
    ),
    "deliveries failing": (failed_deliveries, "log group", "deliveries"),
    "Bedrock cannot write its log": (
        lambda account: account.measure(
            "AWS/Bedrock", "ModelInvocationLogsCloudWatchDeliveryFailure", (10, 9.0)
        ),
        "log writes",
        "log writes",
    ),
    "calls without records": (calls_without_records, "records", "records"),
    "no record ever": (no_record_ever, "records", "records"),
    "guardrails without traces": (no_traces, "guardrail traces", "guardrail traces"),
    "alarm deleted": (deleted("PromptAttack"), "alarms", "alarm PromptAttack"),
    "alarm edited": (edited("PromptAttack", Threshold=500.0), "alarms", "alarm PromptAttack"),
    "alarm watches something else": (
        edited("NotifierHeartbeat", MetricName="Invocations", Period=60),
        "alarms",
        "alarm NotifierHeartbeat",
    ),
    "alarm's actions removed": (
        edited("PipelineErrors", AlarmActions=[]),
        "alarms",
        "alarm PipelineErrors",
    ),
    "alarm's actions disabled": (
        edited("Throttling", ActionsEnabled=False),
        "alarms",
        "alarm Throttling",
    ),
    "alarm cannot be evaluated": (
        edited("ServerErrors", EvaluationState="EVALUATION_ERROR", StateReason="Too many."),
        "alarms",
        "alarm ServerErrors",
    ),
    "alarm about this tool fires": (
        edited("PipelineErrors", StateValue="ALARM", StateReason="Threshold Crossed."),
        "alarms",
        "alarm PipelineErrors",
    ),
    "alarm that cannot fire": (
        lambda account: account.forget("BedrockAlerts", "EstimatedCost"),
        "alarms",
        "alarm SpendHour",
    ),
    "metric of each model only": (
        lambda account: account.measure(
            "AWS/Bedrock", "LegacyModelInvocations", (9, 1.0), ModelId="example.model"
        ),
        "alarms",
        "alarm LegacyModels",
    ),
    "no heartbeat": (
        lambda account: account.measure("BedrockAlerts", "Heartbeat", (90, 1.0)),
        "heartbeat",
        "heartbeat",
    ),
    "email unconfirmed": (
        answer(
            "ListSubscriptionsByTopic",
            {"Subscriptions": [{**PENDING, "SubscriptionArn": "PendingConfirmation"}]},
        ),
        "email",
        "email",
    ),
    "email subscription deleted": (
        answer("ListSubscriptionsByTopic", {"Subscriptions": []}),
        "email",
        "email",
    ),
    "email topic missing": (
        answer("ListSubscriptionsByTopic", Refused("NotFound")),
        "email",
        "email",
    ),
    "routes that are not valid": (routes('{"routes": [{"name": "x"}]}'), "routes", "routes"),
    "route to nowhere": (
        routes('{"routes": [{"name": "money", "channels": ["teams"]}]}'),
        "routes",
        "routes",
    ),
    "route to a target that email has not": (
        routes('{"routes": [{"name": "money", "channels": ["email:finance"]}]}'),
        "routes",
        "route to email:finance",
    ),
    "routes missing": (answer("GetParameter", Refused("ParameterNotFound")), "routes", "routes"),
    "message that waits": (old_message, "queues", f"queue {NAME}-alerts"),
    "dead letters": (
        lambda account: account.queues.__setitem__(f"{NAME}-deliveries-dlq", 3),
        "queues",
        f"queue {NAME}-deliveries-dlq",
    ),
    "queue missing": (
        queue_deleted(f"{NAME}-alerts"),
        "queues",
        f"queue {NAME}-alerts",
    ),
    "dead-letter queue missing": (
        queue_deleted(f"{NAME}-deliveries-dlq"),
        "queues",
        f"queue {NAME}-deliveries-dlq",
    ),
    "failed batches": (
        answer("ListObjectsV2", {"Contents": [LETTER]}),
        "failed batches",
        "failed batches",
    ),
    "bucket of failed batches missing": (
        answer("ListObjectsV2", Refused("NoSuchBucket")),
        "failed batches",
        "failed batches",
    ),
    "table missing": (answer("DescribeTable", GONE), "incidents table", "incidents table"),
    "table without its index": (
        answer("DescribeTable", {"Table": {"TableStatus": "ACTIVE"}}),
        "incidents table",
        "incidents table",
    ),
    "incident that no one looks at": (
        answer("Query", {"Items": [DUE]}),
        "overdue incidents",
        "overdue incidents",
    ),
    "notification given up": (
        answer(
            "Scan", {"Items": [item(views={"slack": View(is_parked=True)}), {"data": {"S": "{"}}]}
        ),
        "given up",
        "given up",
    ),
    "function stopped": (
        answer("GetFunctionConcurrency", {"ReservedConcurrentExecutions": 0}),
        "reserved concurrency",
        f"concurrency of {NAME}-route",
    ),
    "function throttled": (throttled, "throttled and failed runs", "throttled runs"),
    "account without concurrency": (
        answer(
            "GetAccountSettings",
            {"AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 4}},
        ),
        "account concurrency",
        "account concurrency",
    ),
    "environment edited": (environment, "functions", f"function {NAME}-route"),
    "function missing": (
        answer("GetFunctionConfiguration", GONE),
        "functions",
        f"function {NAME}-route",
    ),
    "function that cannot start": (
        answer(
            "GetFunctionConfiguration", {"State": "Failed", "StateReason": "The layer is gone."}
        ),
        "functions",
        f"function {NAME}-route",
    ),
    "rule disabled": (answer("DescribeRule", {"State": "DISABLED"}), "rules", "rule HeartbeatRule"),
    "rule deleted": (answer("DescribeRule", GONE), "rules", "rule HeartbeatRule"),
    "rule without its target": (
        answer("ListTargetsByRule", {}),
        "rules",
        "rule StateChangeRule",
    ),
    "reader disabled": (
        answer("ListEventSourceMappings", {"EventSourceMappings": [MAPPING]}),
        "readers of the queues",
        "reader route",
    ),
    "reader missing": (
        answer("ListEventSourceMappings", {}),
        "readers of the queues",
        "reader route",
    ),
    "prices never updated": (deployed_long_ago, "price list", "price list"),
    "models without a price": (
        new_model,
        "unpriced models",
        "unpriced models",
    ),
    "stack stuck": (
        lambda account: account.answers.__setitem__(
            "DescribeStacks",
            lambda **_: {
                "Stacks": [{**account.described(), "StackStatus": "UPDATE_ROLLBACK_FAILED"}]
            },
        ),
        "stack state",
        "stack state",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_fix(name: str, snapshot: SnapshotAssertion) -> None:
    fault, check, named = FAULTS[name]
    account = AccountInMemory()
    assert not bad(account, check)
    fault(account)
    seen = look(account, check)
    wrong = [one for area in seen for one in area.findings if one.verdict == "wrong"]
    (found,) = [one for one in wrong if one.check == named]
    assert found.evidence
    assert found.fix
    for line in found.fix.splitlines():
        if line.startswith("aws ") and not line.startswith("aws s3 "):
            assert read(line), "a command of the AWS CLI"
        elif line.startswith("bedrock-alerts "):
            parsed(line)
    shown = [Seen(area.title, (found,)) for area in seen]
    assert as_text("stack bedrock-alerts", shown) == snapshot


def parsed(line: str) -> None:
    """Let click read a command of ours; it raises for what does not exist."""
    context, command = click.Context(cli), cli.get_command(click.Context(cli), line.split()[1])
    words = shlex.split(line)[2:]
    if isinstance(command, click.Group):
        command, words = command.get_command(context, words[0]), words[1:]
    assert command is not None
    command.make_parser(click.Context(command)).parse_args(words)


def test_alarms_that_are_gone_together_are_made_again_together() -> None:
    account = AccountInMemory(AlarmsOff="Latency")
    for name in ("PromptAttack", "SpendHour"):
        deleted(name)(account)
    first, second = bad(account, "alarms")
    assert {first.check, second.check} == {"alarm PromptAttack", "alarm SpendHour"}
    _, without, back = first.fix.splitlines()
    assert without.endswith(f"AlarmsOff=Latency,{first.check[6:]},{second.check[6:]}")
    assert back.endswith("AlarmsOff=Latency")
    assert second.fix == f"As for {first.check}: together with it."


def test_of_a_stack_that_failed_only_the_state_is_looked_at() -> None:
    account = AccountInMemory()
    described = {**account.described(), "StackStatus": "ROLLBACK_COMPLETE"}
    account.answers["DescribeStacks"] = lambda **_: {"Stacks": [described]}
    account.answers["ListStackResources"] = {"StackResourceSummaries": []}
    (area,) = areas_of(account.stack)
    assert [one.name for one in area.checks] == ["stack state"]


def test_a_stack_of_others_is_refused() -> None:
    account = AccountInMemory()
    account.answers["ListStackResources"] = {"StackResourceSummaries": []}
    with pytest.raises(InputError, match="not a stack of Bedrock Alerts"):
        areas_of(account.stack)


def test_failed_deliveries_are_seen_among_those_of_many_log_groups() -> None:
    account = AccountInMemory()
    for number in range(250):
        name = f"/aws/other/{number}"
        account.measure("AWS/Logs", "DeliveryErrors", (9, 1.0), LogGroupName=name)
    account.measure("AWS/Logs", "DeliveryErrors", (9, 3.0), LogGroupName=LOG_GROUP)
    found = [one for one in findings(account, "log group") if one.check == "deliveries"]
    assert [one.evidence for one in found] == ["3 deliveries failed in 24 h"]


@pytest.mark.parametrize(
    ("mappings", "says"),
    [
        ([], "reads no stream: its event source mapping is gone"),
        ([MAPPING], "does not read its stream: it is disabled"),
    ],
)
def test_the_reader_of_the_stream_is_looked_at(mappings: list[Any], says: str) -> None:
    stream = "arn:aws:kinesis:eu-west-1:111122223333:stream/calls"
    account = AccountInMemory(InvocationLogStreamArn=stream)
    assert not bad(account, "readers of the queues")
    there = account.answers["ListEventSourceMappings"]
    account.answers["ListEventSourceMappings"] = lambda FunctionName: (  # noqa: N803
        {"EventSourceMappings": mappings} if "stream" in FunctionName else there
    )
    (found,) = bad(account, "readers of the queues")
    assert found.evidence == says
    command = found.fix.splitlines()[-1]
    assert command.startswith("aws lambda ")
    assert read(command)
    if not mappings:
        assert f"--event-source-arn {stream}" in command
        assert "--starting-position TRIM_HORIZON" in command


def test_a_claim_of_the_version_before_is_not_a_failed_batch() -> None:
    account = AccountInMemory()
    claim = {**LETTER, "Key": "redrive/batches/0a1b"}
    account.answers["ListObjectsV2"] = {"Contents": [claim]}
    (found,) = findings(account, "failed batches")
    assert (found.verdict, found.evidence) == ("ok", "none")
    account.answers["ListObjectsV2"] = {"Contents": [LETTER, claim]}
    (found,) = findings(account, "failed batches")
    assert found.evidence == "1 object, the oldest 5 h ago"


def test_every_check_has_a_fault_that_it_names() -> None:
    # These only say what there is.
    never = {
        "boto3 of the functions", "estimated cost", "stream", "tokens a minute", "throttled calls",
    }  # fmt: skip
    elsewhere = {
        "Amazon Q topic", "secrets", "Slack bot", "bus of the members", "members", "weekly report",
    }  # fmt: skip
    names = {check.name for area in AREAS for check in area.checks}
    assert names - never - elsewhere == {check for _, check, _ in FAULTS.values()}


PAGE: Final = {"Key": "2026-03-02.html", "LastModified": NOW - timedelta(days=2)}
OLD_PAGE: Final = {"Key": "2026-02-23.html", "LastModified": NOW - timedelta(days=9)}
FAILED_RUN: Final = {"Key": "aws/lambda/async/weekly/0a1b", "LastModified": NOW - timedelta(days=2)}
FAILED_BEFORE: Final = {**FAILED_RUN, "LastModified": NOW - timedelta(days=9)}


@pytest.mark.parametrize(
    ("stored", "deployed_days_ago", "verdict", "says"),
    [
        ([], 3, "waiting", "the next one is sent on Monday at 07:00 UTC"),
        ([], 9, "wrong", "none was ever stored"),
        ([OLD_PAGE, PAGE, FAILED_BEFORE], 90, "ok", "sent 2 d ago"),
        ([OLD_PAGE], 90, "wrong", "the last one was stored 9 d ago"),
        # It was off for a while.
        ([OLD_PAGE], 1, "waiting", "the next one is sent on Monday at 07:00 UTC"),
        ([OLD_PAGE, FAILED_RUN], 90, "wrong", "the last run failed, 2 d ago"),
        ([FAILED_RUN], 3, "wrong", "the last run failed, 2 d ago"),
    ],
)
def test_whether_the_weekly_report_was_sent(
    stored: list[Any], deployed_days_ago: int, verdict: str, says: str
) -> None:
    account = AccountInMemory(Overviews="dashboard,weekly-report")
    deployed = NOW - timedelta(days=deployed_days_ago)
    account.answers["DescribeStacks"] = lambda **_: {
        "Stacks": [{**account.described(), "CreationTime": deployed}]
    }
    account.answers["ListObjectsV2"] = lambda Bucket, **_: (  # noqa: N803 - AWS's name
        {"Contents": stored} if Bucket == account.resources["ReportsBucket"] else {}
    )
    (found,) = findings(account, "weekly report")
    assert (found.verdict, found.evidence) == (verdict, says)
    if verdict == "wrong":
        command = found.fix.splitlines()[-1]
        assert command.startswith(f"aws lambda invoke --function-name {NAME}-weekly-report ")
        assert read(command)


def test_without_a_weekly_report_nothing_is_said_of_it() -> None:
    assert findings(AccountInMemory(), "weekly report") == []


def test_bedrocks_own_limits_are_said() -> None:
    account = AccountInMemory(TokenQuota="example.model=10000")
    account.measure(
        "AWS/Bedrock", "EstimatedTPMQuotaUsage", (6, 900.0), (90, 8_500.0), ModelId="example.model"
    )
    account.measure("AWS/Bedrock", "InvocationThrottles", (20, 7.0), ModelId="example.model")
    tokens, throttled = findings(account, "tokens a minute", "throttled calls")
    assert tokens.evidence == (
        "at most, in 24 h: example.model 8,500; TokenQuota is example.model=10000"
    )
    assert throttled.evidence == "in 24 h: example.model 7; see docs/runbooks/Throttling.md"


# ---- no permission, no network -----------------------------------------------------------------


@pytest.mark.parametrize(
    "operation", sorted(ACTIONS.keys() - {"DescribeStacks", "GetObject", "ListStackResources"})
)
def test_what_aws_refuses_is_unknown_with_the_action(operation: str) -> None:
    account = AccountInMemory(SlackWebhookSecretArn=WEBHOOK_SECRET, InboxAccounts="o-exampleorgid")
    account.secrets[WEBHOOK_SECRET] = "https://hooks.slack.com/services/T0/B0/abcdefghij"
    account.answers[operation] = DENIED
    found = findings(account)
    assert not [one for one in found if one.verdict == "wrong"]
    unseen = [one for one in found if one.verdict == "unknown"]
    assert unseen
    assert {one.evidence for one in unseen} == {f"not allowed: {ACTIONS[operation]}"}
    assert all(ACTIONS[operation] in one.fix for one in unseen)
    assert len(found) > 20


def test_the_action_is_the_one_that_aws_names() -> None:
    account = AccountInMemory()
    message = "User: x is not authorized to perform: kms:Decrypt on resource: y"
    account.answers["ListObjectsV2"] = Refused("AccessDenied", message)
    (found,) = findings(account, "failed batches")
    assert found.evidence == "not allowed: kms:Decrypt"


@pytest.mark.parametrize(
    ("failure", "evidence"),
    [
        (EndpointConnectionError(endpoint_url="https://x"), "AWS cannot be reached"),
        (Refused("ExpiredToken"), "the AWS credentials are not valid (ExpiredToken)"),
        (UnauthorizedSSOTokenError(), "the AWS credentials are not valid: The SSO session"),
        (
            Refused("InvalidAction", "Not here."),
            "AWS refused DescribeTable: InvalidAction. Not here",
        ),
        (KeyError("Table"), "this check failed itself: KeyError"),
    ],
)
def test_one_failure_never_stops_the_others(failure: Any, evidence: str) -> None:
    account = AccountInMemory()
    account.answers["DescribeTable"] = failure
    first, *others = findings(account, "incidents table", "overdue incidents")
    assert first.verdict == "unknown"
    assert evidence in first.evidence
    assert first.fix
    assert [one.verdict for one in others] == ["ok"]


# ---- Slack and the other secrets ----------------------------------------------------------------


@pytest.fixture
def slack() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def with_bot(api_url: str, secret: Any = BOT_TOKEN, **parameters: str) -> AccountInMemory:
    account = AccountInMemory(
        SlackBotSecretArn=BOT_SECRET,
        SlackChannelId=CHANNEL_ID,
        SlackApiUrl=api_url,
        AllowLoopbackWebhooks="true",
        **parameters,
    )
    account.secrets[BOT_SECRET] = secret if isinstance(secret, str) else json.dumps(secret)
    return account


def test_a_bot_is_asked_who_it_is_and_posts_nothing(slack: Receiver) -> None:
    signed = {"token": BOT_TOKEN, "signing_secret": "8f742231"}
    account = with_bot(slack.api_url, signed, SlackButtons="true")
    found = {one.check: one for one in findings(account, "secrets", "Slack bot")}
    assert {one.verdict for one in found.values()} == {"ok"}
    assert "bedrock-alerts of Local, scope chat:write" in found["Slack bot"].evidence
    assert found[f"channel {CHANNEL_ID}"].evidence == "#local: the bot can post there"
    assert "Slack signing secret" in found
    assert not slack.messages()


def test_a_revoked_token_is_named_and_never_shown(slack: Receiver) -> None:
    account = with_bot(slack.api_url, "xoxb-revoked-0123456789")
    secret, bot = findings(account, "secrets", "Slack bot")
    assert secret.verdict == "ok"
    assert bot.verdict == "wrong"
    assert bot.evidence == "Slack refuses the token: invalid_auth"
    assert "put-secret-value" in bot.fix
    assert "revoked" not in bot.fix + bot.evidence


def test_buttons_without_a_signing_secret_are_named(slack: Receiver) -> None:
    account = with_bot(slack.api_url, SlackButtons="true")
    (found,) = [one for one in bad(account, "secrets") if one.verdict == "wrong"]
    assert found.check == "Slack signing secret"


def test_a_route_to_a_channel_that_is_not_there_is_named(slack: Receiver) -> None:
    account = with_bot(slack.api_url)
    route = {"name": "money", "channels": ["slack:C0NOTHERE"]}
    account.answers["GetParameter"] = {"Parameter": {"Value": json.dumps({"routes": [route]})}}
    (found,) = bad(account, "routes", "Slack bot")
    assert (found.check, found.verdict) == ("channel C0NOTHERE", "wrong")
    assert "/invite @bedrock-alerts" in found.fix


WHO: Final = {"ok": True, "team": "Example", "user": "alerts"}


def says(scopes: str | None, **channel: Any) -> Callable[[Any], Answer]:
    """Answer as Slack does: who the bot is, with its scopes, and what the channel is like."""
    headers = {} if scopes is None else {"X-OAuth-Scopes": scopes}

    def judge(asked: Any) -> Answer:
        told: dict[str, Any] = WHO
        if asked:  # a channel
            told = {"ok": "error" not in channel, "channel": channel, "error": channel.get("error")}
        return Answer(body=json.dumps(told).encode(), headers=headers)

    return judge


@pytest.mark.parametrize(
    ("scopes", "channel", "verdicts", "said"),
    [
        ("files:write", {"is_member": True}, ["wrong", "ok"], "lacks the scope chat:write"),
        (
            "chat:write",
            {"is_member": True},
            ["ok", "ok"],
            "without files:write there are no pictures",
        ),
        (None, {"is_member": True}, ["ok", "ok"], "Slack does not say its scopes"),
        ("chat:write", {"error": "missing_scope"}, ["ok", "unknown"], "may not look at channels"),
        ("chat:write", {"error": "channel_not_found"}, ["ok", "wrong"], "no such channel"),
        ("chat:write", {"error": "fatal_error"}, ["ok", "unknown"], "with fatal_error"),
        ("chat:write", {"name": "x", "is_archived": True}, ["ok", "wrong"], "#x is archived"),
        ("chat:write", {"name": "x", "is_member": False}, ["ok", "wrong"], "the bot is not in #x"),
        ("chat:write,chat:write.public", {"is_member": False}, ["ok", "ok"], "can post there"),
    ],
)
def test_what_slack_says_is_judged(
    scopes: str | None, channel: dict[str, Any], verdicts: list[str], said: str
) -> None:
    with Hook(path="/api/") as hook:
        hook.judge = says(scopes, **channel)
        found = findings(with_bot(hook.url), "Slack bot")
    assert [one.verdict for one in found] == verdicts
    assert any(said in one.evidence for one in found)
    assert all(one.fix for one in found if one.verdict == "wrong")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (Answer(status=503), "127.0.0.1 answered 503"),
        (Answer(body=b"<html>"), "not Slack's"),
        (Answer(body=b'{"ok": false, "error": "ratelimited"}'), "ratelimited"),
        (None, "cannot be reached from here"),
    ],
)
def test_where_slack_does_not_answer_nothing_is_known(told: Answer | None, said: str) -> None:
    with Hook(told, path="/api/") as hook:
        (found,) = findings(with_bot(hook.url), "Slack bot")
    assert found.verdict == "unknown"
    assert said in found.evidence


def test_a_token_goes_to_slack_only() -> None:
    account = with_bot("https://slack.com/api/")
    account.all_parameters["SlackApiUrl"] = "https://example.com/api/"
    (found,) = findings(account, "Slack bot")
    assert found.verdict == "unknown"
    assert "which is not Slack" in found.evidence


GOOD: Final = {
    "SlackWebhookSecretArn": "https://hooks.slack.com/services/T0/B0/abcdefghij",
    "WebhookSecretArn": '{"url": "https://example.com/hook", "secret": "x"}',
    "PagerDutySecretArn": "0123456789abcdef0123456789ABCDEF",
    "TeamsWebhookSecretArn": "https://prod-1.westeurope.logic.azure.com/workflows/1?sig=x",
}
LOCAL: Final = {"AllowLoopbackWebhooks": "true"}


@pytest.mark.parametrize("parameter", GOOD)
def test_a_secret_of_a_known_form_is_fine(parameter: str) -> None:
    account = AccountInMemory(**{parameter: WEBHOOK_SECRET})
    account.secrets[WEBHOOK_SECRET] = GOOD[parameter]
    (found,) = findings(account, "secrets")
    assert found.verdict == "ok"
    assert "only a post shows that it works: bedrock-alerts test-alert" in found.evidence


@pytest.mark.parametrize(
    ("parameter", "secret", "said"),
    [
        ("SlackWebhookSecretArn", "https://example.com/services/T0/B0/x", "host is not one of"),
        ("SlackWebhookSecretArn", "https://hooks.slack.com/", "not that of an incoming webhook"),
        ("SlackWebhookSecretArn", " ", "the secret has no url"),
        ("SlackBotSecretArn", "xoxp-1", "begins with xoxb-"),
        ("WebhookSecretArn", "https://example.com/hook", "the secret has no secret"),
        ("WebhookSecretArn", '{"url": "http://example.com", "secret": "x"}', "has to be https"),
        ("PagerDutySecretArn", "too-short", "32 letters and digits"),
        ("PagerDutySecretArn", '{"routing_key": "x", "url": "https://a.b"}', "host is not one of"),
        ("TeamsWebhookSecretArn", "https://outlook.office.com/webhook/1", "host is not one of"),
        ("TeamsWebhookSecretArn", None, "the secret is binary"),
        ("TeamsWebhookSecretArn", GONE, "the secret webhook-AbCdEf is not there"),
        ("TeamsWebhookSecretArn", Refused("InvalidRequestException"), "is to be deleted"),
    ],
)
def test_a_wrong_secret_is_named_and_never_shown(parameter: str, secret: Any, said: str) -> None:
    account = AccountInMemory(**{parameter: WEBHOOK_SECRET, "SlackChannelId": "C0123456789"})
    told = secret if isinstance(secret, Refused) else {"SecretString": secret}
    account.answers["GetSecretValue"] = {"SecretBinary": b"x"} if secret is None else told
    (found,) = findings(account, "secrets")
    assert found.verdict == "wrong"
    assert said in found.evidence
    assert found.fix
    if isinstance(secret, str) and secret.strip():
        assert secret not in found.evidence + found.fix


def test_a_route_to_a_target_that_is_not_in_the_secret_is_named() -> None:
    account = AccountInMemory(SlackWebhookSecretArn=WEBHOOK_SECRET)
    account.secrets[WEBHOOK_SECRET] = GOOD["SlackWebhookSecretArn"]
    route = {"name": "money", "channels": ["slack:finance"]}
    account.answers["GetParameter"] = {"Parameter": {"Value": json.dumps({"routes": [route]})}}
    (found,) = bad(account, "secrets", "routes")
    assert found.check == "Slack secret, target finance"
    assert "for the target 'finance'" in found.evidence


TOPIC: Final = "arn:aws:sns:eu-west-1:111122223333:q"


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ({"Subscriptions": [{"Endpoint": "https://global.sns-api.chatbot.amazonaws.com"}]}, "ok"),
        ({"Subscriptions": []}, "wrong"),
        (Refused("NotFound"), "wrong"),
        (
            lambda NextToken="", **_: (  # noqa: N803 - AWS's name
                {"Subscriptions": [{"Endpoint": "https://global.sns-api.chatbot.amazonaws.com"}]}
                if NextToken
                else {"Subscriptions": [{"Endpoint": "a@example.com"}], "NextToken": "more"}
            ),
            "ok",
        ),
    ],
)
def test_amazon_q_has_to_be_subscribed(told: Any, verdict: str) -> None:
    account = AccountInMemory(AmazonQTopicArn=TOPIC)
    account.answers["ListSubscriptionsByTopic"] = told
    (found,) = findings(account, "Amazon Q topic")
    assert found.verdict == verdict


# ---- prices in S3 --------------------------------------------------------------------------------


def with_prices(text: bytes | Refused) -> AccountInMemory:
    account = AccountInMemory(PriceOverrides="s3://example-prices/prices.json")
    body = text if isinstance(text, Refused) else StreamingBody(io.BytesIO(text), len(text))
    account.answers["GetObject"] = body if isinstance(body, Refused) else {"Body": body}
    return account


@pytest.mark.parametrize(
    ("text", "verdict", "said"),
    [
        (PRICES_FILE.read_bytes(), "ok", "s3://example-prices/prices.json, of "),
        (b"{", "wrong", "PriceOverrides cannot be used"),
        (Refused("NoSuchKey"), "wrong", "s3://example-prices/prices.json is not there"),
        (DENIED, "unknown", "not allowed: s3:GetObject"),
    ],
)
def test_prices_in_s3_are_read(text: bytes | Refused, verdict: str, said: str) -> None:
    account = with_prices(text)
    (found,) = findings(account, "price list")
    assert (found.verdict, said in found.evidence) == (verdict, True)


def test_an_old_list_in_s3_is_named() -> None:
    text = PRICES_FILE.read_bytes()
    dated = read_price_list(text).dated.encode()
    old = with_prices(text.replace(dated, b"2026-03-01", 1))
    (found,) = findings(old, "price list")
    assert "over 60 days old (2026-03-01)" in found.evidence
    parsed(found.fix.splitlines()[-1])


def test_overrides_that_cannot_be_read_are_named() -> None:
    account = AccountInMemory(PriceOverrides='{"entries": [{}]}')
    (found,) = findings(account, "price list")
    assert found.verdict == "wrong"


# ---- other ways to be set up ---------------------------------------------------------------------


def test_a_stack_that_reads_a_bucket_has_no_log_group() -> None:
    account = AccountInMemory(InvocationLogBucketName="archive")
    account.outputs.pop("InvocationLogGroupName")
    account.answers["GetModelInvocationLoggingConfiguration"] = {
        "loggingConfig": {"s3Config": {"bucketName": "archive"}}
    }
    found = {one.check: one for one in findings(account, "invocation logging", "log group")}
    assert {one.verdict for one in found.values()} == {"ok"}
    assert found["log group"].evidence == "none: the stack reads archive"
    other = {"loggingConfig": {"s3Config": {"bucketName": "other"}}}
    account.answers["GetModelInvocationLoggingConfiguration"] = other
    (wrong,) = bad(account, "invocation logging")
    assert wrong.fix.endswith("--parameter InvocationLogBucketName=other")
    account.answers["GetModelInvocationLoggingConfiguration"] = {}
    (wrong,) = bad(account, "invocation logging")
    assert "In the Bedrock console" in wrong.fix


def test_a_stream_is_someone_elses() -> None:
    arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/calls"
    account = AccountInMemory(InvocationLogStreamArn=arn)
    (found,) = findings(account, "stream")
    assert found.verdict == "unknown"


def test_without_an_address_other_subscribers_count() -> None:
    account = AccountInMemory(WebhookSecretArn=WEBHOOK_SECRET, AlertEmail="")
    (found,) = findings(account, "email")
    assert found.evidence == "1 address confirmed, no AlertEmail"


def test_calls_of_before_the_stack_miss_no_record() -> None:
    account = AccountInMemory()
    account.forget("BedrockAlerts", "RecordsReceived")
    before = (NOW - CREATED).total_seconds() / 60 + 5
    bedrock_counts(account, (before, 2.0))
    (found,) = findings(account, "records")
    assert found.verdict == "waiting"


def test_calls_without_a_guardrail_are_not_wrong() -> None:
    account = AccountInMemory()
    account.measure("BedrockAlerts", "GuardedInvocations", (5, 0.0))
    (found,) = findings(account, "guardrail traces")
    assert (found.verdict, "docs/guardrails.md" in found.fix) == ("waiting", True)


def test_a_firing_alarm_about_calls_is_no_fault_of_the_stack() -> None:
    account = AccountInMemory()
    account.alarms[f"{NAME}.Throttling"]["StateValue"] = "ALARM"
    found = {one.check: one for one in findings(account, "alarms")}
    assert found["alarm Throttling"].verdict == "ok"
    assert "firing since" in found["alarm Throttling"].evidence


def test_composites_are_compared_by_their_rule() -> None:
    account = AccountInMemory(AlarmSet="all")
    name = f"{NAME}.BedrockDegraded"
    assert not [one for one in bad(account, "alarms") if one.verdict == "wrong"]
    account.alarms[name]["AlarmRule"] = "FALSE"
    (found,) = [one for one in bad(account, "alarms") if one.verdict == "wrong"]
    assert found.evidence.startswith("AlarmRule is FALSE (deployed: ")


def test_an_update_under_way_is_waited_for() -> None:
    account = AccountInMemory()
    account.answers["DescribeStacks"] = lambda **_: {
        "Stacks": [{**account.described(), "StackStatus": "UPDATE_IN_PROGRESS"}]
    }
    (found,) = findings(account, "stack state")
    assert found.verdict == "waiting"


def test_old_throttles_are_said_and_not_wrong() -> None:
    account = AccountInMemory()
    account.measure("AWS/Lambda", "Throttles", (600, 7.0), FunctionName=f"{NAME}-deliver")
    (found,) = [
        one for one in findings(account, "throttled and failed runs") if "throttled" in one.check
    ]
    assert (found.verdict, "bedrock-alerts-deliver 7" in found.evidence) == ("ok", True)


def test_a_small_account_is_told_before_traffic_grows() -> None:
    account = AccountInMemory()
    limit = {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}
    account.answers["GetAccountSettings"] = {"AccountLimit": limit}
    (found,) = findings(account, "account concurrency")
    assert (found.verdict, "before traffic grows" in found.evidence) == ("ok", True)


def test_that_no_function_is_stopped_is_said_with_how_many_there_are() -> None:
    (found,) = findings(AccountInMemory(), "reserved concurrency")
    assert re.fullmatch("none of [1-9][0-9]* functions is stopped", found.evidence)
