# ruff: noqa: N803 - the arguments have the names that boto3 gives them
"""A stack in memory for `redrive`: every call can be the last one of its run, or come back late.

The collectors are the real handlers, each time in a container that remembers nothing; what they
write can be found in their log only some minutes later.
"""

import base64
import gzip
import io
import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from unittest.mock import patch

from botocore.exceptions import ClientError

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.invocations.collector import CollectOptions, Parts
from bedrock_alerts.invocations.memory import Memory
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.observability import make_logger
from bedrock_alerts.wiring.collectors import Collecting
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.local_stack.metrics_log import MetricsLog
from functions.collect_logs import handler as collect_logs
from functions.collect_objects import handler as collect_objects
from functions.collect_stream import handler as collect_stream
from tests.records import converse

NOW: Final = 1_795_420_800.0
_DAY_SECONDS: Final = 86_400.0
FUNCTIONS: Final = {
    "collect-logs": collect_logs,
    "collect-stream": collect_stream,
    "collect-objects": collect_objects,
}
RESOURCES: Final = {
    "FailedBatchesBucket": "failed",
    "IncidentsTable": "incidents",
    "CollectLogsFunction": "collect-logs",
    "CollectLogsLogGroup": "collect-logs",
    "CollectStreamFunction": "collect-stream",
    "CollectStreamLogGroup": "collect-stream",
    "CollectObjectsFunction": "collect-objects",
    "CollectObjectsLogGroup": "collect-objects",
    "ObjectsQueue": "objects",
    "ObjectsDeadLetterQueue": "objects-dlq",
    "AlertsQueue": "alerts",
    "AlertsDeadLetterQueue": "alerts-dlq",
    "DeliveriesQueue": "deliveries",
    "DeliveriesDeadLetterQueue": "deliveries-dlq",
}
PRICES: Final = Prices.load()

Series = tuple[str, tuple[tuple[str, str], ...], int]


class StreamExistsError(Exception):
    """There is a log stream of that name."""


class Killed(BaseException):
    """The run is over: nothing of it can react."""


def refused(code: str, operation: str, status: int = 400) -> ClientError:
    error: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(error, operation)


