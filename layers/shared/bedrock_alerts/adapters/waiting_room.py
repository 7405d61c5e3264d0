"""Alerts that wait for their digest, and the seats of those that need not, in DynamoDB.

pk channel#CHANNEL     sk digest#DUE#ALERT      an alert, and whom to mention
pk channel#CHANNEL     sk seats#MINUTE#GROUP    the keys of the alerts told at once
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bedrock_alerts.adapters.table import ask, key, table_client, unless_conflict
from bedrock_alerts.alerts.model import Alert, Channel, Waiting
from bedrock_alerts.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_DELETES: Final = 25
_DELETE_ATTEMPTS: Final = 4
_MINUTE: Final = 60
# What nobody fetches, because its timer was lost, goes with the next digest of its channel; longer
# than this is never waited.
_KEPT_SECONDS: Final = 30 * 86_400
_SEATS_KEPT_SECONDS: Final = 3600


class WaitingRoom:
    """Where alerts wait. Every method raises TransientError."""

    def __init__(
        self,
        name: str,
        clock: Callable[[], float] = time.time,
        client: "DynamoDBClient | None" = None,
    ) -> None:
        self._name = name
        self._clock = clock
        self._client: DynamoDBClient = client or table_client()

    def take_seat(self, channel: Channel, alert: str, seats: int, group: str = "") -> bool:
        """Tell whether an alert is among the first `seats` of a channel (and group) in this minute.

        An alert that has a seat keeps it, however often it is asked for.
        """
        minute = int(self._clock()) // _MINUTE * _MINUTE
        conflict = unless_conflict(
            lambda: self._client.update_item(
                TableName=self._name,
                Key=key(f"channel#{channel}", f"seats#{_stamp(minute)}#{group}"),
                UpdateExpression="ADD taken :alerts SET expires = :expires",
                ConditionExpression=(
                    "attribute_not_exists(taken) OR size(taken) < :seats OR contains(taken, :alert)"
                ),
                ExpressionAttributeValues={
                    ":alerts": {"SS": [alert]},
                    ":alert": {"S": alert},
                    ":seats": {"N": str(seats)},
                    ":expires": {"N": str(minute + _SEATS_KEPT_SECONDS)},
                },
            )
        )
        return conflict is None

    def wait(self, channel: Channel, due: datetime, waiting: Waiting) -> None:
        """Let an alert wait until `due`; again for the same alert changes nothing."""
        expires = int(due.timestamp()) + _KEPT_SECONDS
        ask(
            lambda: self._client.put_item(
                TableName=self._name,
                Item={
                    **key(f"channel#{channel}", _place(due, waiting)),
                    "data": {"S": msgspec.json.encode(waiting).decode()},
                    "expires": {"N": str(expires)},
                },
            )
        )

    def due(self, channel: Channel, by: datetime) -> list[tuple[str, Waiting]]:
        """Return everything that is due by then with its place, the oldest first."""
        found: list[tuple[str, Waiting]] = []
        start: dict[str, Any] = {}
        while True:
            answer = ask(
                lambda start=start: self._client.query(  # type: ignore[misc] # bound at once
                    TableName=self._name,
                    KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
                    ExpressionAttributeValues={
                        ":pk": {"S": f"channel#{channel}"},
                        ":first": {"S": "digest#"},
                        ":last": {"S": f"digest#{_stamp(by.timestamp())}~"},
                    },
                    ConsistentRead=True,
                    **start,
                )
            )
            found += [
                (item["sk"]["S"], _read(item["sk"]["S"], item["data"]["S"]))
                for item in answer["Items"]
            ]
            if not answer.get("LastEvaluatedKey"):
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def leave(self, channel: Channel, places: Sequence[str]) -> None:
        """Take alerts away that have been queued."""
        for first in range(0, len(places), _DELETES):
            pending: dict[str, Any] = {
                self._name: [
                    {"DeleteRequest": {"Key": key(f"channel#{channel}", place)}}
                    for place in places[first : first + _DELETES]
                ]
            }
            for _ in range(_DELETE_ATTEMPTS):
                answer = ask(
                    lambda pending=pending: self._client.batch_write_item(  # type: ignore[misc] # bound at once
                        RequestItems=pending
                    )
                )
                pending = answer.get("UnprocessedItems", {})
                if not pending:
                    break
            else:
                raise TransientError("the incidents' table deleted only some of a digest")


def _read(place: str, data: str) -> Waiting:
    """Read what waits; what cannot be read is told as such, and holds up nothing behind it."""
    try:
        return msgspec.json.decode(data, type=Waiting)
    except msgspec.DecodeError:
        return Waiting(
            alert=Alert(
                key=place.rpartition("#")[2],
                tone="unknown",
                status="UNREADABLE",
                title="An alert that waited for its digest",
                summary="It was written by another version of Bedrock Alerts, or by somebody else."
                " Look at the alarms of its time in the console.",
                account_id="",
                region="",
                at=None,
            )
        )


def _place(due: datetime, waiting: Waiting) -> str:
    return f"digest#{_stamp(due.timestamp())}#{waiting.alert.key}"


def _stamp(seconds: float) -> str:
    """Write a moment so that texts sort as moments do."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
