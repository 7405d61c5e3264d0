"""Who was told, in the incidents' table: one item for each alert and channel, thread and pace.

    pk incident's id       sk incident               what is remembered of it; only read here
    pk incident's id       sk sent#CHANNEL#ALERT     what became of an alert on a channel
    pk incident's id       sk thread#CHANNEL         the Slack message that shows the incident
    pk channel#CHANNEL     sk pace                   the channel's next free second

What has no incident stands under the id of its own key. Items go away by themselves.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_alerts.alerts.incidents.model import Incident
from bedrock_alerts.alerts.model import Alert, Channel, LedgerEntry, Thread, incident_id
from bedrock_alerts.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Dead letters are kept for 14 days: what is sent again from there has to be found here.
_KEPT_SECONDS: Final = 32 * 24 * 3600
_CONFIG: Final = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
)
_MAX_PAGES: Final = 10
_CONFLICT: Final = "ConditionalCheckFailedException"
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
        self._client: DynamoDBClient = client or boto3.client("dynamodb", config=_CONFIG)

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
        if self._put_if(item, condition):
            return None
        found = self.entry(channel, alert)
        if found == entry:  # ours: the answer to the first of two attempts was lost
            return None
        # Gone since: it expired in this very moment.
        return None if found is None and self._put_if(item, {}) else found

    def write(self, channel: Channel, alert: Alert, entry: LedgerEntry) -> None:
        """Write `entry`, whatever stands there."""
        self._put_if(self._item(_of_alert(channel, alert), entry), {})

    def entry(self, channel: Channel, alert: Alert) -> LedgerEntry | None:
        """Return what became of an alert."""
        return self._get(_of_alert(channel, alert), LedgerEntry)

    def entries(self, channel: Channel, incident: str) -> tuple[LedgerEntry, ...]:
        """Return what became of all alerts about an incident on a channel."""
        found: list[LedgerEntry] = []
        start: dict[str, Any] = {}
        for _ in range(_MAX_PAGES):
            answer = self._ask(
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

    def incident(self, key: str) -> Incident | None:
        """Return what is remembered of an incident."""
        return self._get((incident_id(key), "incident"), Incident)

    def thread(self, channel: Channel, incident: str) -> Thread | None:
        """Return the message that shows an incident."""
        return self._get((incident_id(incident), f"thread#{channel}"), Thread)

    def keep_thread(self, channel: Channel, incident: str, thread: Thread) -> None:
        """Remember the message that shows an incident."""
        self._put_if(self._item((incident_id(incident), f"thread#{channel}"), thread), {})

    def reserve(self, channel: Channel, now: float) -> float:
        """Take the channel's next free second, and return when it is."""
        if self._advance(channel, now, now + 1.0):
            return now
        answer = self._ask(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=_key((f"channel#{channel}", "pace")),
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
        return self._unless_conflict(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=_key((f"channel#{channel}", "pace")),
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

    def _get(self, key: tuple[str, str], kind: type[T]) -> T | None:
        answer = self._ask(
            lambda: self._client.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True)
        )
        return _decode(answer.get("Item", {}), kind)

    def _put_if(self, item: dict[str, Any], condition: Mapping[str, Any]) -> bool:
        return self._unless_conflict(
            lambda: self._client.put_item(TableName=self._table, Item=item, **condition)
        )

    def _unless_conflict(self, call: Callable[[], object]) -> bool:
        """Make a conditional write; False when the condition does not hold."""

        def attempt() -> bool:
            try:
                call()
            except ClientError as error:
                if _code(error) == _CONFLICT:
                    return False
                raise
            return True

        return self._ask(attempt)

    def _ask(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except ClientError as error:
            raise TransientError(f"Amazon DynamoDB refused: {_code(error)}") from error
        except BotoCoreError as error:
            raise TransientError(
                f"no answer from Amazon DynamoDB: {type(error).__name__}"
            ) from error

    def _item(self, key: tuple[str, str], value: msgspec.Struct) -> dict[str, Any]:
        return {**_key(key), "data": {"S": _encode(value)}, "expires": {"N": self._expiry()}}

    def _expiry(self) -> str:
        return str(int(self._clock()) + _KEPT_SECONDS)


def _of_alert(channel: Channel, alert: Alert) -> tuple[str, str]:
    return incident_id(alert.incident or alert.key), f"sent#{channel}#{alert.key}"


def _key(key: tuple[str, str]) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _encode(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def _decode(item: Item, kind: type[T]) -> T | None:
    """Read an item; what a newer or older version wrote in another shape is as good as absent."""
    try:
        return msgspec.json.decode(item.get("data", {}).get("S", ""), type=kind)
    except msgspec.DecodeError:
        return None


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "unknown")
