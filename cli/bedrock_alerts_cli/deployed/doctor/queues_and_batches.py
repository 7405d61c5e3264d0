"""Queues, dead-letter queues and the bucket of failed batches: what waits, what failed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    ago,
    count,
    ok,
    wrong,
)
from bedrock_alerts_cli.deployed.doctor.looked_at import not_seen
from bedrock_alerts_cli.deployed.doctor.made_again import bucket_again, queue_again
from bedrock_alerts_cli.deployed.doctor.newest_data import Series, histories
from bedrock_alerts_cli.deployed.old_claims import OLD_FOLDER

# The queue, its dead-letter queue, and the runbook.
_QUEUES: Final = (
    ("AlertsQueue", "AlertsDeadLetterQueue", "NotifierAlertsDeadLetters"),
    ("DeliveriesQueue", "DeliveriesDeadLetterQueue", "NotifierDeliveriesDeadLetters"),
    ("ObjectsQueue", "ObjectsDeadLetterQueue", "PipelineObjectsDeadLetters"),
)
_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
# SQS answers with the one or the other, by its protocol.
_GONE: Final = ("NonExistentQueue", "QueueDoesNotExist")
_OLD: Final = 15 * 60.0
_STALE: Final = 30 * 60.0


def queues(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look at each queue, and at the dead letters beside it."""
    for queue, dead, runbook in _QUEUES:
        if queue not in stack.resources:
            continue
        for name, look in (
            # Its queue cannot be created again without it.
            (dead, _dead_letters(stack, queue, dead, runbook)),
            (queue, _queue(stack, queue, clock())),
        ):
            check = f"queue {_name(stack, name)}"
            try:
                yield from look
            except Exception as error:  # noqa: BLE001 - the other queues are looked at
                if any(code in str(error) for code in _GONE):
                    fix = f"Create it again:\n{queue_again(stack, name)}"
                    yield wrong(check, "it is not there: what belongs into it is lost", fix)
                else:
                    yield not_seen(check, error)


def _name(stack: DeployedStack, logical_id: str) -> str:
    return stack.resource(logical_id).rpartition("/")[2]


def waiting_in(stack: DeployedStack, logical_id: str) -> int:
    """Return how many messages a queue holds, hidden and delayed ones included."""
    answer = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.resource(logical_id), AttributeNames=list(_COUNTS)
    )
    return sum(int(answer["Attributes"].get(name, 0)) for name in _COUNTS)


def _queue(stack: DeployedStack, logical_id: str, now: float) -> Iterator[Finding]:
    name = _name(stack, logical_id)
    messages = waiting_in(stack, logical_id)
    series = Series(
        "AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", name),), stat="Maximum"
    )
    history = histories(stack, [series], now)[series] if messages else None
    # CloudWatch counts an age only while something is there.
    is_known = history is not None and history.newest is not None
    age = (history.last or 0.0) if history is not None and is_known else 0.0
    is_current = history is not None and now - (history.newest or 0.0) < _STALE
    says = count(messages, "message") if messages else "empty"
    if is_current and age > _OLD:
        says += f", the oldest is {age / 60:,.0f} min old"
        fix = "See docs/runbooks/NotifierErrors.md: its function fails, or does not run."
        yield wrong(f"queue {name}", says, fix)
    else:
        yield ok(f"queue {name}", says)


def _dead_letters(stack: DeployedStack, queue: str, dead: str, runbook: str) -> Iterator[Finding]:
    name = _name(stack, dead)
    messages = waiting_in(stack, dead)
    if not messages:
        yield ok(f"queue {name}", "empty")
        return
    what = queue.removesuffix("Queue").lower()
    redrive = stack.ours(f"redrive {what}")
    fix = f"Fix the cause (docs/runbooks/{runbook}.md), then send them again:\n{redrive}"
    yield wrong(f"queue {name}", f"{count(messages, 'dead letter')}", fix)


def failed_batches(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look at the bucket of what the collectors could not count."""
    check = "failed batches"
    bucket = stack.resource("FailedBatchesBucket")
    s3 = stack.client("s3")
    try:
        answer = s3.list_objects_v2(Bucket=bucket, MaxKeys=1000)
    except s3.exceptions.NoSuchBucket:
        says = f"bucket {bucket} is not there: what fails is lost"
        yield wrong(check, says, f"Create it again:\n{bucket_again(stack, 'FailedBatchesBucket')}")
        return
    found = [one for one in answer.get("Contents", []) if not one["Key"].startswith(OLD_FOLDER)]
    if not found:
        yield ok(check, "none")
        return
    oldest = min(one.get("LastModified", datetime.now(UTC)) for one in found)
    more = "at least " if answer.get("IsTruncated") else ""
    says = f"{more}{count(len(found), 'object')}, the oldest {ago(clock(), oldest.timestamp())}"
    redrive = stack.ours("redrive batches")
    yield wrong(
        check, says, f"See docs/runbooks/PipelineFailedBatches.md. To count them:\n{redrive}"
    )


CHECKS: Final = (Check("queues", queues), Check("failed batches", failed_batches))
