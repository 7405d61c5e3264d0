"""From Bedrock to the collector: logging, its log group, the subscription, the last delivery."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from bedrock_alerts.adapters.bedrock_logging import BedrockLogging, LogGroups
from bedrock_alerts.invocation_logging.decide import (
    SUBSCRIBABLE,
    describe,
    wanted_configuration,
    what_bedrock_does,
)
from bedrock_alerts.invocation_logging.logging_state import (
    MODALITIES,
    Configuration,
    LoggingProperties,
)
from bedrock_alerts.limits import SUBSCRIPTIONS_PER_LOG_GROUP
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.as_deployed import function_arn, partition
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    ago,
    count,
    ok,
    unknown,
    waiting,
    wrong,
)
from bedrock_alerts_cli.deployed.doctor.made_again import log_group_again
from bedrock_alerts_cli.deployed.doctor.newest_data import (
    DAY,
    HOUR,
    History,
    Series,
    histories,
    listed,
)

OTHER_CLASS: Final = "have Bedrock log to a group of the class STANDARD; a class cannot be changed"
_LOGGING: Final = "invocation logging"
_PAGE: Final = "docs/deploying.md"
# A record follows its call within minutes, and CloudWatch shows both some minutes late.
_LATE: Final = HOUR / 4


def logging_of(client: Any) -> Configuration | None:
    """Return how Bedrock logs in an account and Region, None where it does not.

    `client` is Bedrock's. Raises TransientError.
    """
    return BedrockLogging(client).get()


def log_group_of(stack: DeployedStack) -> str:
    """Return the log group that the stack reads, empty where it reads none."""
    return stack.outputs.get("InvocationLogGroupName", "")


def invocation_logging(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look at Bedrock's logging: is it on, and does it go where the stack reads."""
    found = logging_of(stack.client("bedrock"))
    group = log_group_of(stack)
    bucket = stack.parameters.get("InvocationLogBucketName", "")
    if found is None:
        says = "model invocation logging is off: no call is counted"
        yield wrong(_LOGGING, says, _switch_on(stack, group))
        return
    if group and found.get("cloudWatchConfig", {}).get("logGroupName") != group:
        yield wrong(_LOGGING, what_bedrock_does(group, found), _read_there(stack, found))
        return
    if bucket and found.get("s3Config", {}).get("bucketName") != bucket:
        says = f"Bedrock logs to {describe(found)}, and the stack reads bucket {bucket}"
        yield wrong(_LOGGING, says, _read_there(stack, found))
        return
    yield ok(_LOGGING, f"on, to {describe(found)}")
    yield _modalities(stack, found)


def _modalities(stack: DeployedStack, found: Configuration) -> Finding:
    logged = [name for name in MODALITIES if found.get(f"{name}DataDeliveryEnabled")]
    left_out = [name for name in MODALITIES if name not in logged]
    check = "modalities"
    if found.get("textDataDeliveryEnabled") is False:
        wanted = {**found, "textDataDeliveryEnabled": True}
        says = "text is not logged: guardrail results cannot be seen"
        return wrong(check, says, f"Log text:\n{_put(stack, wanted)}")
    if not logged:
        return ok(check, "Bedrock's defaults")
    without = f"; guardrail results of {', '.join(left_out)} stay unseen" if left_out else ""
    return ok(check, f"{', '.join(logged)} logged{without}")


def _switch_on(stack: DeployedStack, group: str) -> str:
    role = stack.resources.get("InvocationLoggingRole")
    if not group or not role:
        return f"In the Bedrock console, Settings, switch it on: {_PAGE}."
    wanted = wanted_configuration(
        LoggingProperties(
            role_arn=f"arn:{partition(stack)}:iam::{stack.account}:role/{role}",
            log_group_name=group,
            modalities=stack.parameters.get("LogModalities", "text"),
            memory_name="",
            large_data_bucket_name=stack.resources.get("OffloadedBodyBucket", ""),
        )
    )
    return f"Switch it on:\n{_put(stack, wanted)}"


def _put(stack: DeployedStack, wanted: Mapping[str, Any]) -> str:
    text = json.dumps(wanted, separators=(",", ":"))
    command = "bedrock put-model-invocation-logging-configuration --logging-config"
    return stack.aws(f"{command} '{text}'")


def _read_there(stack: DeployedStack, found: Configuration) -> str:
    group = found.get("cloudWatchConfig", {}).get("logGroupName")
    bucket = found.get("s3Config", {}).get("bucketName")
    options = (
        f"--parameter InvocationLogging=existing --parameter InvocationLogGroupName={group}"
        " --parameter InvocationLogBucketName="
        if group
        else f"--parameter InvocationLogBucketName={bucket}"
    )
    return stack.deployed_again("Read it where Bedrock writes it", options)


