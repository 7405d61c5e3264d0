"""The incidents table in DynamoDB: one item for each alarm, written only if no one else has.

    pk alarm#ID        sk item        the alarm's item as JSON, its version; due and shard while due
    pk alarm#ID        sk evidence    what was looked up about it
    pk channel#NAME    sk pace        the pace of a channel, its version
    pk redrive#KIND    sk NAME        a claim of `bedrock-alerts redrive`

The index `due` is sparse: it holds the items to look at again, in eight shards. Items that are no
longer needed expire.
"""

import random
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_alerts.adapters.aws_errors import code_of, translated
from bedrock_alerts.alerts.found import Found
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.notifications.pace import ChannelState
from bedrock_alerts.alerts.upgrade import OldRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS: Final = 8
INDEX: Final = "due"
_SERVICE: Final = "Amazon DynamoDB"
# If the table does not respond soon, go on without it: an alert must not wait for it.
_CONFIG: Final = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
)
_CONFLICT: Final = "ConditionalCheckFailedException"
_CONFLICT_SECONDS: Final = 0.05
_DAY_SECONDS: Final = 86_400
_KEPT_SECONDS: Final = 30 * _DAY_SECONDS
# An alarm may fire for months without a change, and its item must still exist at its end.
_KEPT_OPEN_SECONDS: Final = 400 * _DAY_SECONDS
T = TypeVar("T")


