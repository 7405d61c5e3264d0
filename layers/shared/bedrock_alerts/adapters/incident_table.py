"""Incidents in DynamoDB: one item each, written only if nobody else has written meanwhile.

pk incident's id       sk incident       the incident as JSON, its version, when it expires
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

from bedrock_alerts.adapters.table import ask, key, table_client, unless_conflict
from bedrock_alerts.alerts.incidents.model import Incident
from bedrock_alerts.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ATTEMPTS: Final = 8
_DAY_SECONDS: Final = 86_400
_KEPT_SECONDS: Final = 30 * _DAY_SECONDS
# An alarm may stand for months without a change: its end has to find it.
_KEPT_STANDING_SECONDS: Final = 400 * _DAY_SECONDS
T = TypeVar("T")


class _Found(NamedTuple):
    incident: Incident | None
    version: int


class IncidentTable:
    """The memory of incidents, by the ids that `incident_id` makes of their keys."""

    def __init__(
        self,
        name: str,
        clock: Callable[[], float] = time.time,
        client: "DynamoDBClient | None" = None,
    ) -> None:
        self._name = name
        self._clock = clock
        self._client: DynamoDBClient = client or table_client()

    def load(self, incident: str) -> Incident | None:
        """Return what is remembered of an incident. Raises TransientError."""
        return self._read(incident).incident

    def update(
        self, incident: str, change: Callable[[Incident | None], tuple[Incident | None, T]]
    ) -> T:
        """Remember what `change` makes of what is remembered, and return what else it gives.

        It is called again when somebody else was faster, so it must not do anything besides. What
        it leaves as it was (or gives as None) is not written. Raises TransientError.
        """
        found = self._read(incident)
        for _ in range(_ATTEMPTS):
            changed, result = change(found.incident)
            if changed is None or changed == found.incident:
                return result
            conflict = self._write(incident, changed, found.version)
            if conflict is None:
                return result
            found = _found(conflict) if conflict else self._read(incident)
        raise TransientError(f"an incident changed {_ATTEMPTS} times while it was being changed")

    def _read(self, incident: str) -> _Found:
        answer = ask(
            lambda: self._client.get_item(
                TableName=self._name, Key=key(incident, "incident"), ConsistentRead=True
            )
        )
        return _found(answer.get("Item", {}))

    def _write(self, incident: str, changed: Incident, version: int) -> dict[str, Any] | None:
        is_standing = changed.opened_at is not None and changed.ended_at is None
        kept = _KEPT_STANDING_SECONDS if is_standing else _KEPT_SECONDS
        item = {
            **key(incident, "incident"),
            "data": {"S": msgspec.json.encode(changed).decode()},
            "version": {"N": str(version + 1)},
            "expires": {"N": str(int(self._clock()) + kept)},
        }
        condition = "attribute_not_exists(pk)" if version == 0 else "#version = :version"
        names: dict[str, Any] = {}
        if version:
            names = {
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": {":version": {"N": str(version)}},
            }
        return unless_conflict(
            lambda: self._client.put_item(
                TableName=self._name,
                Item=item,
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **names,
            )
        )


def _found(item: dict[str, Any]) -> _Found:
    """Read an item; one that cannot be read any more is forgotten, and written anew."""
    version = int(item.get("version", {}).get("N", "0"))
    try:
        incident = msgspec.json.decode(item["data"]["S"], type=Incident)
    except (KeyError, msgspec.DecodeError):
        return _Found(None, version)
    return _Found(incident, version)