def log_group(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look at the log group: is it there, does its class allow a subscription."""
    name = log_group_of(stack)
    if not name:
        place = stack.parameters.get("InvocationLogBucketName") or stack.parameters.get(
            "InvocationLogStreamArn", ""
        )
        yield ok("log group", f"none: the stack reads {place or 'no log group'}")
        return
    found = LogGroups(stack.client("logs")).find(name)
    if found is None:
        fix = log_group_again(stack, name)
        yield wrong("log group", f"{name} is not there", f"Create it again:\n{fix}")
        return
    if found.group_class != SUBSCRIBABLE:
        yield wrong(
            "log group",
            f"{name} has the class {found.group_class}, which takes no subscription",
            f"{OTHER_CLASS[0].upper()}{OTHER_CLASS[1:]}: {_PAGE}.",
        )
        return
    yield ok("log group", f"{name}, class {found.group_class}")
    yield from _subscription(stack, name)
    yield from _deliveries(stack, name, clock())


def _subscription(stack: DeployedStack, group: str) -> Iterator[Finding]:
    check = "subscription"
    answer = stack.client("logs").describe_subscription_filters(logGroupName=group)
    present = answer.get("subscriptionFilters", [])
    function = function_arn(stack, "CollectLogsFunction")
    own = [one for one in present if one.get("destinationArn") == function]
    name = stack.resources.get("InvocationLogSubscription", f"{stack.name}-collect-logs")
    put = stack.aws(
        f"logs put-subscription-filter --log-group-name {group} --filter-name {name}"
        f" --filter-pattern '' --destination-arn {function}",
    )
    others = [one.get("filterName", "") for one in present if one not in own]
    if not own:
        says = f"{group} has no subscription to {function.rpartition(':')[2]}"
        if len(others) < SUBSCRIPTIONS_PER_LOG_GROUP:
            yield wrong(check, says, f"Put it back:\n{put}")
        else:
            says += f"; both places are taken, by {' and '.join(others)}"
            delete = stack.aws(
                f"logs delete-subscription-filter --log-group-name {group} --filter-name NAME"
            )
            fix = f"Delete one that no one needs, and put ours back:\n{delete}\n{put}"
            yield wrong(check, says, fix)
    elif pattern := own[0].get("filterPattern"):
        says = f"it passes on only what matches {pattern!r}: other calls are not counted"
        yield wrong(check, says, f"Pass on everything:\n{put}")
    else:
        shared = f", beside {', '.join(others)}" if others else ""
        yield ok(check, f"{own[0].get('filterName')}, everything to our function{shared}")
    yield _permission(stack, group)


def _permission(stack: DeployedStack, group: str) -> Finding:
    """Look whether CloudWatch Logs may invoke the collector."""
    check = "permission to deliver"
    name = stack.resource("CollectLogsFunction")
    client = stack.client("lambda")
    try:
        policy = client.get_policy(FunctionName=name)["Policy"]
        statements = json.loads(policy).get("Statement", [])
    except client.exceptions.ResourceNotFoundException:
        statements = []
    services = [one.get("Principal", {}) for one in statements]
    allowed = [one.get("Service", "") if isinstance(one, dict) else str(one) for one in services]
    if any("logs." in str(one) for one in allowed):
        return ok(check, "CloudWatch Logs may call the collector")
    source = f"arn:{partition(stack)}:logs:{stack.region}:{stack.account}:log-group:{group}:*"
    fix = stack.aws(
        f"lambda add-permission --function-name {name} --statement-id invocation-log"
        f" --action lambda:InvokeFunction --principal logs.amazonaws.com"
        f" --source-account {stack.account} --source-arn '{source}'",
    )
    return wrong(check, "CloudWatch Logs may not call the collector", f"Allow it:\n{fix}")


def _deliveries(stack: DeployedStack, group: str, now: float) -> Iterator[Finding]:
    about = ("LogGroupName", group)
    failed = [
        *listed(stack, "AWS/Logs", "DeliveryErrors", about=about),
        *listed(stack, "AWS/Logs", "DeliveryThrottling", about=about),
    ]
    function = stack.resource("CollectLogsFunction")
    runs = Series("AWS/Lambda", "Invocations", (("FunctionName", function),))
    found = histories(stack, [runs, *failed], now)
    errors = sum(found[one].total(now - DAY) for one in failed)
    newest = found[runs].newest
    if errors:
        says = f"{count(errors, 'delivery', 'deliveries')} failed in 24 h"
        yield wrong("deliveries", says, "See docs/runbooks/PipelineDelivery.md.")
    elif newest is None:
        yield waiting("deliveries", "none yet: waiting for the first call")
    else:
        yield ok("deliveries", f"the collector last ran {ago(now, newest)}")


def log_writes(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look whether Bedrock itself says that it could not write its log."""
    now = clock()
    kind = "S3" if stack.parameters.get("InvocationLogBucketName") else "CloudWatch"
    name = f"ModelInvocationLogs{kind}Delivery"
    good, bad = (Series("AWS/Bedrock", f"{name}{end}") for end in ("Success", "Failure"))
    found = histories(stack, [good, bad], now)
    failures, newest = found[bad].total(now - DAY), found[good].newest
    late = found[bad].newest
    if failures and (newest is None or (late is not None and late >= newest - HOUR)):
        says = f"Bedrock could not write {count(failures, 'record')} in 24 h"
        yield wrong("log writes", says, "See docs/runbooks/LogDeliveryFailure.md.")
    elif newest is not None:
        yield ok("log writes", f"Bedrock last wrote {ago(now, newest)}")
    else:
        yield waiting("log writes", "none yet: waiting for the first call")


def first_calls(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Compare what Bedrock counts with what the collector counts."""
    now = clock()
    namespace = stack.parameters.get("MetricsNamespace") or "BedrockAlerts"
    received = Series(namespace, "RecordsReceived")
    of_bedrock = [
        Series("AWS/Bedrock", "Invocations"),
        *listed(stack, "AWS/Bedrock", "Invocations", ("ModelId",)),
    ]
    found = histories(stack, [received, *of_bedrock], now)
    ours_at = found[received].newest
    theirs = [found[one] for one in of_bedrock]
    theirs_at = max((one.newest_counted or 0.0 for one in theirs), default=0.0)
    check = "records"
    made = "Bedrock counts no call"
    if theirs_at:
        made = f"Bedrock counted a call {ago(now, theirs_at)}"
    since = stack.created_at.timestamp() if ours_at is None else ours_at
    if _are_missing(theirs, since, now, is_exact=bool(found[received].minutes) or ours_at is None):
        had = "no record was ever received"
        if ours_at is not None:
            had = f"the last record came {ago(now, ours_at)}"
        yield wrong(check, f"{made}, but {had}", "See docs/runbooks/LogSilence.md.")
    elif ours_at is not None:
        yield ok(check, f"last record {ago(now, ours_at)}; {made}")
    elif theirs_at:
        yield waiting(check, f"{made}: waiting for its record")
    else:
        yield waiting(
            check,
            "no call in two weeks: waiting for the first call",
            f"Call a model in {stack.region}. Its record arrives within five minutes.",
        )


def _are_missing(theirs: Sequence[History], since: float, now: float, *, is_exact: bool) -> bool:
    """Whether Bedrock counted calls well after the last record, and long enough ago."""
    after = since + (_LATE if is_exact else 2 * HOUR)
    points = (point for one in theirs for point in (*one.minutes, *one.hours))
    return any(value and after < at < now - _LATE for at, value in points)


def guardrail_traces(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look whether records show what guardrails did."""
    now = clock()
    namespace = stack.parameters.get("MetricsNamespace") or "BedrockAlerts"
    guarded, unguarded = (
        Series(namespace, name) for name in ("GuardedInvocations", "UnguardedInvocations")
    )
    of_bedrock = [
        one
        for one in listed(stack, "AWS/Bedrock/Guardrails", "InvocationsIntervened")
        if not any(key == "GuardrailPolicyType" for key, _ in one.dimensions)
    ]
    found = histories(stack, [guarded, unguarded, *of_bedrock], now)
    seen = found[guarded].newest_counted
    blocked = max((found[one].newest_counted or 0.0 for one in of_bedrock), default=0.0)
    check = "guardrail traces"
    if seen is not None:
        share = found[unguarded].total(now - DAY)
        without = f"; {count(share, 'call')} without a guardrail in 24 h" if share else ""
        yield ok(check, f"last seen {ago(now, seen)}{without}")
    elif blocked > stack.created_at.timestamp():
        says = f"guardrails blocked a call {ago(now, blocked)}, and no record shows it"
        fix = "Have callers switch the trace on: docs/guardrails.md."
        yield wrong(check, says, fix)
    elif found[unguarded].newest is not None:
        says = "not seen in two weeks: calls arrive, none shows a guardrail"
        fix = "If calls are guarded, have callers switch the trace on: docs/guardrails.md."
        yield waiting(check, says, fix)
    else:
        yield waiting(check, "waiting for the first call with a guardrail")


def readable_from(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Say what is not looked at where the log comes by a stream."""
    stream = stack.parameters.get("InvocationLogStreamArn")
    if stream:
        says = f"the stream {stream.rpartition('/')[2]} is filled by a subscription of yours"
        fix = "Check that subscription: aws logs describe-subscription-filters."
        yield unknown("stream", says, fix)


CHECKS: Final = (
    Check(_LOGGING, invocation_logging),
    Check("log group", log_group),
    Check("stream", readable_from),
    Check("log writes", log_writes),
    Check("records", first_calls),
    Check("guardrail traces", guardrail_traces),
)