class IncidentsTable:
    """Items with versions. Every method raises TransientError. Reads are consistent."""

    def __init__(
        self,
        name: str,
        clock: Callable[[], float] = time.time,
        client: "DynamoDBClient | None" = None,
    ) -> None:
        self._name = name
        self._clock = clock
        self._client: DynamoDBClient = client or boto3.client("dynamodb", config=_CONFIG)

    def load(self, alarm: str) -> tuple[AlarmItem | None, int]:
        """Return an alarm's item and its version; an unreadable item is created again."""
        return self._load(f"alarm#{alarm}", "item", AlarmItem)

    def items(self) -> Iterator[AlarmItem]:
        """Yield what is known of every alarm: it reads the whole table. For people's commands."""
        start: dict[str, Any] = {}
        while True:
            with translated(_SERVICE):
                answer = self._client.scan(
                    TableName=self._name,
                    ConsistentRead=True,
                    FilterExpression="sk = :item",
                    ExpressionAttributeValues={":item": {"S": "item"}},
                    **start,
                )
            for item in answer["Items"]:
                with suppress(KeyError, msgspec.DecodeError):  # as `load` does without it
                    yield msgspec.json.decode(item["data"]["S"], type=AlarmItem)
            if not answer.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def put(self, alarm: str, item: AlarmItem, version: int, due: float | None) -> bool:
        """Write an item if its version is still `version`; False if not."""
        is_open = item.incident is not None or due is not None
        indexed: dict[str, Any] = {}
        if due is not None:
            shard = zlib.crc32(alarm.encode()) % SHARDS
            indexed = {"shard": {"S": f"due#{shard}"}, "due": {"N": repr(due)}}
        kept = _KEPT_OPEN_SECONDS if is_open else _KEPT_SECONDS
        return self._put(f"alarm#{alarm}", "item", item, version, kept, indexed)

    def due(self, now: float, limit: int) -> Sequence[str]:
        """Return the alarms that are due, the oldest first, `limit` at most."""
        found: list[tuple[float, str]] = []
        for shard in range(SHARDS):
            with translated(_SERVICE):
                answer = self._client.query(
                    TableName=self._name,
                    IndexName=INDEX,
                    KeyConditionExpression="#shard = :shard AND #due <= :now",
                    ExpressionAttributeNames={"#shard": "shard", "#due": "due"},
                    ExpressionAttributeValues={
                        ":shard": {"S": f"due#{shard}"},
                        ":now": {"N": repr(now)},
                    },
                    Limit=max(1, limit // SHARDS),
                )
            found += [
                (float(item["due"]["N"]), item["pk"]["S"].removeprefix("alarm#"))
                for item in answer["Items"]
            ]
        return [alarm for _, alarm in sorted(found)[:limit]]

    def load_channel(self, channel: str) -> tuple[ChannelState, int]:
        """Return the pace of a channel and its version."""
        found, version = self._load(f"channel#{channel}", "pace", ChannelState)
        return found or ChannelState(), version

    def put_channel(self, channel: str, state: ChannelState, version: int) -> bool:
        """Write the pace of a channel if its version is still `version`."""
        return self._put(f"channel#{channel}", "pace", state, version, _KEPT_SECONDS, {})

    def is_upgraded(self) -> bool:
        """Whether the items of versions before 0.2 have been migrated."""
        with translated(_SERVICE):
            answer = self._client.get_item(TableName=self._name, Key=_key("upgrade", "0.2"))
        return "Item" in answer

    def set_upgraded(self) -> None:
        """Mark them as migrated."""
        with translated(_SERVICE):
            self._client.put_item(TableName=self._name, Item=_key("upgrade", "0.2"))

    def old_records(self) -> Iterator[OldRecord]:
        """Yield the items that versions before 0.2 have stored about alarms."""
        start: dict[str, Any] = {}
        while True:
            with translated(_SERVICE):
                answer = self._client.scan(
                    TableName=self._name,
                    FilterExpression=(
                        "sk = :incident OR begins_with(sk, :sent) OR begins_with(sk, :thread)"
                    ),
                    ExpressionAttributeValues={
                        ":incident": {"S": "incident"},
                        ":sent": {"S": "sent#"},
                        ":thread": {"S": "thread#"},
                    },
                    **start,
                )
            for item in answer["Items"]:
                yield OldRecord(item["pk"]["S"], item["sk"]["S"], item.get("data", {}).get("S", ""))
            if not answer.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def evidence(self, alarm: str) -> Found:
        """Return the stored evidence of an alarm."""
        found, _ = self._load(f"alarm#{alarm}", "evidence", Found)
        return found or Found()

    def put_evidence(self, alarm: str, found: Found) -> None:
        """Store the evidence of an alarm, replacing the previous one."""
        with translated(_SERVICE):
            self._client.put_item(
                TableName=self._name,
                Item=self._item(f"alarm#{alarm}", "evidence", found, 1, _KEPT_SECONDS),
            )

    def _load(self, pk: str, sk: str, kind: type[T]) -> tuple[T | None, int]:
        with translated(_SERVICE):
            answer = self._client.get_item(
                TableName=self._name, Key=_key(pk, sk), ConsistentRead=True
            )
        item: dict[str, Any] = answer.get("Item", {})
        version = int(item.get("version", {}).get("N", "0"))
        try:
            return msgspec.json.decode(item["data"]["S"], type=kind), version
        except (KeyError, msgspec.DecodeError):
            return None, version

    def _put(
        self,
        pk: str,
        sk: str,
        value: object,
        version: int,
        kept: int,
        indexed: dict[str, Any],
    ) -> bool:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if version:
            condition = {
                "ConditionExpression": "#version = :version",
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": {":version": {"N": str(version)}},
            }
        item = self._item(pk, sk, value, version + 1, kept) | indexed
        with translated(_SERVICE):
            try:
                self._client.put_item(TableName=self._name, Item=item, **condition)
            except ClientError as error:
                if code_of(error) == _CONFLICT:
                    # Several writers may compete: a random pause keeps them from colliding again.
                    time.sleep(random.uniform(0.0, _CONFLICT_SECONDS))  # noqa: S311 - no secret
                    return False
                raise
        return True

    def _item(self, pk: str, sk: str, value: object, version: int, kept: int) -> dict[str, Any]:
        return {
            **_key(pk, sk),
            "data": {"S": msgspec.json.encode(value).decode()},
            "version": {"N": str(version)},
            "expires": {"N": str(int(self._clock()) + kept)},
        }


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
