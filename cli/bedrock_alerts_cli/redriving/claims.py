"""Who counts a failed batch: a claim in the incidents table, taken by one run at a time.

    pk redrive#KIND    sk NAME    the claim as JSON, and when it is settled

A claim is written before a batch is counted, with a conditional write, so two runs cannot both take
it. It stays when the batch was counted, because the same batch may be stored twice. A claim that
was left behind says until when its run may have had the batch counted; after that, the collector's
log says whether it did. Claims expire after 30 days, when no copy of a batch is left.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import msgspec

from bedrock_alerts_cli.deployed.old_claims import OLD_FOLDER
from bedrock_alerts_cli.user_errors import CommandError

_KEPT_SECONDS: Final = 30 * 86_400
_CONFLICT: Final = "ConditionalCheckFailedException"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The claim on one batch; times are in seconds since 1970.

    `until` is when its run could have had it counted at the latest, `settled` when the collector's
    log surely shows it.
    """

    state: Literal["running", "counted"]
    since: float
    until: float
    settled: float


class Claims:
    """The claims on one kind of thing."""

    def __init__(self, dynamodb: Any, table: str, kind: str) -> None:
        self._client = dynamodb
        self._table = table
        self._kind = {"S": f"redrive#{kind}"}

    def read(self, name: str) -> Claim | None:
        """Return the claim on something, None where there is none. Raises CommandError."""
        answer = self._client.get_item(
            TableName=self._table, Key=self._key(name), ConsistentRead=True
        )
        return self._claim(answer["Item"]) if "Item" in answer else None

    def take(self, name: str, claim: Claim, before: Claim | None) -> bool:
        """Store a claim if nothing changed since `before` was read. False if someone else did."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if before:
            condition = {
                "ConditionExpression": "#data = :before",
                "ExpressionAttributeNames": {"#data": "data"},
                "ExpressionAttributeValues": {":before": _data(before)},
            }
        item = {
            **self._key(name),
            "data": _data(claim),
            "settled": {"N": repr(claim.settled)},
            "expires": {"N": str(int(claim.since) + _KEPT_SECONDS)},
        }
        try:
            self._client.put_item(TableName=self._table, Item=item, **condition)
        except self._client.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") == _CONFLICT:
                return False
            raise
        return True

    def mark_counted(self, name: str, claim: Claim) -> None:
        """Record that it was counted. If that fails, the collector's log still says so."""
        self.take(name, msgspec.structs.replace(claim, state="counted"), claim)

    def release(self, name: str) -> None:
        """Give a claim up: it was certainly not counted."""
        self._client.delete_item(TableName=self._table, Key=self._key(name))

    def unsettled(self, at: float) -> Iterator[Claim]:
        """Yield the claims about which the collector's log does not say everything at `at`."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :kind",
            FilterExpression="settled > :at",
            ExpressionAttributeValues={":kind": self._kind, ":at": {"N": repr(at)}},
        )
        for page in pages:
            yield from map(self._claim, page["Items"])

    def _key(self, name: str) -> dict[str, Any]:
        return {"pk": self._kind, "sk": {"S": name}}

    def _claim(self, item: dict[str, Any]) -> Claim:
        where = f"{item['pk']['S']}, {item['sk']['S']} in table {self._table}"
        return _read(item["data"]["S"], where)


def move_old_claims(s3: Any, bucket: str, claims_of: Callable[[str], Claims]) -> None:
    """Move the claims that version 0.2.0 has left in the bucket of failed batches."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=OLD_FOLDER)
    for key in [found["Key"] for page in pages for found in page.get("Contents", [])]:
        kind, _, name = key.removeprefix(OLD_FOLDER).partition("/")
        with s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
            claim = _read(body.read(), f"s3://{bucket}/{key}")
        claims_of(kind).take(name, claim, None)
        s3.delete_object(Bucket=bucket, Key=key)


def _read(content: bytes | str, where: str) -> Claim:
    try:
        return msgspec.json.decode(content, type=Claim)
    except msgspec.DecodeError as error:
        raise CommandError(
            f"{where} is not a claim of this command: look who wrote it, and delete it"
        ) from error


def _data(claim: Claim) -> dict[str, str]:
    return {"S": msgspec.json.encode(claim).decode()}
