"""The incidents table at moto, made as the template makes it: versions, what is due, what fails."""

import json
import zlib
from collections.abc import Iterator
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from moto import mock_aws
from mypy_boto3_dynamodb import DynamoDBClient

from bedrock_alerts.adapters.incidents_table import SHARDS, IncidentsTable
from bedrock_alerts.alerts.found import Found
from bedrock_alerts.alerts.incidents.item import AlarmItem, Incident
from bedrock_alerts.alerts.notifications.pace import ChannelState
from bedrock_alerts.errors import TransientError, UnknownOutcomeError
from tests.support.route_stack import TABLE, create_table

NOW: Final = 1_795_420_800.0
DAY: Final = 86_400
ALARM: Final = "a" * 32
ITEM: Final = AlarmItem(arn="arn:aws:cloudwatch:eu-west-1:111122223333:alarm:chat-blocks")
OPEN: Final = Incident(number=1, since=NOW, last_alarm=NOW, window=600.0)


@pytest.fixture
def dynamodb() -> Iterator[DynamoDBClient]:
    with mock_aws():
        client = boto3.client("dynamodb")
        create_table()
        yield client


@pytest.fixture
def table(dynamodb: DynamoDBClient) -> IncidentsTable:
    return IncidentsTable(TABLE, lambda: NOW, dynamodb)


def stored(dynamodb: DynamoDBClient, sk: str = "item") -> dict[str, Any]:
    key: Any = {"pk": {"S": f"alarm#{ALARM}"}, "sk": {"S": sk}}
    return dict(dynamodb.get_item(TableName=TABLE, Key=key)["Item"])


# ---- versions ------------------------------------------------------------------------------------


def test_what_is_not_there_has_version_0(table: IncidentsTable) -> None:
    assert table.load(ALARM) == (None, 0)
    assert table.load_channel("slack") == (ChannelState(), 0)
    assert table.evidence(ALARM) == Found()


def test_an_item_comes_out_as_it_went_in_and_its_version_counts_up(table: IncidentsTable) -> None:
    assert table.put(ALARM, ITEM, 0, None)
    assert table.load(ALARM) == (ITEM, 1)
    changed = AlarmItem(arn=ITEM.arn, note="changed")
    assert table.put(ALARM, changed, 1, None)
    assert table.load(ALARM) == (changed, 2)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_who_read_another_version_changes_nothing(table: IncidentsTable, version: int) -> None:
    assert table.put(ALARM, ITEM, 0, None)
    assert table.put(ALARM, ITEM, 1, None)
    assert not table.put(ALARM, AlarmItem(arn=ITEM.arn, note="late"), version, None)
    assert table.load(ALARM) == (ITEM, 2)


def test_an_item_that_was_deleted_is_not_written_by_who_knew_it(table: IncidentsTable) -> None:
    assert not table.put(ALARM, ITEM, 1, None)
    assert table.load(ALARM) == (None, 0)


def test_the_pace_of_a_channel_has_versions_too(table: IncidentsTable) -> None:
    state = ChannelState(next_free=NOW + 1)
    assert table.put_channel("slack:C0EXAMPLE", state, 0)
    assert not table.put_channel("slack:C0EXAMPLE", ChannelState(), 0)
    assert table.load_channel("slack:C0EXAMPLE") == (state, 1)
    assert table.load_channel("slack") == (ChannelState(), 0)


def test_evidence_stands_beside_the_item_and_is_replaced(table: IncidentsTable) -> None:
    assert table.put(ALARM, ITEM, 0, None)
    for alias in ("test", "prod"):
        table.put_evidence(ALARM, Found(account_alias=alias))
    assert table.evidence(ALARM).account_alias == "prod"
    assert table.load(ALARM) == (ITEM, 1)


@pytest.mark.parametrize(
    "data", [None, "", "no JSON", "[]", '{"arn":5}', '{"arn":"a","incident":{"number":"one"}}']
)
def test_an_item_that_cannot_be_read_is_made_again(
    table: IncidentsTable, dynamodb: DynamoDBClient, data: str | None
) -> None:
    item: dict[str, Any] = {
        "pk": {"S": f"alarm#{ALARM}"},
        "sk": {"S": "item"},
        "version": {"N": "7"},
    }
    if data is not None:
        item["data"] = {"S": data}
    dynamodb.put_item(TableName=TABLE, Item=item)
    assert table.load(ALARM) == (None, 7)
    assert table.put(ALARM, ITEM, 7, None)
    assert table.load(ALARM) == (ITEM, 8)


def test_fields_of_a_later_version_are_no_obstacle(
    table: IncidentsTable, dynamodb: DynamoDBClient
) -> None:
    assert table.put(ALARM, ITEM, 0, None)
    later = json.dumps({"arn": ITEM.arn, "of_tomorrow": [1]})
    dynamodb.put_item(TableName=TABLE, Item={**stored(dynamodb), "data": {"S": later}})
    assert table.load(ALARM) == (ITEM, 1)


# ---- what is due ---------------------------------------------------------------------------------


