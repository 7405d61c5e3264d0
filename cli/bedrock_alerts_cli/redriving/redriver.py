"""What waits to be counted or sent again in a deployed stack, and doing it."""

import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from bedrock_alerts.invocations.redrives import data_name, objects_name
from bedrock_alerts.invocations.s3_notifications import LogObject, log_objects
from bedrock_alerts.limits import METRIC_MAX_AGE_SECONDS
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, said_plainly
from bedrock_alerts_cli.deployed.log_bucket import LogBucket
from bedrock_alerts_cli.redriving.claims import Claims, move_old_claims
from bedrock_alerts_cli.redriving.count_once import (
    LOG_SECONDS,
    Collector,
    CountOnce,
    Outcome,
    Unit,
)
from bedrock_alerts_cli.redriving.dead_letters import DeadLetters, Message
from bedrock_alerts_cli.redriving.failed_batches import Bucket, FailedBatch, Stored
from bedrock_alerts_cli.redriving.log_objects import SETTLING, Looked, look

QUEUES: Final[Mapping[str, tuple[str, str]]] = {
    "objects": ("ObjectsDeadLetterQueue", "ObjectsQueue"),
    "alerts": ("AlertsDeadLetterQueue", "AlertsQueue"),
    "deliveries": ("DeliveriesDeadLetterQueue", "DeliveriesQueue"),
}
KINDS: Final = ("batches", *QUEUES, "log-objects")

# Where each collector's function and log group are in the template.
_COLLECTORS: Final = {
    "CollectLogsFunction": "CollectLogsLogGroup",
    "CollectStreamFunction": "CollectStreamLogGroup",
}
_OBJECTS: Final = ("CollectObjectsFunction", "CollectObjectsLogGroup")
_COUNTED_ONCE: Final = ("batches", "objects")
_BATCHES_READ: Final = 20
# EventBridge tries for a day to put a message into a queue.
_BEFORE_THE_QUEUE: Final = timedelta(days=1).total_seconds()
_DONE: Final = frozenset({"counted", "counted before"})


class Found(NamedTuple):
    """What waits of one kind: how many, since when, and why, as far as a few of them say.

    `records` are the lines of all of them, None where not all were read.
    """

    kind: str
    number: int
    oldest: datetime | None = None
    newest: datetime | None = None
    errors: Mapping[str, int] = {}
    records: int | None = None


class Step(NamedTuple):
    """One thing that was tried: how many pieces, what became of it, and where it is."""

    pieces: int
    outcome: Outcome
    where: str