class World:
    """The stack's services. `fault` says how which call of a run goes wrong."""

    def __init__(self) -> None:
        self.now = NOW
        self.objects: dict[tuple[str, str], tuple[bytes, str, float]] = {}
        self.queues: dict[str, list[dict[str, Any]]] = {}
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.log: list[tuple[str, float, str]] = []
        self.streams: dict[tuple[str, str], tuple[float, list[tuple[float, str]]]] = {}
        self.variables = {"METRICS_NAMESPACE": "BedrockAlerts"}
        self.resources = dict(RESOURCES)
        self.parameters = {"InvocationLogBucketName": "logs"}
        self.outputs: dict[str, str] = {}
        self.log_delay = self.shown_after = 0.0
        self.late: list[tuple[float, str, bytes]] = []
        self.calls = self.invocations = 0
        self.fault: tuple[int, str] | None = None
        self.lateness = 0.0
        self.gate: Callable[[], None] = lambda: None
        self.invoked = 0
        self._numbers = itertools.count()

    def clock(self) -> float:
        return self.now

    def stack(self) -> DeployedStack:
        return DeployedStack(
            name="ours",
            account="111122223333",
            region="eu-west-1",
            status="CREATE_COMPLETE",
            parameters=self.parameters,
            outputs=self.outputs,
            resources=self.resources,
            client=lambda service, _seconds=None: Client(self, service),
        )

    def wait(self, seconds: float) -> None:
        """Let time pass; what was on its way arrives meanwhile."""
        end = self.now + seconds
        for at, function, payload in sorted(self.late):
            if at <= end:
                self.now = max(self.now, at)
                self.late.remove((at, function, payload))
                self.run(function, payload)
        self.now = end

    def call(self, operation: Callable[[], Any], *, name: str) -> Any:
        """Do what one call does, unless its run is killed before, or before it hears of it."""
        self.gate()
        self.calls += 1
        self.now += 0.05
        self.invocations += name == "invoke"
        number, kind = self.fault or (0, "")
        if number != (self.invocations if kind == "late" else self.calls):
            kind = ""
        if kind == "before":
            raise Killed
        if kind == "late" and name == "invoke":
            self.late.append(operation())
            raise Killed
        try:
            answer = operation()
            return self.run(*answer[1:]) if name == "invoke" else answer
        finally:
            if kind == "after":
                raise Killed

    def run(self, function: str, payload: bytes) -> dict[str, Any]:
        """Run a collector as Lambda does."""
        self.invoked += 1
        stream = io.StringIO()
        parts = Parts(PRICES, CollectOptions(), memory=Memory())
        collecting = Collecting(parts, EmfSink("BedrockAlerts", stream))
        module: Any = FUNCTIONS[function]
        app: Any = collecting
        if function == "collect-objects":
            app = module.App(collecting, self, make_logger("collect-objects"))
        elif function == "collect-stream":
            app = module.App(collecting, make_logger("collect-stream"))
        with patch.object(module, "_app", lambda: app), patch.object(module, "time", self):
            try:
                answer = module.handler(json.loads(payload), None)
            except Exception as error:  # noqa: BLE001 - Lambda takes them all
                said = {"errorType": type(error).__name__, "errorMessage": str(error)}
                answer = {"FunctionError": "Unhandled", "Payload": said}
            else:
                answer = {"Payload": answer}
        self.log += [(function, self.now, line) for line in stream.getvalue().splitlines()]
        body = io.BytesIO(json.dumps(answer["Payload"]).encode())
        return {**answer, "Payload": body}

    def time(self) -> float:
        """Stand in for the module `time` of a handler."""
        return self.now

    def chunks(self, bucket: str, key: str) -> Iterator[bytes]:
        """Stand in for the reader of log objects."""
        yield self.objects[bucket, key][0]

    def metrics(self) -> Counter[Series]:
        """Add up what the log holds; how old a record was when it was counted is left out."""
        return summed(line for _, _, line in self.log)

    def shown_metrics(self) -> Counter[Series]:
        """Add up what CloudWatch shows by now: it may take two days for old metrics."""
        shown: Counter[Series] = Counter()
        for at, line in ((at, line) for _, at, line in self.log if '"_aws"' in line):
            minute = json.loads(line)["_aws"]["Timestamp"] / 1000
            delay = self.shown_after if at - minute > _DAY_SECONDS else 0.0
            if at + delay <= self.now:
                shown.update(summed([line]))
        return shown

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.objects[bucket, key] = (body, f'"{next(self._numbers)}"', self.now)

    def send(self, queue: str, *bodies: str) -> None:
        for body in bodies:
            number = next(self._numbers)
            self.queues.setdefault(queue, []).append(
                {"MessageId": f"m{number}", "Body": body, "sent": self.now, "hidden": 0.0}
            )

    def left(self, bucket: str = "failed") -> list[str]:
        return sorted(key for where, key in self.objects if where == bucket)


def summed(lines: Iterable[str]) -> Counter[Series]:
    found: Counter[Series] = Counter()
    for point in MetricsLog().read(list(lines)):
        if point.metric != "RecordAge":
            found[point.metric, tuple(point.dimensions), int(point.minute)] += round(
                sum(point.values) * 1e9
            )
    return found


class Body(io.BytesIO):
    """The content of an object, as botocore gives it."""

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        while chunk := self.read(size):
            yield chunk