def test_what_is_due_is_found_the_oldest_first_in_all_shards(table: IncidentsTable) -> None:
    alarms = [f"{number:032x}" for number in range(64)]
    for number, alarm in enumerate(alarms):
        assert table.put(alarm, ITEM, 0, NOW - 1000 + number)
    assert {zlib.crc32(alarm.encode()) % SHARDS for alarm in alarms} == set(range(8))
    assert table.due(NOW, 2000) == alarms


def test_what_is_due_later_waits_until_then(table: IncidentsTable) -> None:
    assert table.put(ALARM, ITEM, 0, NOW + 0.25)
    assert table.due(NOW, 2000) == []
    assert table.due(NOW + 0.25, 2000) == [ALARM]


def test_what_is_not_due_any_more_leaves_the_index(
    table: IncidentsTable, dynamodb: DynamoDBClient
) -> None:
    assert table.put(ALARM, ITEM, 0, NOW)
    assert {"shard", "due"} <= set(stored(dynamodb))
    assert table.put(ALARM, ITEM, 1, None)
    assert table.due(NOW + DAY, 2000) == []
    assert not {"shard", "due"} & set(stored(dynamodb))


def test_paces_and_evidence_are_never_due(table: IncidentsTable) -> None:
    assert table.put_channel("slack", ChannelState(not_before=NOW), 0)
    table.put_evidence(ALARM, Found())
    assert table.due(NOW + DAY, 2000) == []


def test_no_more_is_found_than_was_asked_for(table: IncidentsTable) -> None:
    for number in range(64):
        assert table.put(f"{number:032x}", ITEM, 0, NOW)
    assert len(table.due(NOW, 16)) <= 16
    assert len(table.due(NOW, 1)) == 1


# ---- how long it is kept -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("incident", "due", "days"),
    [
        pytest.param(None, None, 30, id="what is over is history"),
        pytest.param(OPEN, None, 400, id="what fires must be there at its end"),
        pytest.param(None, NOW + 60, 400, id="what somebody waits for too"),
    ],
)
def test_an_item_expires(
    table: IncidentsTable,
    dynamodb: DynamoDBClient,
    incident: Incident | None,
    due: float | None,
    days: int,
) -> None:
    assert table.put(ALARM, AlarmItem(arn=ITEM.arn, incident=incident), 0, due)
    assert stored(dynamodb)["expires"] == {"N": str(int(NOW) + days * DAY)}


def test_evidence_expires(table: IncidentsTable, dynamodb: DynamoDBClient) -> None:
    table.put_evidence(ALARM, Found())
    assert stored(dynamodb, "evidence")["expires"] == {"N": str(int(NOW) + 30 * DAY)}


# ---- faults --------------------------------------------------------------------------------------

CALLS: Final = {
    "load": lambda table: table.load(ALARM),
    "put": lambda table: table.put(ALARM, ITEM, 0, NOW),
    "due": lambda table: table.due(NOW, 10),
    "load_channel": lambda table: table.load_channel("slack"),
    "put_channel": lambda table: table.put_channel("slack", ChannelState(), 0),
    "evidence": lambda table: table.evidence(ALARM),
    "put_evidence": lambda table: table.put_evidence(ALARM, Found()),
}


@pytest.mark.parametrize("call", CALLS)
def test_without_the_table_every_call_is_to_be_tried_again(
    table: IncidentsTable, dynamodb: DynamoDBClient, call: str
) -> None:
    dynamodb.delete_table(TableName=TABLE)
    with pytest.raises(
        TransientError, match=r"^Amazon DynamoDB refused: ResourceNotFoundException$"
    ):
        CALLS[call](table)


@pytest.mark.parametrize("call", CALLS)
def test_a_table_that_does_not_answer_is_to_be_tried_again(
    table: IncidentsTable,
    dynamodb: DynamoDBClient,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    def never_answers(*_: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://example.com")

    monkeypatch.setattr(dynamodb, "_make_api_call", never_answers)
    with pytest.raises(
        UnknownOutcomeError, match=r"^no response from Amazon DynamoDB: ReadTimeoutError$"
    ):
        CALLS[call](table)


def test_a_client_gives_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(boto3, "client", lambda _, *, config: made.append(config))
    IncidentsTable(TABLE)
    (config,) = made
    assert 2 * (config.connect_timeout + config.read_timeout) <= 8
    assert config.retries == {"mode": "standard", "total_max_attempts": 2}


def test_all_alarms_are_read_and_what_cannot_be_read_is_left_out(
    table: IncidentsTable, dynamodb: DynamoDBClient
) -> None:
    other = AlarmItem(arn=f"{ITEM.arn}-2", incident=OPEN)
    assert table.put(ALARM, ITEM, 0, None)
    assert table.put("b" * 32, other, 0, NOW)
    table.put_evidence(ALARM, Found())
    table.put_channel("email", ChannelState(next_free=NOW), 0)
    broken = {"pk": {"S": "alarm#c"}, "sk": {"S": "item"}, "data": {"S": "{"}}
    dynamodb.put_item(TableName=TABLE, Item=broken)
    assert sorted(table.items(), key=lambda item: item.arn) == [ITEM, other]
