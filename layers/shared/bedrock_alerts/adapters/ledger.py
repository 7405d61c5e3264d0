"""Who was told, in the incidents' table: one item for each alert and channel, thread and pace.

    pk incident's id       sk incident               what is remembered of it; only read here
    pk incident's id       sk sent#CHANNEL#ALERT     what became of an alert on a channel
    pk incident's id       sk thread#CHANNEL         the Slack message that shows the incident
    pk channel#CHANNEL     sk pace                   the channel's next free second

What has no incident stands under the id of its own key. Items go away by themselves.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from bedrock_alerts.adapters.table import ask, key, table_client, unless_conflict
from bedrock_alerts.alerts.incidents.model import Incident
from bedrock_alerts.alerts.model import Alert, Channel, LedgerEntry, Thread, incident_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# An alarm may stand for months, and its end has to find who heard of its beginning.
_KEPT_SECONDS: Final = 400 * 24 * 3600
_MAX_PAGES: Final = 10
T = TypeVar("T")
Item = Mapping[str, Any]


class Ledger:
    """The ledger. Every method raises TransientError.

    Reads are consistent: two deliveries of one incident may run side by side.
    """

    def __init__(
        self,
        table_name: str,
        clock: Callable[[], float],
        client: "DynamoDBClient | None" = None,
    ) -> None:
        self._table = table_name
        self._clock = clock
        self._client: DynamoDBClient = client or table_client()

    def begin(
        self, channel: Channel, alert: Alert, entry: LedgerEntry, instead_of: LedgerEntry | None
    ) -> LedgerEntry | None:
        """Write `entry` where nothing stands but `instead_of`. Returns what stands there, if so."""
        item = self._item(_of_alert(channel, alert), entry)
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(sk)"}
        if instead_of is not None:
            condition = {
                "ConditionExpression": "#data = :data",
                "ExpressionAttributeNames": {"#data": "data"},
                "ExpressionAttributeValues": {":data": {"S": _encode(instead_of)}},
            }
        in_the_way = self._put(item, **condition, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        if in_the_way is None:
            return None
        found = _decode(in_the_way, LedgerEntry) or self.entry(channel, alert)
        if found == entry:  # ours: the answer to the first of two attempts was lost
            return None
        if found is None:  # it expired in this very moment, or nobody can read it any more
            self._put(item)
        return found

    def write(self, channel: Channel, alert: Alert, entry: LedgerEntry) -> None:
        """Write `entry`, whatever stands there."""
        self._put(self._item(_of_alert(channel, alert), entry))

    def entry(self, channel: Channel, alert: Alert) -> LedgerEntry | None:
        """Return what became of an alert."""
        return self._get(_of_alert(channel, alert), LedgerEntry)

    def entries(self, channel: Channel, incident: str) -> tuple[LedgerEntry, ...]:
        """Return what became of all alerts about an incident on a channel."""
        found: list[LedgerEntry] = []
        start: dict[str, Any] = {}
        for _ in range(_MAX_PAGES):
            answer = ask(
                lambda start=start: self._client.query(  # type: ignore[misc] # bound at once
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
                    ExpressionAttributeValues={
                        ":pk": {"S": incident_id(incident)},
                        ":sk": {"S": f"sent#{channel}#"},
                    },
                    ConsistentRead=True,
                    **start,
                )
            )
            entries = (_decode(item, LedgerEntry) for item in answer["Items"])
            found += [entry for entry in entries if entry is not None]
            if not answer.get("LastEvaluatedKey"):
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return tuple(found)

    def incident(self, incident: str) -> Incident | None:
        """Return what is remembered of an incident."""
        return self._get((incident_id(incident), "incident"), Incident)

    def thread(self, channel: Channel, incident: str) -> Thread | None:
        """Return the message that shows an incident."""
        return self._get((incident_id(incident), f"thread#{channel}"), Thread)

    def keep_thread(self, channel: Channel, incident: str, thread: Thread) -> None:
        """Remember the message that shows an incident."""
        self._put(self._item((incident_id(incident), f"thread#{channel}"), thread))

    def reserve(self, channel: Channel, now: float) -> float:
        """Take the channel's next free second, and return when it is."""
        if self._advance(channel, now, now + 1.0):
            return now
        answer = ask(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=key(f"channel#{channel}", "pace"),
                UpdateExpression="SET #free = #free + :one",
                ExpressionAttributeNames={"#free": "free"},
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="UPDATED_NEW",
            )
        )
        return float(answer["Attributes"]["free"]["N"]) - 1.0

    def hold(self, channel: Channel, until: float) -> None:
        """Let the channel have no free second before `until`."""
        self._advance(channel, until, until)

    def _advance(self, channel: Channel, if_before: float, free: float) -> bool:
        """Put the next free second forward, unless it is later than `if_before`."""
        conflict = unless_conflict(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=key(f"channel#{channel}", "pace"),
                UpdateExpression="SET #free = :free, expires = :expires",
                ConditionExpression="attribute_not_exists(#free) OR #free <= :before",
                ExpressionAttributeNames={"#free": "free"},
                ExpressionAttributeValues={
                    ":free": {"N": f"{free:.3f}"},
                    ":before": {"N": f"{if_before:.3f}"},
                    ":expires": {"N": self._expiry()},
                },
            )
        )
        return conflict is None

    def _get(self, place: tuple[str, str], kind: type[T]) -> T | None:
        answer = ask(
            lambda: self._client.get_item(
                TableName=self._table, Key=key(*place), ConsistentRead=True
            )
        )
        return _decode(answer.get("Item", {}), kind)

    def _put(self, item: dict[str, Any], **condition: Any) -> dict[str, Any] | None:
        """Write an item; returns the one in its way, None when it was written."""
        return unless_conflict(
            lambda: self._client.put_item(TableName=self._table, Item=item, **condition)
        )

    def _item(self, place: tuple[str, str], value: msgspec.Struct) -> dict[str, Any]:
        return {**key(*place), "data": {"S": _encode(value)}, "expires": {"N": self._expiry()}}

    def _expiry(self) -> str:
        return str(int(self._clock()) + _KEPT_SECONDS)


def _of_alert(channel: Channel, alert: Alert) -> tuple[str, str]:
    return incident_id(alert.incident or alert.key), f"sent#{channel}#{alert.key}"


def _encode(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def _decode(item: Item, kind: type[T]) -> T | None:
    """Read an item; what a newer or older version wrote in another shape is as good as absent."""
    try:
        return msgspec.json.decode(item.get("data", {}).get("S", ""), type=kind)
    except msgspec.DecodeError:
        return None