class Redriver:
    """Everything that can be redriven in one stack."""

    def __init__(self, stack: DeployedStack, clock: Callable[[], float] = time.time) -> None:
        self._stack = stack
        self._clock = clock
        self._bucket = Bucket(stack.client("s3"), stack.resource("FailedBatchesBucket"))

    @property
    def place(self) -> str:
        """Say which stack, account and Region this is about."""
        return self._stack.place

    def move_old_claims(self) -> None:
        """Move the claims of version 0.2.0 out of the bucket, where they look like batches."""
        with said_plainly(f"bucket {self._bucket.name}"):
            move_old_claims(self._stack.client("s3"), self._bucket.name, self._claims)

    # ---- what there is -------------------------------------------------------------------------

    def has(self, kind: str) -> bool:
        """Whether a stack can have something of a kind."""
        needed = {"batches": "FailedBatchesBucket", "log-objects": _OBJECTS[0]}
        return (needed.get(kind) or QUEUES[kind][0]) in self._stack.resources

    def found(self, kind: str, *, read_all: bool = False) -> Found:
        """Count what waits of a kind, other than log objects; nothing is changed.

        Only a few failed batches are read, unless `read_all`.
        """
        with said_plainly(f"what waits ({kind})"):
            if kind == "batches":
                return self._batches_found(read_all=read_all)
            waiting = self._dead_letters(kind).waiting()
        times = sorted(one.sent_at for one in waiting.looked_at if one.sent_at)
        return Found(
            kind,
            waiting.number,
            times[0] if times else None,
            times[-1] if times else None,
            Counter(one.error for one in waiting.looked_at),
        )

    def looked(self, start: datetime, end: datetime) -> Looked:
        """Compare the log objects of a time with what was counted; nothing is changed."""
        from bedrock_alerts_cli.redriving.filled_objects import (  # noqa: PLC0415 - boto3 is slow
            FilledObjects,
        )

        with said_plainly("the objects of the log"):
            collector = Collector.of(self._stack, *_OBJECTS)
            filled = FilledObjects(self._stack, collector.log_group, self._clock)
            looked = look(
                LogBucket.of(self._stack),
                collector,
                start,
                min(end, datetime.fromtimestamp(self._clock(), UTC) - SETTLING),
            )
            counted = tuple(filter(filled.has, looked.uncounted))
        uncounted = tuple(one for one in looked.uncounted if one not in counted)
        return looked._replace(uncounted=uncounted, filled=counted)

    def _batches_found(self, *, read_all: bool) -> Found:
        stored = list(self._bucket.stored())
        errors: Counter[str] = Counter()
        records = 0
        for one in stored if read_all else stored[:_BATCHES_READ]:
            batch = self._bucket.open(one.key)
            if batch is not None:
                records += batch.records
                errors[self._problem(batch) or batch.error] += 1
        times = sorted(one.at for one in stored)
        return Found(
            "batches",
            len(stored),
            times[0] if times else None,
            times[-1] if times else None,
            errors,
            records if read_all else None,
        )

    def why_unclear(self, at: float) -> str:
        """Say what keeps the metrics of the past from being known at `at`, empty if nothing does.

        What always stays, such as a batch that is too old, does not.
        """
        with said_plainly("what waits"):
            if any(map(self._can_be_redriven, self._bucket.stored())):
                first = f"first run `{self._command('batches')}`, and delete what fails again"
                return f"failed batches wait to be counted: {first}"
            if self.has("objects"):
                if number := self._dead_letters("objects").number():
                    waiting = f"{number:,} objects wait to be counted"
                    return f"{waiting}: first run `{self._command('objects')}`"
                if number := self._queue("objects").number():
                    return f"{number:,} objects are about to be counted: run it again later"
            running = [
                claim for kind in _COUNTED_ONCE for claim in self._claims(kind).unsettled(at)
            ]
        if not running:
            return ""
        wait = (max(claim.settled for claim in running) - self._clock()) / 60
        return (
            f"a redrive has just run or still runs: run it again in {max(1, round(wait + 1))} min"
        )

    def _can_be_redriven(self, stored: Stored) -> bool:
        batch = self._bucket.open(stored.key)
        return batch is not None and not self._problem(batch)

    def _command(self, kind: str) -> str:
        return self._stack.ours(f"redrive {kind}")

    # ---- doing it --------------------------------------------------------------------------------

    def redrive(self, kind: str) -> Iterator[Step]:
        """Count or send again everything of a kind, other than log objects. Raises CommandError."""
        if kind == "batches":
            return self._redrive_batches()
        if kind == "objects":
            return self._redrive_objects()
        return self._send_back(kind)

    def _redrive_batches(self) -> Iterator[Step]:
        claims = self._claims("batches")
        counters: dict[str, CountOnce] = {}
        for one in self._listed():
            with said_plainly(f"s3://{self._bucket.name}/{one.key}"):
                batch = self._bucket.open(one.key)
                if batch is None:
                    yield Step(0, Outcome("gone", "it was removed meanwhile"), one.key)
                    continue
                steps = list(self._redrive_batch(one, batch, claims, counters))
                if all(step.outcome.verdict in _DONE for step in steps):
                    self._bucket.remove(one.key)
            yield from steps

    def _listed(self) -> list[Stored]:
        with said_plainly(f"bucket {self._bucket.name}"):
            return list(self._bucket.stored())

    def _redrive_batch(
        self,
        stored: Stored,
        batch: FailedBatch,
        claims: Claims,
        counters: dict[str, CountOnce],
    ) -> Iterator[Step]:
        problem = self._problem(batch)
        if problem:
            drop = self._stack.aws(f"s3 rm s3://{self._bucket.name}/{shlex.quote(stored.key)}")
            why = f"{problem}. To drop it for good: {drop}"
            yield Step(batch.records, Outcome("left", why), stored.key)
            return
        logical = self._logical(batch.function)
        if logical not in counters:
            collector = Collector.of(self._stack, logical, _COLLECTORS[logical])
            counters[logical] = CountOnce(collector, claims, self._clock)
        for part in batch.parts:
            unit = Unit(part.name, part.event)
            yield Step(part.records, counters[logical].count(unit), stored.key)

    def _problem(self, batch: FailedBatch) -> str:
        if batch.function.endswith("-configure-logging"):
            return "it is a request of CloudFormation, not a batch: delete it"
        return batch.problem or self._not_ours(batch) or self._too_old(batch)

    def _not_ours(self, batch: FailedBatch) -> str:
        if self._logical(batch.function):
            return ""
        return f"{batch.function} is not one of this stack's collectors"

    def _logical(self, function: str) -> str:
        names = (name for name in _COLLECTORS if self._stack.resources.get(name) == function)
        return next(names, "")

    def _too_old(self, batch: FailedBatch) -> str:
        """Say that CloudWatch would refuse the metrics: nothing of it could be counted."""
        newest = batch.newest
        if newest is None or newest > self._clock() - METRIC_MAX_AGE_SECONDS:
            return ""
        return "its calls are more than 14 days old, and CloudWatch takes no metrics of then"

    def _redrive_objects(self) -> Iterator[Step]:
        letters = self._dead_letters("objects")
        collector = Collector.of(self._stack, *_OBJECTS)
        counter = CountOnce(collector, self._claims("objects"), self._clock)
        # While one is counted, no one else may receive it.
        hidden = int(collector.seconds + LOG_SECONDS)
        left: list[Message] = []
        with said_plainly(f"queue {letters.url}"):
            for (message,) in letters.take(hidden):
                sent = message.sent_at.timestamp() if message.sent_at else self._clock()
                outcome = counter.count(_object_unit(message.body, sent - _BEFORE_THE_QUEUE))
                if outcome.verdict in _DONE:
                    letters.remove(message)
                else:
                    left.append(message)
                yield Step(1, outcome, _shown(message.body))
            for message in left:
                letters.put_back(message)

    def redrive_log_objects(self, looked: Looked) -> Iterator[Step]:
        """Have the collector read objects that it never counted. Raises CommandError."""
        collector = Collector.of(self._stack, *_OBJECTS)
        counter = CountOnce(collector, self._claims("objects"), self._clock)
        for one in looked.uncounted:
            with said_plainly(f"s3://{one.place.bucket}/{one.place.key}"):
                outcome = counter.count(_object_unit(one.message, one.at.timestamp()))
            yield Step(1, outcome, one.place.key)

    def _send_back(self, kind: str) -> Iterator[Step]:
        letters = self._dead_letters(kind)
        queue = self._stack.resource(QUEUES[kind][1])
        with said_plainly(f"queue {letters.url}"):
            for count in letters.send_back(queue):
                yield Step(count, Outcome("counted"), queue.rpartition("/")[2])

    def _claims(self, kind: str) -> Claims:
        return Claims(self._stack.client("dynamodb"), self._stack.resource("IncidentsTable"), kind)

    def _dead_letters(self, kind: str) -> DeadLetters:
        return DeadLetters(self._stack.client("sqs"), self._stack.resource(QUEUES[kind][0]))

    def _queue(self, kind: str) -> DeadLetters:
        return DeadLetters(self._stack.client("sqs"), self._stack.resource(QUEUES[kind][1]))


def _object_unit(body: str, since: float) -> Unit:
    """Return what the collector is called with for one message about objects."""
    found = [one for one in log_objects(body) if isinstance(one, LogObject)]
    record = {
        "messageId": "redrive",
        "receiptHandle": "redrive",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }
    name = objects_name(found) if found else data_name(body)
    return Unit(name, {"Records": [record]}, since)


def _shown(body: str) -> str:
    keys = [
        f"s3://{one.bucket}/{one.key}" for one in log_objects(body) if isinstance(one, LogObject)
    ]
    return ", ".join(keys) or "a message about no log object"