class Client:
    """One service of the world, as far as `redrive` uses it."""

    class exceptions:  # noqa: N801 - boto3's name
        ClientError = ClientError
        ResourceAlreadyExistsException = StreamExistsError

    def __init__(self, world: World, service: str) -> None:
        self._world = world
        self._service = service

    def get_paginator(self, operation: str) -> "Pages":
        return Pages(self, operation)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self, f"_{name}")
        return lambda **given: self._world.call(lambda: operation(**given), name=name)

    # ---- S3 --------------------------------------------------------------------------------------

    def _get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        found = self._world.objects.get((Bucket, Key))
        if found is None:
            raise refused("NoSuchKey", "GetObject", 404)
        return {"Body": Body(found[0]), "ETag": found[1]}

    def _head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if (Bucket, Key) not in self._world.objects:
            raise refused("404", "HeadObject", 404)
        return {}

    def _put_object(
        self,
        Bucket: str,
        Key: str,
        Body: bytes,
        IfMatch: str = "",
        IfNoneMatch: str = "",
    ) -> dict[str, Any]:
        found = self._world.objects.get((Bucket, Key))
        if (IfNoneMatch and found) or (IfMatch and found and found[1] != IfMatch):
            raise refused("PreconditionFailed", "PutObject", 412)
        if IfMatch and not found:
            raise refused("NoSuchKey", "PutObject", 404)
        self._world.put(Bucket, Key, Body)
        return {"ETag": self._world.objects[Bucket, Key][1]}

    def _delete_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        self._world.objects.pop((Bucket, Key), None)
        return {}

    def _list_objects_v2(self, Bucket: str, Prefix: str = "") -> dict[str, Any]:
        return {
            "Contents": [
                {
                    "Key": key,
                    "Size": len(body),
                    "ETag": tag,
                    "LastModified": datetime.fromtimestamp(at, UTC),
                }
                for (bucket, key), (body, tag, at) in sorted(self._world.objects.items())
                if bucket == Bucket and key.startswith(Prefix)
            ]
        }

    # ---- DynamoDB --------------------------------------------------------------------------------

    def _get_item(
        self, TableName: str, Key: dict[str, dict[str, str]], *, ConsistentRead: bool
    ) -> dict[str, Any]:
        assert (TableName, ConsistentRead) == ("incidents", True)
        found = self._world.items.get(_of(Key))
        return {"Item": found} if found else {}

    def _put_item(
        self,
        TableName: str,
        Item: dict[str, dict[str, str]],
        ConditionExpression: str,
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        assert TableName == "incidents"
        found = self._world.items.get(_of(Item))
        if ConditionExpression == "attribute_not_exists(pk)":
            is_met = found is None
        else:
            assert ConditionExpression == "#data = :before"
            assert ExpressionAttributeNames == {"#data": "data"}
            assert ExpressionAttributeValues is not None
            is_met = found is not None and found["data"] == ExpressionAttributeValues[":before"]
        if not is_met:
            raise refused("ConditionalCheckFailedException", "PutItem")
        self._world.items[_of(Item)] = Item
        return {}

    def _delete_item(self, TableName: str, Key: dict[str, dict[str, str]]) -> dict[str, Any]:
        assert TableName == "incidents"
        self._world.items.pop(_of(Key), None)
        return {}

    def _query(
        self,
        TableName: str,
        *,
        ConsistentRead: bool,
        KeyConditionExpression: str,
        FilterExpression: str,
        ExpressionAttributeValues: Mapping[str, dict[str, str]],
    ) -> dict[str, Any]:
        assert (TableName, ConsistentRead) == ("incidents", True)
        assert (KeyConditionExpression, FilterExpression) == ("pk = :kind", "settled > :at")
        kind, at = (ExpressionAttributeValues[name] for name in (":kind", ":at"))
        return {
            "Items": [
                item
                for (pk, _), item in self._world.items.items()
                if pk == kind["S"] and float(item["settled"]["N"]) > float(at["N"])
            ]
        }

    # ---- Lambda, Logs, Bedrock -------------------------------------------------------------------

    def _get_function_configuration(self, FunctionName: str) -> dict[str, Any]:
        variables = {"Variables": self._world.variables}
        return {"Timeout": 60, "FunctionName": FunctionName, "Environment": variables}

    def _invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> Any:
        assert InvocationType == "RequestResponse"
        return (self._world.now + self._world.lateness, FunctionName, Payload)

    def _filter_log_events(
        self,
        logGroupName: str,
        startTime: int,
        endTime: int | None = None,
        filterPattern: str = "",
    ) -> dict[str, Any]:
        world = self._world
        return {
            "events": [
                {"message": line, "timestamp": int(at * 1000), "eventId": f"{place:056d}"}
                for place, (group, at, line) in enumerate(world.log)
                if group == logGroupName
                and _matches(line, filterPattern)
                and startTime <= at * 1000
                and (endTime is None or at * 1000 <= endTime)
                and at + world.log_delay <= world.now
            ]
        }

    def _create_log_stream(self, logGroupName: str, logStreamName: str) -> None:
        if (logGroupName, logStreamName) in self._world.streams:
            raise StreamExistsError
        self._world.streams[logGroupName, logStreamName] = (self._world.now, [])

    def _put_log_events(
        self, logGroupName: str, logStreamName: str, logEvents: list[dict[str, Any]]
    ) -> dict[str, Any]:
        world = self._world
        for event in logEvents:
            assert world.now - 14 * 86_400 < event["timestamp"] / 1000 <= world.now
            stream = world.streams[logGroupName, logStreamName][1]
            stream.append((world.now, event["message"]))
            world.log.append((logGroupName, world.now, event["message"]))
        return {}

    def _get_log_events(
        self,
        logGroupName: str,
        logStreamName: str,
        startFromHead: bool,  # noqa: FBT001 - as boto3 has it
        nextToken: str = "",
    ) -> dict[str, Any]:
        assert startFromHead
        world = self._world
        messages = [
            message
            for at, message in world.streams[logGroupName, logStreamName][1]
            if at + world.log_delay <= world.now
        ]
        first = int(nextToken or 0)
        events = [{"message": message} for message in messages[first : first + 7]]
        return {"events": events, "nextForwardToken": str(first + len(events))}

    def _describe_log_streams(self, logGroupName: str, logStreamNamePrefix: str) -> dict[str, Any]:
        return {
            "logStreams": [
                {"logStreamName": name, "creationTime": int(at * 1000)}
                for (group, name), (at, _) in self._world.streams.items()
                if group == logGroupName and name.startswith(logStreamNamePrefix)
            ]
        }

    def _get_metric_data(
        self, MetricDataQueries: list[Any], StartTime: datetime, EndTime: datetime, **_: Any
    ) -> dict[str, Any]:
        (query,) = MetricDataQueries
        found = {
            minute: value / 1e9
            for (metric, dimensions, minute), value in self._world.shown_metrics().items()
            if metric == query["MetricStat"]["Metric"]["MetricName"]
            and not dimensions
            and StartTime.timestamp() <= minute < EndTime.timestamp()
        }
        times = [datetime.fromtimestamp(minute, UTC) for minute in found]
        return {"MetricDataResults": [{"Timestamps": times, "Values": list(found.values())}]}

    def _get_model_invocation_logging_configuration(self) -> dict[str, Any]:
        return {"loggingConfig": {"s3Config": {"bucketName": "logs", "keyPrefix": "bedrock"}}}

    # ---- SQS -------------------------------------------------------------------------------------

    def _get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        number = len(self._world.queues.get(QueueUrl, []))
        return {
            "Attributes": {**dict.fromkeys(AttributeNames, "0"), AttributeNames[0]: str(number)}
        }

    def _receive_message(
        self,
        QueueUrl: str,
        MaxNumberOfMessages: int,
        VisibilityTimeout: int,
        **_: Any,
    ) -> dict[str, Any]:
        world = self._world
        found = [one for one in world.queues.get(QueueUrl, []) if one["hidden"] <= world.now]
        for one in found[:MaxNumberOfMessages]:
            one["hidden"] = world.now + VisibilityTimeout
        return {
            "Messages": [
                {
                    **one,
                    "ReceiptHandle": one["MessageId"],
                    "Attributes": {"SentTimestamp": str(int(one["sent"] * 1000))},
                }
                for one in found[:MaxNumberOfMessages]
            ]
        }

    def _change_message_visibility(
        self,
        QueueUrl: str,
        ReceiptHandle: str,
        VisibilityTimeout: int,
    ) -> None:
        for one in self._world.queues[QueueUrl]:
            if one["MessageId"] == ReceiptHandle:
                one["hidden"] = self._world.now + VisibilityTimeout

    def _delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        left = [one for one in self._world.queues[QueueUrl] if one["MessageId"] != ReceiptHandle]
        self._world.queues[QueueUrl] = left

    def _send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        self._world.send(QueueUrl, *(entry["MessageBody"] for entry in Entries))
        return {}


def _matches(line: str, pattern: str) -> bool:
    """Match a quoted term, or numbers of a JSON line: { $.a >= 1 && $.b.c < 2 }."""
    if not pattern.startswith("{"):
        return pattern.strip('"') in line
    for condition in pattern.strip("{} ").split(" && "):
        path, operator, limit = condition.split()
        try:
            value = json.loads(line)
            for name in path.removeprefix("$.").split("."):
                value = value[name]
        except (ValueError, KeyError, TypeError):
            return False
        assert operator in {">=", "<"}
        if (value >= float(limit)) != (operator == ">="):
            return False
    return True


def _of(item: Mapping[str, dict[str, str]]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


class Pages:
    """A paginator that has one page."""

    def __init__(self, client: Client, operation: str) -> None:
        self._client = client
        self._operation = operation

    def paginate(self, **given: Any) -> Iterator[dict[str, Any]]:
        yield getattr(self._client, self._operation)(**given)


# ---- what is put into it -------------------------------------------------------------------------


def lines(first: int, number: int, at: float = NOW - 600) -> list[dict[str, Any]]:
    """Return log events with records of their own."""
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        {
            "id": f"{place:056d}",
            "timestamp": int(at * 1000),
            "message": json.dumps({**converse(), "timestamp": stamp, "requestId": f"r{place}"}),
        }
        for place in range(first, first + number)
    ]


def batch(events: list[dict[str, Any]]) -> str:
    """Return what CloudWatch Logs would deliver: gzipped, in base64."""
    content = {"messageType": "DATA_MESSAGE", "logGroup": "g", "owner": "o", "logEvents": events}
    return base64.b64encode(gzip.compress(json.dumps(content).encode())).decode()


def failed(event: Mapping[str, Any], function: str = "collect-logs", **more: Any) -> bytes:
    """Return what Lambda stores about an invocation that failed."""
    arn = f"arn:aws:lambda:eu-west-1:111122223333:function:{function}:$LATEST"
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": "2026-11-23T08:00:00.000Z",
            "requestContext": {
                "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
                "functionArn": arn,
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": event,
            "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
            "responsePayload": {"errorType": "MemoryError", "errorMessage": "no memory"},
            **more,
        }
    ).encode()


def failed_stream(*packed: str) -> bytes:
    """Return what Lambda stores about a stream's batch: the event as text."""
    event = {"Records": [{"kinesis": {"data": data, "sequenceNumber": "1"}} for data in packed]}
    whole = json.loads(failed({}, "collect-stream"))
    del whole["requestPayload"]
    return json.dumps({**whole, "payload": json.dumps(event)}).encode()


def log_key(number: int, hour: str = "2026/11/23/07") -> str:
    """Return the key of a log object."""
    folder = "bedrock/AWSLogs/111122223333/BedrockModelInvocationLogs/eu-west-1"
    return f"{folder}/{hour}/{number}.json.gz"


def object_message(key: str, tag: str = "0") -> str:
    """Return what EventBridge sends about a new object."""
    detail = {"bucket": {"name": "logs"}, "object": {"key": key, "size": 9, "etag": tag}}
    return json.dumps({"detail-type": "Object Created", "detail": detail})


@contextmanager
def taking_turns(world: World, order: Iterable[int], *runs: Callable[[], None]) -> Iterator[None]:
    """Run some at the same time: before each call it is another's turn, as `order` says."""
    turns = [threading.Semaphore(0) for _ in runs]
    arrived = threading.Semaphore(0)
    here = threading.local()
    finished = [False] * len(runs)

    def gate() -> None:
        if (place := getattr(here, "place", None)) is not None:
            arrived.release()
            turns[place].acquire()

    def start(place: int) -> None:
        here.place = place
        gate()
        try:
            runs[place]()
        finally:
            finished[place] = True
            arrived.release()

    world.gate = gate
    threads = [threading.Thread(target=start, args=(place,)) for place in range(len(runs))]
    for thread in threads:
        thread.start()
        arrived.acquire()
    wanted = iter(order)
    while not all(finished):
        open_ones = [place for place, is_over in enumerate(finished) if not is_over]
        turns[open_ones[next(wanted, 0) % len(open_ones)]].release()
        arrived.acquire()
    for thread in threads:
        thread.join()
    world.gate = lambda: None
    yield
